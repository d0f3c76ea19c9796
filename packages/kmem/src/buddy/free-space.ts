/**
 * What is free, on the free lists or waiting, as if all of it were merged: for whoever looks, which changes nothing.
 *
 * Free space that is merged as far as it goes depends on nothing but which pages are free: a stretch of them, from a page in use
 * to the next, falls into the largest aligned blocks. So what waits need not be merged to tell what comes of it.
 *
 * A block of the largest order is no part of a larger one, and stretches are followed no further than it, or the tables, reach.
 */
import type { FreeLists } from "./free-lists.ts";
import { pieceOrder } from "./page-map.ts";
import type { WaitingRuns } from "./waiting-runs.ts";

export class FreeSpace {
  private readonly lists: FreeLists;
  private readonly waiting: WaitingRuns;

  constructor(lists: FreeLists, waiting: WaitingRuns) {
    this.lists = lists;
    this.waiting = waiting;
  }

  /** The number of pages that are free. */
  get pageCount(): number {
    return this.lists.freePages + this.waiting.pageCount;
  }

  /** The number of free blocks of each order. O(orders); where runs wait, O(orders²) for each. */
  get blockCounts(): number[] {
    const { lists, waiting } = this;
    const counts = [...lists.counts];
    const counted = new Set<number>();
    for (const page of waiting.starts) {
      const [start, end] = this.stretchAround(page);
      if (counted.has(start)) continue;
      counted.add(start);
      for (let at = start; at < end;) {
        const order = lists.orderCovering(at);
        if (order >= 0) counts[order]--;
        at = order < 0 ? waiting.endCovering(at) : at + (1 << order);
      }
      for (let at = start; at < end;) {
        const order = Math.min(lists.maxOrder, pieceOrder(at, end));
        counts[order]++;
        at += 1 << order;
      }
    }
    return counts;
  }

  /** The order of the free block that `page` lies in, -1 when it is not free. O(orders); where runs wait, O(orders²). */
  orderCovering(page: number): number {
    const { lists, waiting } = this;
    if (waiting.isEmpty) return lists.orderCovering(page);
    const [start, end] = this.stretchAround(page);
    if (start === end) return -1;
    let order = 0;
    for (let size = 2; order < lists.maxOrder; size *= 2) {
      const first = page & -size;
      if (first < start || first + size > end) break;
      order++;
    }
    return order;
  }

  /** The start of the stretch of free pages that ends at `end` (exclusive), not below `limit`; `end` itself when none does. */
  stretchStart(end: number, limit: number): number {
    const { lists, waiting } = this;
    let start = end;
    while (start > limit) {
      const order = lists.orderCovering(start - 1);
      const next = order < 0 ? waiting.startCovering(start - 1) : (start - 1) & (-1 << order);
      if (next < 0) break;
      start = next;
    }
    return start;
  }

  /** The end (exclusive) of the stretch of free pages from `start` on, looking no further than `limit`. */
  stretchEnd(start: number, limit: number): number {
    const { lists, waiting } = this;
    let end = start;
    while (end < limit) {
      const order = lists.orderCovering(end);
      const next = order < 0 ? waiting.endCovering(end) : (end & (-1 << order)) + (1 << order);
      if (next < 0) break;
      end = next;
    }
    return end;
  }

  /** The stretch of free pages around `page`, within the block of the largest order that it lies in; an empty one when it is not free. */
  private stretchAround(page: number): [start: number, end: number] {
    const size = 2 ** this.lists.maxOrder;
    const first = page & -size;
    const end = this.stretchEnd(page, Math.min(first + size, this.lists.pageCount));
    return [end === page ? page : this.stretchStart(page, first), end];
  }
}
