/**
 * Links every free of a recording to the allocation that it ends, once, so that replaying needs no look-up by
 * pointer: the pieces of memory are numbered in the order of their allocation, and a stream of operations says
 * `i` for "piece i is allocated" and `~i` for "piece i is freed".
 *
 * Invariants of a stream: (I1) `i` comes exactly once, in rising order; (I2) `~i` comes at most once, after `i`.
 */

import { KeyTable } from "./key-table.ts";

/** How many allocations and frees of a recording could be linked, and what became of the others. */
export interface LifetimeCounts {
  /** Allocations in the stream. */
  allocations: number;
  /** Frees in the stream that the recording holds. */
  frees: number;
  /**
   * Frees in the stream that the recording does not hold: an allocation returned memory that was still in use as
   * far as the recording tells, so it was freed in between. The kernel traces no bulk frees
   * (`kmem_cache_free_bulk`, `kfree_bulk`), and events can be lost.
   */
  unrecordedFrees: number;
  /** Frees of memory that was allocated before the recording began; not in the stream. */
  freesFromBefore: number;
  /** Allocations that failed in the kernel; not in the stream. */
  failedAllocations: number;
}

/** Builds a stream of operations from the keys that allocations and frees name. */
export class LifetimeLinker {
  readonly counts: LifetimeCounts = {
    allocations: 0,
    frees: 0,
    unrecordedFrees: 0,
    freesFromBefore: 0,
    failedAllocations: 0,
  };
  readonly #operations: Int32Array;
  readonly #live = new KeyTable();
  readonly #onFree: (piece: number) => void;
  #length = 0;

  /**
   * @param eventCount upper bound of the events to come
   * @param onFree called for each free that enters the stream, before the allocation that may follow from the same event
   */
  constructor(eventCount: number, onFree: (piece: number) => void) {
    // An allocation adds at most two operations: the free that the recording lacks, and itself.
    this.#operations = new Int32Array(2 * eventCount);
    this.#onFree = onFree;
  }

  /** Operations so far. */
  get length(): number {
    return this.#length;
  }

  /** Allocates a piece at `key`. Returns its number. Expected O(1). */
  allocate(key: number): number {
    const piece = this.counts.allocations++;
    const unfreed = this.#live.put(key, piece);
    if (unfreed >= 0) {
      this.counts.unrecordedFrees++;
      this.#addFree(unfreed);
    }
    this.#operations[this.#length++] = piece;
    return piece;
  }

  /** Frees the piece at `key`. Returns its number, or -1 if it was allocated before the recording. Expected O(1). */
  free(key: number): number {
    const piece = this.#live.take(key);
    if (piece < 0) {
      this.counts.freesFromBefore++;
    } else {
      this.counts.frees++;
      this.#addFree(piece);
    }
    return piece;
  }

  /** The stream. */
  operations(): Int32Array {
    return this.#operations.slice(0, this.#length);
  }

  #addFree(piece: number): void {
    this.#operations[this.#length++] = ~piece;
    this.#onFree(piece);
  }
}

/** The highest value that a sum reached, and when. */
export class Peak {
  value = 0;
  /** The number of operations after which the sum stood at its highest for the first time. */
  operationCount = 0;

  /** Tells the sum after `operationCount` operations. */
  see(value: number, operationCount: number): void {
    if (value > this.value) {
      this.value = value;
      this.operationCount = operationCount;
    }
  }
}

/** Which pieces live after the first `operationCount` operations: 1 or 0 for each piece. O(operationCount). */
export function livePieces(operations: Int32Array, operationCount: number, pieceCount: number): Uint8Array {
  const isLive = new Uint8Array(pieceCount);
  for (let at = 0; at < operationCount; at++) {
    const operation = operations[at]!;
    if (operation >= 0) isLive[operation] = 1;
    else isLive[~operation] = 0;
  }
  return isLive;
}
