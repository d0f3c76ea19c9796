/**
 * What a film is shot from: operations on numbered pieces of memory, in order, and what each piece asks for.
 *
 * A script knows nothing of files. `trace-scripts.ts` makes scripts of a recording; `synthetic.ts` invents one.
 *
 * Invariants: (I1) operation `i` allocates piece i, and pieces are numbered in the order of their allocation;
 * (I2) operation `~i` frees piece i, at most once, after its allocation.
 */

/** `cacheOf` of a piece that comes from `malloc`. */
export const FROM_MALLOC = -1;

/** A cache that the script's objects come from by name. */
export interface ScriptCache {
  readonly name: string;
  /** Bytes of an object. */
  readonly objectSize: number;
}

/** What happened outside at each operation: when, and who asked. */
export interface ScriptClock {
  /** Nanoseconds since the recording began; null where the recording has no clock that counts seconds. */
  readonly nanoseconds: Float64Array | null;
  /** Index into `callSites`, -1 where nothing is known. */
  readonly callSiteOf: Int32Array;
  readonly callSites: readonly string[];
}

/** What all scripts have. Arrays are indexed by operation or by piece, as their names say. */
interface ScriptBase {
  /** For people: what this is. */
  readonly title: string;
  readonly pageSize: number;
  /** Bytes that the space starts with, and may grow to. */
  readonly size: number;
  readonly maxSize: number;
  /** `i`: piece i is allocated; `~i`: it is freed. */
  readonly operations: Int32Array;
  readonly pieceCount: number;
  /** Null for an invented script. */
  readonly clock: ScriptClock | null;
}

/** Objects, for a `Heap`. */
export interface HeapScript extends ScriptBase {
  readonly kind: "heap";
  readonly caches: readonly ScriptCache[];
  /** For each piece: an index into `caches`, or `FROM_MALLOC`. */
  readonly cacheOf: Int32Array;
  /** For each piece: bytes asked for. */
  readonly bytesRequested: ArrayLike<number>;
}

/** Blocks of pages, for a `BuddyAllocator`. */
export interface PagesScript extends ScriptBase {
  readonly kind: "pages";
  readonly maxOrder: number;
  /** For each piece: log2 of its pages. */
  readonly order: Uint8Array;
  /** For each piece: an index into `groups`, by which blocks are told apart. */
  readonly groupOf: Uint8Array;
  /** Names of what the blocks are for, such as the kernel's migrate types. */
  readonly groups: readonly string[];
  /** For each piece: bytes asked for; null where whole blocks are asked for. */
  readonly bytesRequested: ArrayLike<number> | null;
}

/** What a film is shot from. */
export type Script = HeapScript | PagesScript;
