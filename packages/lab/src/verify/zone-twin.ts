/**
 * The twin of one zone: kmem's BuddyAllocator over the zone's page frames, told what the kernel's page allocator did.
 *
 * What is free in the zone is free in the allocator; everything else is allocated there, as blocks: pages in use, pages
 * in the lists of processors, holes. The free lists are the allocator's own: how it splits and merges decides what they
 * are.
 *
 * Invariant:
 *   Z1: everything allocated is a block, aligned to its size (never a run), so a block that moves contains an
 *       allocated block or is contained in one.
 */
import { AllocError, BuddyAllocator } from "kmem";
import type { ZoneInfo } from "../proc/zoneinfo.ts";
import type { PageRange } from "./page-set.ts";

/** Bytes of a page in the allocator. Any size would do: there are no bytes. */
const PAGE_BYTES = 4096;

/** One zone's page frames in a BuddyAllocator. */
export class ZoneTwin {
  readonly zone: ZoneInfo;
  /** The first page frame behind the zone. */
  readonly endPage: number;
  readonly #pages: BuddyAllocator;

  /** Makes a twin in which just the pages of `free` are free: ranges within the zone, by rising page. */
  constructor(zone: ZoneInfo, maxOrder: number, free: Iterable<PageRange>) {
    this.zone = zone;
    this.endPage = zone.startPage + zone.spannedPages;
    this.#pages = new BuddyAllocator({
      base: zone.startPage * PAGE_BYTES,
      size: zone.spannedPages * PAGE_BYTES,
      pageSize: PAGE_BYTES,
      maxOrder,
    });
    let used = zone.startPage;
    for (const { start, end } of free) {
      this.#claim(used, start);
      used = end;
    }
    this.#claim(used, this.endPage);
  }

  /** The number of free blocks of each order. */
  get freeBlocks(): readonly number[] {
    return this.#pages.stats().freeBlocks;
  }

  /** Is the whole block in this zone? */
  covers(page: number, order: number): boolean {
    return page >= this.zone.startPage && page + 2 ** order <= this.endPage;
  }

  /** Takes a block out of the free lists. Returns how many of its pages were not in them. */
  takeOut(page: number, order: number): number {
    try {
      this.#pages.allocateAt(page * PAGE_BYTES, order);
      return 0;
    } catch (error) {
      if (!(error instanceof AllocError) || error.code !== "NOT_FREE") throw error;
    }
    if (order === 0) return 1;
    return this.takeOut(page, order - 1) + this.takeOut(page + 2 ** (order - 1), order - 1);
  }

  /** Puts a block into the free lists. Returns how many of its pages were in them already. */
  putIn(page: number, order: number): number {
    const end = page + 2 ** order;
    let wereFree = 0;
    let at = page;
    while (at < end) {
      const head = this.#allocatedBlock(at);
      if (head < 0) {
        wereFree++;
        at++;
        continue;
      }
      const blockEnd = head + this.#pages.sizeOf(head * PAGE_BYTES) / PAGE_BYTES;
      this.#pages.free(head * PAGE_BYTES);
      // Z1: a block that begins before, or ends behind, contains the whole; what is beside it stays allocated.
      this.#claim(head, at);
      this.#claim(Math.min(end, blockEnd), blockEnd);
      at = Math.min(end, blockEnd);
    }
    return wereFree;
  }

  /** The free blocks as ranges of pages, by rising page. */
  *freeRanges(): Generator<PageRange> {
    for (const { offset, byteLength, free } of this.#pages.blocks()) {
      if (free) yield { start: offset / PAGE_BYTES, end: (offset + byteLength) / PAGE_BYTES };
    }
  }

  /** The first page of the allocated block that `page` lies in; -1 when it is free. O(orders). */
  #allocatedBlock(page: number): number {
    for (let order = 0; order <= this.#pages.maxOrder; order++) {
      const head = page - (page % 2 ** order);
      if (!this.#pages.isAllocated(head * PAGE_BYTES)) continue;
      return head + this.#pages.sizeOf(head * PAGE_BYTES) / PAGE_BYTES > page ? head : -1;
    }
    return -1;
  }

  /** Allocates pages `start` to `end` (exclusive) in the largest blocks that fit. */
  #claim(start: number, end: number): void {
    let page = start;
    while (page < end) {
      let order = 0;
      while (order < this.#pages.maxOrder && page % 2 ** (order + 1) === 0 && page + 2 ** (order + 1) <= end)
        order++;
      this.#pages.allocateAt(page * PAGE_BYTES, order);
      page += 2 ** order;
    }
  }
}
