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
 * A run is marked from its last piece to its first and unmarked from its first to its last: so a run exists from the
 * write of its HEAD piece on, and a thread that dies in between leaves pieces without a HEAD, which are nobody's.
 *
 * The unit of every index here is the page, counted from the allocator's origin.
 */
import { highestBit, lowestBit } from "../bits/integers.ts";
import { corrupted } from "../errors.ts";

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
  return Math.min(highestBit(end - page), lowestBit(page | (1 << MAX_ORDER)));
}

/** Marks pages `start` to `end` (exclusive) as one run, in pieces of at most `maxOrder`; the first piece last. */
export function markRun(pages: Uint8Array, start: number, end: number, maxOrder: number): void {
  // The largest pieces that fit are the same whether they are cut off at the start or, as here, at the end.
  let next = end;
  while (next > start) {
    const order = Math.min(maxOrder, highestBit(next - start), lowestBit(next));
    const page = next - (1 << order);
    pages[page] = order | USED | (page === start ? HEAD : 0) | (next < end ? MORE : 0);
    next = page;
  }
}

/**
 * The end (exclusive) of the block or run whose first page is `start`. With `forget`, its bytes are cleared, but for the
 * note that one began there. O(pieces), at most 2 per order.
 */
export function runEnd(pages: Uint8Array, start: number, forget = false): number {
  let page = start;
  let piece: number;
  do {
    piece = pages[page];
    if (forget) pages[page] = page === start ? HEAD : 0;
    page += (1 << (piece & ORDER_MASK)) >>> 0;
  } while ((piece & MORE) !== 0);
  return page;
}

/**
 * As `runEnd` for a run whose pieces can be what they say: aligned, in use, of `maxOrder` at most, and none beyond
 * `endPage`. Throws `AllocError` `CORRUPTED` otherwise.
 */
export function checkedRunEnd(pages: Uint8Array, start: number, endPage: number, maxOrder: number): number {
  let page = start;
  let piece: number;
  do {
    piece = pages[page];
    const order = piece & ORDER_MASK;
    const end = page + (1 << order);
    const isSound = (piece & USED) !== 0 && order <= maxOrder && (page & ((1 << order) - 1)) === 0;
    if (!isSound || end > endPage) throw corrupted("B1", `page ${page} is ${piece}`);
    page = end;
  } while ((piece & MORE) !== 0);
  return page;
}
