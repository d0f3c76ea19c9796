/** What a recording says about itself. */
import { EVENT_NAMES } from "./event.ts";

/** What a recording was made from. */
export type SourceFormat =
  /** The kernel's ftrace text (`cat trace`). */
  | "ftrace"
  /** The text of `trace-cmd report`. */
  | "trace-cmd"
  /** The text of `perf script`. */
  | "perf-script"
  /** The binary per-processor buffers of tracefs, read by `kmem record`. */
  | "tracefs"
  /** A data file of heaptrack. */
  | "heaptrack"
  /** A trace of the malloc laboratory of Bryant and O'Hallaron's course. */
  | "malloc-lab"
  /** A snapshot of a kmem heap or buddy allocator. */
  | "snapshot";

/** How a recording names memory. */
export type PointerKind =
  /** As it was in the kernel or the program. */
  | "real"
  /** Hashed by the kernel to 32 bits: two pointers may, rarely, look the same. */
  | "hashed"
  /** By numbers of the recording's own: two pieces that live at once differ, and that is all they tell. */
  | "numbers"
  /** There is no event with a pointer. */
  | "none";

/** What the recorder or the recording's text says; everything but the events. */
export interface SourceFacts {
  readonly format: SourceFormat;
  /** Names of the files that it was read from, without folders; empty where it was recorded directly. */
  readonly sources: readonly string[];
  /** The command line that was recorded, or null. */
  readonly command: string | null;
  /** `uname -r` of the recorded kernel, or null. */
  readonly kernelRelease: string | null;
  /** `uname -m` of the recorded machine, or null. */
  readonly machine: string | null;
  /** Bytes of a page on the recorded machine, or null. */
  readonly pageSize: number | null;
  readonly processorCount: number | null;
  /** Does the clock count ticks of an unknown length, so that times only order the events? */
  readonly clockCountsTicks: boolean;
  readonly pointers: PointerKind;
  /** Size of the text it was read from, decompressed; 0 where there was no text. */
  readonly textBytes: number;
  /** Lines of that text. */
  readonly lineCount: number;
  /** From an ftrace header; null where it does not say. */
  readonly tracer: string | null;
  /** `entries-in-buffer` of an ftrace header: the events that the text holds. */
  readonly entriesInBuffer: number | null;
  /** `entries-written` of an ftrace header: the events that the kernel recorded. */
  readonly entriesWritten: number | null;
  /** Events that the kernel overwrote because its buffer was full. */
  readonly overwrittenEvents: number;
  /** Events that the recorder or the kernel dropped, as far as their number is told. */
  readonly lostEvents: number;
  /** How often the text tells of lost events; some kernels leave the number out. */
  readonly lostEventLines: number;
  /** Lost events of each processor; null where the recording does not tell them apart. */
  readonly lostByProcessor: readonly number[] | null;
  /** Events of kinds that are not kept, by name. */
  readonly otherEvents: Readonly<Record<string, number>>;
  /** Why reading stopped before the recording's end; null where it did not. */
  readonly stoppedEarly: string | null;
}

/** What the events come to. */
export interface EventTotals {
  readonly eventCount: number;
  /** The index is the kind. */
  readonly countByKind: readonly number[];
  /** Sum of what was asked for, over all events. */
  readonly bytesRequested: number;
  /** Sum of what was given, over all events. */
  readonly bytesAllocated: number;
  /** From the first event to the last; null where the clock counts ticks. */
  readonly durationSeconds: number | null;
}

/** Everything a recording says about itself. */
export type RecordingFacts = SourceFacts & EventTotals;

/** The facts as a document: with the events counted by name; kinds that do not occur are left out. */
export type NamedFacts = Omit<RecordingFacts, "countByKind"> & {
  readonly events: Readonly<Record<string, number>>;
};

/** The facts as a document. */
export function namedFacts({ countByKind, ...facts }: RecordingFacts): NamedFacts {
  const counts = EVENT_NAMES.map((name, kind) => [name, countByKind[kind]!] as const);
  return { ...facts, events: Object.fromEntries(counts.filter(([, count]) => count > 0)) };
}

/** The facts from such a document. */
export function unnamedFacts({ events, ...facts }: NamedFacts): RecordingFacts {
  return { ...facts, countByKind: EVENT_NAMES.map((name) => events[name] ?? 0) };
}

/** Where a recording was read from. */
export interface TraceOrigin {
  /** The name the file was opened by. */
  readonly file: string;
  /** Size of the file as it lies on disk; null for a pipe. */
  readonly fileBytes: number | null;
  /** gzip or zstd around it. */
  readonly compressed: boolean;
}

/** Facts of a recording that tells nothing but its format; for a recorder to fill in. */
export function sourceFacts(
  format: SourceFormat,
  facts: Partial<Omit<SourceFacts, "format">> = {},
): SourceFacts {
  return {
    sources: [],
    command: null,
    kernelRelease: null,
    machine: null,
    pageSize: null,
    processorCount: null,
    clockCountsTicks: false,
    pointers: "real",
    textBytes: 0,
    lineCount: 0,
    tracer: null,
    entriesInBuffer: null,
    entriesWritten: null,
    overwrittenEvents: 0,
    lostEvents: 0,
    lostEventLines: 0,
    lostByProcessor: null,
    otherEvents: {},
    stoppedEarly: null,
    ...facts,
    format,
  };
}

function sumIfTold(first: number | null, second: number | null): number | null {
  return first === null || second === null ? null : first + second;
}

/** What two parts of one recording say together: sums, and the first part's word where there is none to sum. */
export function joinedFacts(first: SourceFacts, second: SourceFacts): SourceFacts {
  const otherEvents = { ...first.otherEvents };
  for (const [name, count] of Object.entries(second.otherEvents)) {
    otherEvents[name] = (otherEvents[name] ?? 0) + count;
  }
  return {
    ...first,
    sources: [...first.sources, ...second.sources],
    clockCountsTicks: first.clockCountsTicks || second.clockCountsTicks,
    pointers: first.pointers === "none" || second.pointers === "hashed" ? second.pointers : first.pointers,
    textBytes: first.textBytes + second.textBytes,
    lineCount: first.lineCount + second.lineCount,
    entriesInBuffer: sumIfTold(first.entriesInBuffer, second.entriesInBuffer),
    entriesWritten: sumIfTold(first.entriesWritten, second.entriesWritten),
    overwrittenEvents: first.overwrittenEvents + second.overwrittenEvents,
    lostEvents: first.lostEvents + second.lostEvents,
    lostEventLines: first.lostEventLines + second.lostEventLines,
    lostByProcessor: null,
    otherEvents,
    stoppedEarly: first.stoppedEarly ?? second.stoppedEarly,
  };
}
