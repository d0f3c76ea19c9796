/**
 * The buddy allocator's self-check: rebuild both tables from the heads of blocks and runs, and compare.
 *
 * The page map is the truth. A block or run is laid out in just one way, and whatever is not allocated is free, in
 * the largest blocks that fit: so each table has just one right state.
 */
import { requireSame } from "../errors.ts";
import { FreeLists } from "./free-lists.ts";
import { HEAD, markRun, pageCountAt, USED } from "./page-map.ts";

/** Checks the pages from `firstPage` to `endPage`; throws `AllocError` `CORRUPTED` where they differ. O(pages). */
export function checkBuddy(pages: Uint8Array, lists: FreeLists, firstPage: number, endPage: number): void {
  const { maxOrder } = lists;
  const rightPages = new Uint8Array(endPage);
  const rightLists = new FreeLists(endPage, maxOrder);
  for (let page = firstPage; page < endPage;) {
    const start = page++;
    if ((pages[start] & USED) === 0) rightLists.release(start, 0);
    else {
      page = Math.min(endPage, start + pageCountAt(pages, start));
      markRun(rightPages, start, page, maxOrder);
    }
  }
  for (let page = firstPage; page < endPage; page++) {
    // A head alone is the note of what was freed.
    const found = pages[page] === HEAD ? 0 : pages[page];
    requireSame("B1", `the byte of page ${page}`, found, rightPages[page]);
  }
  for (let order = 0; order <= maxOrder; order++) {
    for (let page = 0; page >= 0;) {
      const listed = lists.nextOfOrder(page, order);
      const what = `the next free block of order ${order} from page ${page}`;
      requireSame("B2", what, listed, rightLists.nextOfOrder(page, order));
      page = listed < 0 ? listed : listed + 2 ** order;
    }
    requireSame("F3", `the count of order ${order}`, lists.count(order), rightLists.count(order));
  }
  requireSame("F3", "the mask of orders", lists.orderMask, rightLists.orderMask);
  requireSame("F4", "the sum of free pages", lists.freePages, rightLists.freePages);
}
