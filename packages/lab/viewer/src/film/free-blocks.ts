/**
 * The free blocks of a moment: what no block of the film covers, cut into the largest blocks of the buddy allocator
 * that fit. Counted from the origin, the base rounded down to the largest block, as the allocator does.
 *
 * Cost: O(pages).
 */
import { NO_BLOCK, type Moment } from "./moment.ts";

/** Free blocks by place. */
export interface FreeBlocks {
  readonly count: number;
  /** First page of each. */
  readonly page: Uint32Array;
  readonly order: Uint8Array;
  /** How many there are of each order. */
  readonly countOfOrder: number[];
}

/** Finds the free blocks. */
export function freeBlocksAt({ film, blockOf, pageCount }: Moment): FreeBlocks {
  const basePage = film.base / film.pageSize;
  const largest = 2 ** film.maxOrder;
  const origin = basePage % largest;
  const countOfOrder = Array.from({ length: film.maxOrder + 1 }, () => 0);
  const page: number[] = [];
  const order: number[] = [];
  let at = 0;
  while (at < pageCount) {
    if (blockOf[at] !== NO_BLOCK) {
      at++;
      continue;
    }
    let end = at + 1;
    while (end < pageCount && blockOf[end] === NO_BLOCK) end++;
    while (at < end) {
      const each = blockOrder(at + origin, end - at, film.maxOrder);
      page.push(at);
      order.push(each);
      countOfOrder[each]!++;
      at += 2 ** each;
    }
  }
  return { count: page.length, page: Uint32Array.from(page), order: Uint8Array.from(order), countOfOrder };
}

/** The order of the largest block that may begin at `page` and is no longer than `room` pages. */
function blockOrder(page: number, room: number, maxOrder: number): number {
  const byRoom = 31 - Math.clz32(room);
  const byPlace = page === 0 ? maxOrder : 31 - Math.clz32(page & -page);
  return Math.min(byRoom, byPlace, maxOrder);
}
