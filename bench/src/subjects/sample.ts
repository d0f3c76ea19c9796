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
  readonly roundsNs: Partial<Record<Column, readonly number[]>>;
  /** Whether time ran out: the last round is then reckoned from a part of it, and what would have followed is left out. */
  readonly isCut: boolean;
}

/** Result of a latency process. */
export interface LatencySample extends Seen {
  readonly rounds: readonly LatencyRound[];
}

/** The distribution of single operations' times in one round, the clock's own cost included. */
export interface LatencyRound {
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly p9999Ns: number;
  readonly maxNs: number;
  /** The longest operation during which the collector did not run. */
  readonly maxOutsideCollectorNs: number;
  /** Runs of the collector in the round, and how long they took together. */
  readonly collectionCount: number;
  readonly collectionNs: number;
}

/** Result of a memory process. */
export interface MemorySample extends Seen {
  /** Most bytes asked for and not yet freed, at any time of set-up and one round. */
  readonly peakPayloadBytes: number;
  /** Most bytes held at any time. Native: of the whole process, so the baseline's must be taken off. */
  readonly peakFootprintBytes: number;
  /** Whether time ran out before the end. */
  readonly isCut: boolean;
}
