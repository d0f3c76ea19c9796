/**
 * A film: what kmem did at each operation of a script, so that the state after any of them can be drawn.
 *
 * Two tables hold it. *Pieces* are what the script allocates. *Blocks* are what lies in the pages: a slab, a run of
 * pages of one large object, or (in a film of pages) a block of the buddy allocator, which is then a piece too. Each row
 * tells from which moment to which it was there. A *moment* is a number of operations done: 0 is the start.
 *
 * Free pages are not written down: what is not allocated is free, in the largest blocks that fit.
 *
 * Invariants:
 *   (I1) rows of both tables are in the order of their `bornAt`;
 *   (I2) a row is there at moment m exactly if bornAt <= m < diedAt;
 *   (I3) blocks that are there at the same moment do not overlap;
 *   (I4) a checkpoint lists exactly the rows that are there at its moment.
 *
 * Cost: 33 bytes a piece, 21 a block; checkpoints at most twice as many numbers as there are operations.
 */

/** `diedAt` of a row that is there to the end. */
export const NEVER = 0xffffffff;
/** `pieceOffset` of an allocation that failed. */
export const FAILED = -1;
/** The owner of a run of pages of one object too large for a slab. */
export const LARGE = 1;
/** The owner of a free page; no block has it. */
export const FREE = 0;

/** Whose a block can be; the index in `Film.owners` is what tables hold. */
export interface Owner {
  readonly name: string;
  /** "free" and "large" come first, then caches; in a film of pages "group" stands for what blocks are for. */
  readonly kind: "free" | "large" | "named" | "class" | "group";
  /** Bytes of a slot; 0 where there are no slots. */
  readonly slotSize: number;
  /** Bytes asked for an object; 0 where objects differ. */
  readonly objectSize: number;
}

/** Rows that are there at one moment. */
export interface Checkpoint {
  readonly moment: number;
  readonly pieces: Uint32Array;
  readonly blocks: Uint32Array;
  /** How many rows of each table had begun by then. */
  readonly pieceCount: number;
  readonly blockCount: number;
}

/** The space's length over time. */
export interface Growth {
  readonly moment: number;
  readonly pageCount: number;
}

/** A film, as far as it has been shot. Columns are longer than their count while it grows. */
export interface Film {
  readonly kind: "heap" | "pages";
  readonly title: string;
  readonly pageSize: number;
  readonly base: number;
  readonly maxOrder: number;
  readonly owners: readonly Owner[];
  /** Operations of the whole script. */
  readonly operations: Int32Array;
  /** Operations shot so far. */
  position: number;
  /** Pages of the space at its largest so far. */
  pageCount: number;

  pieceCount: number;
  pieceOffset: Float64Array;
  /** Bytes asked for. */
  pieceBytes: ArrayLike<number>;
  pieceBlock: Uint32Array;
  pieceBornAt: Uint32Array;
  pieceDiedAt: Uint32Array;

  blockCount: number;
  blockPage: Uint32Array;
  blockPageCount: Uint32Array;
  blockOwner: Uint16Array;
  blockBornAt: Uint32Array;
  blockDiedAt: Uint32Array;

  readonly growths: Growth[];
  readonly checkpoints: Checkpoint[];
  /** Moments after which an allocation had failed. */
  readonly failures: number[];
  readonly series: Series;
}

/** Figures at evenly spread moments. Every array has `count` valid entries. */
export interface Series {
  /** Operations from one sample to the next. */
  readonly step: number;
  count: number;
  readonly moment: Float64Array;
  /** Bytes asked for, over what is live. */
  readonly liveBytes: Float64Array;
  /** Bytes given: slots in use and large runs. */
  readonly usedBytes: Float64Array;
  /** Bytes of pages in slabs, runs and blocks. */
  readonly heldBytes: Float64Array;
  /** Bytes of the space. */
  readonly sizeBytes: Float64Array;
  /** The kernel's unusable-free-space index for the middle order, in thousandths. */
  readonly unusable: Float64Array;
  /** Free blocks of each order. */
  readonly freeBlocks: readonly Float64Array[];
}

/** Pages of the space at a moment. O(growths). */
export function pageCountAt(film: Film, moment: number): number {
  let pages = 0;
  for (const growth of film.growths) {
    if (growth.moment > moment) break;
    pages = growth.pageCount;
  }
  return pages;
}

/** The first row whose `bornAt` is beyond `moment`: rows before it have begun by then. O(log count), from I1. */
export function rowsBegunBy(bornAt: Uint32Array, count: number, moment: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bornAt[middle]! <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The order whose unusable-free-space index the timeline shows: half way up. */
export function watchedOrder(maxOrder: number): number {
  return Math.ceil(maxOrder / 2);
}
