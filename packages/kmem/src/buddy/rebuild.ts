/**
 * A buddy allocator's tables put right after a thread has died in the middle of a change.
 *
 * What the page map says stands, but for what is left of runs that were being marked or unmarked, and of resizes that
 * were under way. The free lists are made anew. Done twice, it does no harm: so it may itself be interrupted.
 */
import type { FreeLists } from "./free-lists.ts";
import { BLOCK, markRun, runEnd, USED } from "./page-map.ts";
import { type BuddyTables, END_PAGE, RESIZE_END, RESIZE_START } from "./tables.ts";

/** Finishes the resize that `state` tells of, if it does. Pieces beyond the new end are left without a first one. */
function finishResize({ state, pages }: BuddyTables, maxOrder: number): void {
  const start = state[RESIZE_START] - 1;
  if (start < 0) return;
  pages.fill(0, start, state[RESIZE_END]);
  markRun(pages, start, state[RESIZE_END], maxOrder);
  state[RESIZE_START] = 0;
}

/**
 * Makes the page map hold just the blocks and runs that are whole and that `isOwned` answers for, by their first page,
 * and the free lists all other pages. O(pages).
 */
export function rebuildBuddy(
  tables: BuddyTables,
  lists: FreeLists,
  firstPage: number,
  isOwned: (page: number) => boolean,
): void {
  const { state, pages } = tables;
  finishResize(tables, lists.maxOrder);
  tables.lists.fill(0);
  tables.waiting.fill(0);
  const endPage = state[END_PAGE];
  let freeFrom = firstPage;
  for (let page = firstPage; page < endPage;) {
    if ((pages[page] & BLOCK) !== BLOCK) {
      // A piece without a first piece before it is what is left of a run that was being marked, or unmarked.
      if ((pages[page] & USED) !== 0) pages[page] = 0;
      page++;
    } else if (isOwned(page)) {
      lists.releaseRange(freeFrom, page);
      page = runEnd(pages, page);
      freeFrom = page;
    } else page = runEnd(pages, page, true);
  }
  lists.releaseRange(freeFrom, endPage);
}
