/**
 * The kernel's two measures of fragmentation, with its integer arithmetic.
 *
 * Both are functions of the number of free blocks per order, as `/proc/buddyinfo` lists them, and both are what
 * the kernel exports as `extfrag_index` and `unusable_index` (mm/vmstat.c), in thousandths.
 */

/** Free blocks of any order, their pages, and how many blocks of the wanted order they could be cut into. */
type FreeSpace = [blockCount: number, pageCount: number, suitableCount: number];

function measure(freeBlocks: ArrayLike<number>, order: number): FreeSpace {
  let blockCount = 0;
  let pageCount = 0;
  let suitableCount = 0;
  for (let each = 0; each < freeBlocks.length; each++) {
    blockCount += freeBlocks[each];
    pageCount += freeBlocks[each] * 2 ** each;
    if (each >= order) suitableCount += freeBlocks[each] * 2 ** (each - order);
  }
  return [blockCount, pageCount, suitableCount];
}

/**
 * The external-fragmentation index of a request for a block of `order`, in thousandths.
 *
 * `freeBlocks[k]` is the number of free blocks of order k. Returns -1000 when the request would succeed;
 * otherwise a value towards 0 when it fails for lack of memory and towards 1000 when it fails because free
 * memory is in pieces (a low value may be negative); 0 when nothing is free. O(orders).
 */
export function externalFragmentationIndex(freeBlocks: ArrayLike<number>, order: number): number {
  const [blockCount, pageCount, suitableCount] = measure(freeBlocks, order);
  return suitableCount > 0 ? -1000 : indexOfFailure(blockCount, pageCount / 2 ** order);
}

/**
 * The same index of a request for which no block was big enough, with `blockCount` of them free that have together
 * `ratio` times what was asked for.
 */
export function indexOfFailure(blockCount: number, ratio: number): number {
  return blockCount && 1000 - Math.floor((1000 + Math.floor(1000 * ratio)) / blockCount);
}

/**
 * The share of free memory that a request for a block of `order` cannot use, in thousandths.
 *
 * `freeBlocks[k]` is the number of free blocks of order k. Returns 0 when all of it is in blocks that are big
 * enough, 1000 when none is or nothing is free. O(orders).
 */
export function unusableFreeSpaceIndex(freeBlocks: ArrayLike<number>, order: number): number {
  const [, pageCount, suitableCount] = measure(freeBlocks, order);
  if (pageCount === 0) return 1000;
  return Math.floor(((pageCount - suitableCount * 2 ** order) * 1000) / pageCount);
}
