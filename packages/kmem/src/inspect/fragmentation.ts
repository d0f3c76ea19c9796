/**
 * The kernel's two measures of fragmentation, with its integer arithmetic.
 *
 * Both are functions of the number of free blocks per order, as `/proc/buddyinfo` lists them, and both are what
 * the kernel exports as `extfrag_index` and `unusable_index` (mm/vmstat.c), in thousandths.
 */

interface FreeSpace {
  /** Free blocks of any order. */
  blockCount: number;
  pageCount: number;
  /** How many blocks of the wanted order the free blocks could be cut into. */
  suitableCount: number;
}

function measure(freeBlocks: ArrayLike<number>, order: number): FreeSpace {
  const space: FreeSpace = { blockCount: 0, pageCount: 0, suitableCount: 0 };
  for (let each = 0; each < freeBlocks.length; each++) {
    space.blockCount += freeBlocks[each];
    space.pageCount += freeBlocks[each] * 2 ** each;
    if (each >= order) space.suitableCount += freeBlocks[each] * 2 ** (each - order);
  }
  return space;
}

/**
 * The external-fragmentation index of a request for a block of `order`, in thousandths.
 *
 * `freeBlocks[k]` is the number of free blocks of order k. Returns -1000 when the request would succeed;
 * otherwise a value towards 0 when it fails for lack of memory and towards 1000 when it fails because free
 * memory is in pieces (a low value may be negative); 0 when nothing is free. O(orders).
 */
export function externalFragmentationIndex(freeBlocks: ArrayLike<number>, order: number): number {
  const space = measure(freeBlocks, order);
  if (space.blockCount === 0) return 0;
  if (space.suitableCount > 0) return -1000;
  const scaled = Math.floor((space.pageCount * 1000) / 2 ** order);
  return 1000 - Math.floor((1000 + scaled) / space.blockCount);
}

/**
 * The share of free memory that a request for a block of `order` cannot use, in thousandths.
 *
 * `freeBlocks[k]` is the number of free blocks of order k. Returns 0 when all of it is in blocks that are big
 * enough, 1000 when none is or nothing is free. O(orders).
 */
export function unusableFreeSpaceIndex(freeBlocks: ArrayLike<number>, order: number): number {
  const space = measure(freeBlocks, order);
  if (space.pageCount === 0) return 1000;
  return Math.floor(((space.pageCount - space.suitableCount * 2 ** order) * 1000) / space.pageCount);
}
