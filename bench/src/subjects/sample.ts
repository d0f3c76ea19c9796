/** What one process of a subject reports, native or not: the JSON document on its standard output. */

/** One way to run the loop: `write` writes the first word of each new object, `plain` does not. */
export type Column = "write" | "plain";

/** What both kinds of sample say, so that the harness can see that the right work was done. */
interface Seen {
  /** Which allocator really served the calls: a library's path, or an adapter's name. */
  readonly allocator: string;
  /** Checksum of the operations: set-up and one round. */
  readonly checksum: number;
  /** Operations carried out, warm-up included. */
  readonly operationCount: number;
}

/** Result of a timing process. */
export interface TimeSample extends Seen {
  /** Nanoseconds of each timed round, in order, per column. */
  readonly roundsNs: Readonly<Partial<Record<Column, readonly number[]>>>;
}

/** Result of a memory process. */
export interface MemorySample extends Seen {
  /** Most bytes asked for and not yet freed, at any time of set-up and one round. */
  readonly peakPayloadBytes: number;
  /** Most bytes held at any time. Native: of the whole process, so the baseline's must be taken off. */
  readonly peakFootprintBytes: number;
}
