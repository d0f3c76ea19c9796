/**
 * The buddy allocator's self-check, some pages at a time.
 *
 * The page map is the truth. A block or run is laid out in just one way, given its first page, and whatever is not
 * allocated is free: in a run that waits to be merged, or in the largest blocks that fit into the rest. So each byte of the
 * map and each bit of the lists has just one right value, given what begins at its page or covers it.
 */
import { corrupted, requireSame, requireSameWords } from "../errors.ts";
import { CheckTally, type CheckWindow } from "../inspect/check-round.ts";
import type { FreeLists } from "./free-lists.ts";
import { HEAD, MORE, ORDER_MASK, pieceOrder, runEnd, USED } from "./page-map.ts";
import type { WaitingRuns } from "./waiting-runs.ts";

/** The tables of an allocator, and where its space lies in them: pages from its origin. */
export interface BuddyState {
  readonly pages: Uint8Array;
  readonly lists: FreeLists;
  readonly waiting: WaitingRuns;
  readonly firstPage: number;
  readonly endPage: number;
}

/** The first page of the allocated piece that `page` lies in, -1 where it lies in none. Throws where it lies in two. */
function pieceCovering({ pages, lists }: BuddyState, page: number): number {
  let found = -1;
  for (let order = 0; order <= lists.maxOrder; order++) {
    const start = page & (-1 << order);
    if (start === found || (pages[start] & USED) === 0 || (pages[start] & ORDER_MASK) < order) continue;
    if (found >= 0) throw corrupted("B1", `page ${page} lies in blocks ${found} and ${start}`);
    found = start;
  }
  return found;
}

/** The first page of the block or run that `page` lies in; -1 where it lies in none. O(orders²). */
function headCovering(state: BuddyState, page: number): number {
  const { pages } = state;
  let piece = pieceCovering(state, page);
  while (piece >= 0 && (pages[piece] & HEAD) === 0) {
    const before = piece === 0 ? -1 : pieceCovering(state, piece - 1);
    const goesOn = (pages[before] & MORE) !== 0 && before + (1 << (pages[before] & ORDER_MASK)) === piece;
    if (!goesOn) throw corrupted("B1", `page ${piece} has no head`);
    piece = before;
  }
  return piece;
}

/** Checks that nothing begins at pages `from` to `end`. A head alone is the note of what was freed: right wherever nothing else should be. */
function checkInside(pages: Uint8Array, from: number, end: number): void {
  for (let page = from; page < end; page++) {
    if ((pages[page] & ~HEAD) !== 0) requireSame("B1", `page ${page}`, pages[page], 0);
  }
}

/** Checks the bytes, from page `from` to `end`, of the block or run that begins at `head`; returns its end. */
function checkRun({ pages, lists, endPage }: BuddyState, head: number, from: number, end: number): number {
  const headEnd = Math.min(endPage, runEnd(pages, head));
  for (let piece = head, next = head; piece < headEnd && piece < end; piece = next) {
    const order = Math.min(lists.maxOrder, pieceOrder(piece, headEnd));
    next = piece + 2 ** order;
    if (piece >= from) {
      const right = order | USED | (piece === head ? HEAD : 0) | (next < headEnd ? MORE : 0);
      requireSame("B1", `page ${piece}`, pages[piece], right);
    }
    checkInside(pages, Math.max(piece + 1, from), Math.min(next, end));
  }
  return headEnd;
}

/**
 * Checks pages `from` to `end`, counts the free blocks that begin there into `tally`, and with the last ones also the
 * counters. Throws `AllocError` `CORRUPTED`. O(pages + orders²); with the last, O(list words for space to come).
 */
export function checkBuddy(state: BuddyState, from: number, end: number, window: CheckWindow): void {
  const { pages, lists, waiting, firstPage, endPage } = state;
  const found = new Int32Array(lists.maxOrder + 1);
  const start = Math.max(from, firstPage);
  checkInside(pages, from, start);
  for (let page = start, next = page; page < end; page = next) {
    const isUsed = (pages[page] & USED) !== 0;
    const head = page === start ? headCovering(state, page) : isUsed ? page : -1;
    if (head >= 0) {
      next = checkRun(state, head, from, end);
      continue;
    }
    const waitingEnd = waiting.endCovering(page);
    if (waitingEnd >= 0) {
      checkInside(pages, page, Math.min(waitingEnd, end));
      next = waitingEnd;
      continue;
    }
    const order = lists.orderCovering(page);
    if (order < 0) throw corrupted("B2", `page ${page} is on no list`);
    const block = page & (-1 << order);
    next = block + 2 ** order;
    const isWithin = block >= firstPage && next <= endPage && (block === page || page === start);
    const isMerged = order === lists.maxOrder || !lists.has(block ^ (1 << order), order);
    requireSame("B2", `free block ${block} of order ${order} being sound`, isWithin && isMerged, true);
    found[order]++;
    if (block >= from) CheckTally.add(window.tally.blocks, order, 1);
    checkInside(pages, page, Math.min(next, end));
  }
  const last = window.isLast ? pages.length : end - 1;
  for (let order = 0; order <= lists.maxOrder; order++) {
    requireSame(
      "B2",
      `the count of order ${order} from page ${from} on`,
      lists.countWithin(order, from, last),
      found[order],
    );
  }
  if (!window.isLast) return;
  checkCounters(lists, window.tally);
  waiting.check(endPage);
}

/** F3 and F4; by `tally` where nothing was allocated or freed since it was begun, else by each other. */
function checkCounters(lists: FreeLists, tally: CheckTally): void {
  const { counts } = lists;
  const isSettled = tally.isSettled(lists);
  let mask = 0;
  let freePages = 0;
  const right = Array.from(counts, (count, order) => (isSettled ? (tally.blocks[order] ?? 0) : count));
  requireSameWords("F3", "the count of order", counts, right);
  for (const [order, count] of right.entries()) {
    if (count !== 0) mask |= 1 << order;
    freePages += count * 2 ** order;
  }
  requireSame("F3", "the order mask", lists.orderMask, mask);
  requireSame("F4", "the free-page count", lists.freePages, freePages);
}
