/** How a recording names the memory of objects. */
export type PointerKind =
  /** As they were in the kernel. */
  | "real"
  /** Hashed by the kernel to 32 bits: two pointers may, rarely, look the same. */
  | "hashed"
  /** There is no object event. */
  | "none";

/** What a recording says about itself, and what was counted while it was read. */
export interface RecordingFacts {
  /** The name the file was opened by. */
  readonly file: string;
  readonly compressed: boolean;
  /** Size of the file; null for a pipe. */
  readonly fileBytes: number | null;
  /** Size of the text, decompressed. */
  readonly textBytes: number;
  readonly lineCount: number;
  /** From the file's header; null where it does not say. */
  readonly tracer: string | null;
  /** From the file's header; null where it does not say. */
  readonly processorCount: number | null;
  /** `entries-in-buffer` of the file's header: the events that the file holds. */
  readonly entriesInBuffer: number | null;
  /** `entries-written` of the file's header: the events that the kernel recorded. */
  readonly entriesWritten: number | null;
  /** Events that the kernel overwrote because its buffer was full: written minus in the buffer. */
  readonly overwrittenEvents: number;
  /** Sum of the `CPU:n [LOST m EVENTS]` lines. */
  readonly lostEvents: number;
  /** How many such lines there are; some kernels leave the number out. */
  readonly lostEventLines: number;
  /** Events of the `kmem` kinds that `EventKind` lists, one count a kind. */
  readonly countByKind: readonly number[];
  /** Their sum. */
  readonly eventCount: number;
  /** Events of any other kind, by name. */
  readonly otherEvents: ReadonlyMap<string, number>;
  /** From the first to the last of the listed events; null where the clock counts ticks. */
  readonly durationSeconds: number | null;
  readonly pointers: PointerKind;
  /** Sum of `bytes_req` over all allocations of objects. */
  readonly bytesRequested: number;
  /** Sum of `bytes_alloc` over all allocations of objects. */
  readonly bytesAllocated: number;
  /** Why reading stopped before the recording's end; null where it did not. */
  readonly stoppedEarly: string | null;
}
