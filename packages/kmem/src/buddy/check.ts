/**
 * The buddy allocator's self-check: rebuild the free lists from the page map, and compare.
 *
 * The page map is the truth. Whatever it does not show as allocated is free, and the free lists have to hold just
 * that, in the largest blocks that fit.
 */
import { corrupted } from "../errors.ts";
import { FreeLists, freeListWordCount } from "./free-lists.ts";
import { BLOCK, HEAD, MORE, ORDER_MASK, USED } from "./page-map.ts";

/** Marks the free stretches between allocated pieces on new lists; throws where pieces overlap or lack a head. */
function rebuild(pages: Uint8Array, rebuilt: FreeLists, firstPage: number, endPage: number): void {
  let freeFrom = firstPage;
  let runGoesOn = false;
  for (let page = firstPage; page < endPage;) {
    const piece = pages[page];
    if ((piece & USED) === 0) {
      if (runGoesOn) corrupted("B1", `the run before page ${page} lacks its next piece`);
      if ((piece & ~HEAD) !== 0) corrupted("B1", `page ${page} is marked ${piece} without being in use`);
      page++;
      continue;
    }
    const isHead = (piece & BLOCK) === BLOCK;
    if (isHead === runGoesOn) corrupted("B1", `page ${page} begins a piece of the wrong kind, ${piece}`);
    const order = piece & ORDER_MASK;
    const end = page + 2 ** order;
    if (order > rebuilt.maxOrder || page % 2 ** order !== 0 || end > endPage) {
      corrupted("B1", `page ${page} begins a piece of order ${order}, which does not fit there`);
    }
    for (let inside = page + 1; inside < end; inside++) {
      if ((pages[inside] & USED) !== 0)
        corrupted("B1", `pages ${page} and ${inside} begin pieces that overlap`);
    }
    rebuilt.releaseRange(freeFrom, page);
    runGoesOn = (piece & MORE) !== 0;
    page = end;
    freeFrom = end;
  }
  if (runGoesOn) corrupted("B1", "the last run lacks its next piece");
  rebuilt.releaseRange(freeFrom, endPage);
}

/** Compares `lists` with those rebuilt from `pages`; throws `AllocError` `CORRUPTED` where they differ. O(pages). */
export function checkBuddy(pages: Uint8Array, lists: FreeLists, firstPage: number, endPage: number): void {
  const { maxOrder } = lists;
  const rebuilt = new FreeLists(new Int32Array(freeListWordCount(endPage, maxOrder)), endPage, maxOrder);
  rebuild(pages, rebuilt, firstPage, endPage);
  for (let order = 0; order <= maxOrder; order++) {
    let listed = 0;
    for (
      let page = lists.nextOfOrder(0, order);
      page >= 0;
      page = lists.nextOfOrder(page + 2 ** order, order)
    ) {
      if (page >= endPage || !rebuilt.has(page, order)) {
        corrupted(
          "B2",
          `page ${page} is listed as a free block of order ${order}, the page map says otherwise`,
        );
      }
      listed++;
    }
    if (listed !== rebuilt.count(order)) {
      corrupted("B2", `list ${order} has ${listed} blocks, the page map leaves ${rebuilt.count(order)}`);
    }
    if (listed !== lists.count(order)) {
      corrupted("F3", `the count of list ${order} is ${lists.count(order)}, it has ${listed} blocks`);
    }
  }
  if (lists.orderMask !== rebuilt.orderMask) {
    corrupted("F3", `the order mask is ${lists.orderMask}, the lists give ${rebuilt.orderMask}`);
  }
  if (lists.freePages !== rebuilt.freePages) {
    corrupted("F4", `${lists.freePages} pages are counted as free, the lists hold ${rebuilt.freePages}`);
  }
}
