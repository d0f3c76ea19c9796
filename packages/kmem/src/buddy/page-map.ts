/**
 * The page map: one byte a page, the truth about which blocks and runs are allocated.
 *
 *     bit  7     6     5     4 3 2 1 0
 *          HEAD  MORE  USED  order
 *
 * A block is one piece. A run is one or more pieces laid end to end, each a block aligned to its own size. The
 * byte of a piece's first page tells all; the bytes of its other pages are not USED.
 *
 * - USED: an allocated piece begins at this page; `order` is its order.
 * - HEAD with USED: the piece is the first of its block or run. HEAD alone: a block or run began here once and
 *   was freed, so that a second free can be told from a free of what never was.
 * - MORE: the run goes on with the piece that begins where this one ends.
 *
 * The unit of every index here is the page, counted from the allocator's origin.
 */
import { highestBit, lowestBit } from "../bits/integers.ts";

export const ORDER_MASK = 0x1f;
export const USED = 0x20;
export const MORE = 0x40;
export const HEAD = 0x80;

/** The byte of a block that was handed out, less its order. */
export const BLOCK = HEAD | USED;

/** Largest order that fits the page map and the mask of non-empty orders, and so 2^26 pages. */
export const MAX_ORDER = 26;

/** The order of the largest block that may begin at `page` and ends at or before `end` (exclusive). */
export function pieceOrder(page: number, end: number): number {
  return Math.min(highestBit(end - page), page === 0 ? MAX_ORDER : lowestBit(page));
}

/** The number of pages of the block or run whose first page is `page`. O(pieces), at most 2 per order. */
export function pageCountAt(pages: Uint8Array, page: number): number {
  let end = page;
  let piece: number;
  do {
    piece = pages[end];
    end += 1 << (piece & ORDER_MASK);
  } while ((piece & MORE) !== 0);
  return end - page;
}

/** Marks pages `start` to `end` (exclusive) as one run, in pieces of at most `maxOrder`. */
export function markRun(pages: Uint8Array, start: number, end: number, maxOrder: number): void {
  let page = start;
  while (page < end) {
    const order = Math.min(maxOrder, pieceOrder(page, end));
    const next = page + (1 << order);
    pages[page] = order | USED | (page === start ? HEAD : 0) | (next < end ? MORE : 0);
    page = next;
  }
}

/** Forgets the block or run at `start`, but for the note that one began there; returns its end (exclusive). */
export function unmarkRun(pages: Uint8Array, start: number): number {
  let page = start;
  let piece: number;
  do {
    piece = pages[page];
    pages[page] = page === start ? HEAD : 0;
    page += 1 << (piece & ORDER_MASK);
  } while ((piece & MORE) !== 0);
  return page;
}
