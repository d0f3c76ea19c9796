/**
 * What a trace file carries besides its rows, as Parquet's key-value metadata:
 *
 * - `kmem.trace`: a JSON document, `FileHeader`;
 * - `kmem.state.start.NAME`, `kmem.state.end.NAME`: the kernel's allocators at both ends, text as it was in /proc, the
 *   free pages in base64;
 * - `kmem.text.NAME`, `kmem.bytes.NAME`: whatever else was attached; bytes in base64.
 */
import type { KeyValue } from "hyparquet";
import { decodePageRanges, encodePageRanges } from "./page-ranges.ts";
import { namedFacts, unnamedFacts, type NamedFacts, type RecordingFacts } from "./recording.ts";
import type { StateMoment, TraceAttachments, TraceState } from "./trace.ts";

/** Names the format; its number rises when a reader of the earlier one would read something wrong. */
export const FILE_SCHEMA = "kmem-trace/1";

const HEADER_KEY = "kmem.trace";
const STATE_KEY = "kmem.state";
const TEXT_KEY = "kmem.text.";
const BYTES_KEY = "kmem.bytes.";
const STATE_TEXTS = ["buddyinfo", "pagetypeinfo", "slabinfo", "zoneinfo"] as const;

/** The bytes of a row group's pages and their CRC-32, so that damage is found and placed. */
export interface RowGroupSum {
  readonly byteLength: number;
  readonly crc32: number;
}

/** The JSON document under `kmem.trace`. */
export interface FileHeader {
  readonly schema: typeof FILE_SCHEMA;
  readonly facts: NamedFacts;
  readonly rowGroups: readonly RowGroupSum[];
  /** When the states were read, in nanoseconds on the events' clock; null where there is none. */
  readonly stateTimes: Readonly<Record<keyof TraceState, readonly [began: number, ended: number] | null>>;
}

/** What a file says besides its rows. */
export interface FileMetadata {
  readonly facts: RecordingFacts;
  readonly rowGroups: readonly RowGroupSum[];
  readonly state: TraceState;
  readonly attachments: TraceAttachments;
}

/** The key-value metadata for a file. */
export function packMetadata({ facts, rowGroups, state, attachments }: FileMetadata): KeyValue[] {
  const header: FileHeader = {
    schema: FILE_SCHEMA,
    facts: namedFacts(facts),
    rowGroups,
    stateTimes: { start: timesOf(state.start), end: timesOf(state.end) },
  };
  const attached = [...attachments].map(([name, content]) =>
    typeof content === "string"
      ? { key: TEXT_KEY + name, value: content }
      : { key: BYTES_KEY + name, value: content.toBase64() },
  );
  return [
    { key: HEADER_KEY, value: JSON.stringify(header) },
    ...packMoment("start", state.start),
    ...packMoment("end", state.end),
    ...attached,
  ];
}

/**
 * What the key-value metadata of a file says; null if the file is none of kmem's, by any version. Throws a SyntaxError
 * or RangeError where it is damaged.
 */
export function unpackMetadata(pairs: readonly KeyValue[]): FileMetadata | null {
  const values = new Map(pairs.map(({ key, value }) => [key, value ?? ""]));
  const json = values.get(HEADER_KEY);
  if (json === undefined) return null;
  const header = JSON.parse(json) as FileHeader;
  if (header.schema !== FILE_SCHEMA) {
    throw new RangeError(`it is of format ${header.schema}, and this version reads ${FILE_SCHEMA}`);
  }
  const attachments = new Map<string, string | Uint8Array>();
  for (const [key, value] of values) {
    if (key.startsWith(TEXT_KEY)) attachments.set(key.slice(TEXT_KEY.length), value);
    if (key.startsWith(BYTES_KEY)) attachments.set(key.slice(BYTES_KEY.length), Uint8Array.fromBase64(value));
  }
  return {
    facts: unnamedFacts(header.facts),
    rowGroups: header.rowGroups,
    state: {
      start: unpackMoment("start", header, values),
      end: unpackMoment("end", header, values),
    },
    attachments,
  };
}

function timesOf(moment: StateMoment | null): readonly [number, number] | null {
  return moment === null ? null : [moment.beganNanoseconds, moment.endedNanoseconds];
}

function packMoment(end: keyof TraceState, moment: StateMoment | null): KeyValue[] {
  if (moment === null) return [];
  const pairs: KeyValue[] = [];
  for (const name of STATE_TEXTS) {
    const text = moment[name];
    if (text !== null) pairs.push({ key: `${STATE_KEY}.${end}.${name}`, value: text });
  }
  if (moment.freePages !== null) {
    const value = encodePageRanges(moment.freePages).toBase64();
    pairs.push({ key: `${STATE_KEY}.${end}.free_pages`, value });
  }
  return pairs;
}

function unpackMoment(
  end: keyof TraceState,
  { stateTimes }: FileHeader,
  values: ReadonlyMap<string, string>,
): StateMoment | null {
  const times = stateTimes[end];
  if (times === null) return null;
  const text = (name: string): string | null => values.get(`${STATE_KEY}.${end}.${name}`) ?? null;
  const freePages = text("free_pages");
  return {
    beganNanoseconds: times[0],
    endedNanoseconds: times[1],
    buddyinfo: text("buddyinfo"),
    pagetypeinfo: text("pagetypeinfo"),
    slabinfo: text("slabinfo"),
    zoneinfo: text("zoneinfo"),
    freePages: freePages === null ? null : decodePageRanges(Uint8Array.fromBase64(freePages)),
  };
}
