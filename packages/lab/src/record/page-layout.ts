/** Where the parts of a page of the trace buffer lie: `events/header_page`, and what `events/header_event` must say. */
import { parseEventFormat } from "./event-format.ts";
import { RecordError } from "./record-error.ts";

/** Byte offsets in a page of the buffer. */
export interface PageLayout {
  /** Of the time of the page's first event, 8 bytes. */
  readonly timeAt: number;
  /** Of the word that counts the bytes of data and says whether events were lost before. */
  readonly commitAt: number;
  /** Of the first event. */
  readonly dataAt: number;
  /** The length of a page, where the kernel was not asked for another. */
  readonly pageBytes: number;
}

/** What `ring-page.ts` takes for granted of an event's first word. */
const EVENT_HEADER_FACTS: readonly RegExp[] = [
  /type_len\s*:\s*5 bits/,
  /time_delta\s*:\s*27 bits/,
  /padding\s*: type == 29/,
  /time_extend\s*: type == 30/,
  /data max type_len\s*== 28/,
];

/** Parses both header files. Throws a RecordError when a kernel packs its buffers in another way. */
export function parsePageLayout(headerPage: string, headerEvent: string): PageLayout {
  // The same lines as in a format file, without its head.
  const { fields } = parseEventFormat(`name: page\nID: 0\n${headerPage}`);
  const timestamp = fields.get("timestamp");
  const commit = fields.get("commit");
  const data = fields.get("data");
  const isKnown = EVENT_HEADER_FACTS.every((fact) => fact.test(headerEvent));
  if (timestamp?.size !== 8 || commit === undefined || data === undefined || !isKnown) {
    throw new RecordError("NO_EVENTS", "the kernel packs its trace buffers in a way that is not understood");
  }
  return {
    timeAt: timestamp.offset,
    commitAt: commit.offset,
    dataAt: data.offset,
    pageBytes: data.offset + data.size,
  };
}
