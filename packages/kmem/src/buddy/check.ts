/**
 * The buddy allocator's self-check: rebuild both tables from the heads of blocks and runs, and compare.
 *
 * The page map is the truth. A block or run is laid out in just one way, and whatever is not allocated is free, in
 * the largest blocks that fit: so each word of either table has just one right value.
 */
import { requireSame, requireSameWords } from "../errors.ts";
import { FreeLists } from "./free-lists.ts";
import { HEAD, markRun, runEnd, USED } from "./page-map.ts";

/** Checks the pages from `firstPage` to `endPage`; throws `AllocError` `CORRUPTED` where they differ. O(pages of `maxSize`). */
export function checkBuddy(pages: Uint8Array, lists: FreeLists, firstPage: number, endPage: number): void {
  // A head alone is the note of what was freed: right wherever nothing else should be.
  const rightPages = pages.slice(0, endPage).map((byte) => (byte === HEAD ? HEAD : 0));
  const rightLists = new FreeLists(pages.length, lists.maxOrder);
  for (let page = firstPage; page < endPage;) {
    const start = page++;
    if ((pages[start] & USED) === 0) rightLists.release(start, 0);
    else {
      page = Math.min(endPage, runEnd(pages, start));
      markRun(rightPages, start, page, lists.maxOrder);
    }
  }
  requireSameWords("B1", "page", pages, rightPages);
  requireSameWords("B2", "list word", lists.treeWords, rightLists.treeWords);
  requireSameWords("F3", "the count of order", lists.counts, rightLists.counts);
  requireSame("F3", "the order mask", lists.orderMask, rightLists.orderMask);
  requireSame("F4", "the free-page count", lists.freePages, rightLists.freePages);
}
