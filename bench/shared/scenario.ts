/** What is measured: how many workers do what on which heap. Rates are pairs of one allocation and one free a second. */

/** `own`: random replacement, each frees its own. `ring`: what one half allocates, the other frees; alone, it does both. */
export type Pattern = "own" | "ring";

/** `heap`: the plain Heap, for one worker. `locked`: the plain Heap, shared under a lock around each call. */
export type SubjectName = "heap" | "shared" | "locked";

/** One row of the figures. */
export interface Scenario {
  readonly pattern: Pattern;
  readonly subject: SubjectName;
  readonly workerCount: number;
}

export const SCENARIOS: readonly Scenario[] = [
  { pattern: "own", subject: "heap", workerCount: 1 },
  { pattern: "own", subject: "shared", workerCount: 1 },
  { pattern: "own", subject: "shared", workerCount: 2 },
  { pattern: "own", subject: "shared", workerCount: 8 },
  { pattern: "own", subject: "locked", workerCount: 1 },
  { pattern: "own", subject: "locked", workerCount: 2 },
  { pattern: "ring", subject: "shared", workerCount: 1 },
  { pattern: "ring", subject: "shared", workerCount: 2 },
  { pattern: "ring", subject: "locked", workerCount: 2 },
];

/** Threads of the same patterns on the native allocators. */
export const NATIVE_SCENARIOS: readonly Omit<Scenario, "subject">[] = [
  { pattern: "own", workerCount: 1 },
  { pattern: "own", workerCount: 2 },
  { pattern: "own", workerCount: 8 },
  { pattern: "ring", workerCount: 1 },
  { pattern: "ring", workerCount: 2 },
];

/** Live objects of a worker, and what may be in a ring. */
export const LIVE_COUNT = 1000;
export const RING_COUNT = 4096;
/** Bytes of an object, both inclusive. */
export const MIN_BYTES = 16;
export const MAX_BYTES = 1024;
/** Bytes of each heap. */
export const HEAP_BYTES = 2 ** 26;
/** A ring's ends are told to the other side once in so many objects. */
export const RING_BATCH = 32;

/** Words of the control buffer, each on a cache line of its own. */
export const GO = 0;
export const STOP = 16;
export const HEAD = 32;
export const TAIL = 48;
export const CONTROL_WORDS = 64;

/** What a worker is given. */
export interface WorkerTask {
  readonly scenario: Scenario;
  readonly index: number;
  /** What attaches to the heap: a SharedHeap's handle, or that of the locked heap; undefined for the plain one. */
  readonly handle: unknown;
  /** Where the locked heap's module is. */
  readonly lockedUrl: string;
  readonly control: SharedArrayBuffer;
  /** RING_COUNT offsets. */
  readonly ring: SharedArrayBuffer;
  /** Time each hold of the lock. */
  readonly timesLock: boolean;
}

/** What a worker tells of one period. */
export interface WorkerReport {
  /** Allocations and frees done, added and halved. */
  readonly pairs: number;
  readonly seconds: number;
  /** What of them the worker was on a processor. */
  readonly cpuSeconds: number;
  /** Microseconds for which the lock was held, in rising order; empty unless asked for. */
  readonly holdsUs: readonly number[];
}
