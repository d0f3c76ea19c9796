/**
 * A plain model of the buddy allocator: who has each page, and what follows from it.
 *
 * Pages are counted from the first of the space. Everything is found by walking over all pages.
 */
import type { BuddyAllocator } from "../../src/index.ts";

/** A block of the model, free or not. */
export interface ModelBlock {
  page: number;
  order: number;
}

export class PageModel {
  readonly base: number;
  readonly pageSize: number;
  readonly maxOrder: number;
  /** The owner of each page, 0 for nobody. */
  owners: number[];
  /** Pages at which something was ever handed out. */
  readonly begun = new Set<number>();
  readonly #basePage: number;

  constructor({ base, pageSize, maxOrder, size }: BuddyAllocator) {
    this.base = base;
    this.pageSize = pageSize;
    this.maxOrder = maxOrder;
    this.owners = Array.from({ length: size / pageSize }, () => 0);
    this.#basePage = base / pageSize;
  }

  get pageCount(): number {
    return this.owners.length;
  }

  offsetOf(page: number): number {
    return this.base + page * this.pageSize;
  }

  pageOf(offset: number): number {
    return (offset - this.base) / this.pageSize;
  }

  /** True when page number `page` of this space is a multiple of `pages` in the space at large. */
  isAligned(page: number, pages: number): boolean {
    return (this.#basePage + page) % pages === 0;
  }

  isFree(page: number, count: number): boolean {
    if (page < 0 || page + count > this.pageCount) return false;
    for (let each = page; each < page + count; each++) if (this.owners[each] !== 0) return false;
    return true;
  }

  set(page: number, count: number, owner: number): void {
    for (let each = page; each < page + count; each++) this.owners[each] = owner;
    if (owner !== 0) this.begun.add(page);
  }

  get freePages(): number {
    return this.owners.reduce((count, owner) => count + (owner === 0 ? 1 : 0), 0);
  }

  /** The largest blocks that the free pages can be put together to, by rising page. */
  freeBlocks(): ModelBlock[] {
    const blocks: ModelBlock[] = [];
    for (let page = 0; page < this.pageCount;) {
      if (this.owners[page] !== 0) {
        page++;
        continue;
      }
      let order = 0;
      while (order < this.maxOrder && this.#isFreeBlock(page, order + 1)) order++;
      blocks.push({ page, order });
      page += 2 ** order;
    }
    return blocks;
  }

  /** The page at which a plain request for `order` is to be served: the lowest of the smallest; -1: nowhere. */
  placeFor(order: number): number {
    let best: ModelBlock | undefined;
    for (const block of this.freeBlocks()) {
      if (block.order >= order && (best === undefined || block.order < best.order)) best = block;
    }
    return best?.page ?? -1;
  }

  /** The lowest or highest page of a free block of `order` whose bytes lie in [from, to); -1 when there is none. */
  placeWithin(order: number, from: number, to: number, highest: boolean): number {
    let found = -1;
    for (let page = 0; page < this.pageCount; page++) {
      const isInside = this.offsetOf(page) >= from && this.offsetOf(page + 2 ** order) <= to;
      if (!isInside || !this.#isFreeBlock(page, order)) continue;
      if (!highest) return page;
      found = page;
    }
    return found;
  }

  /** True when `count` free pages in a row begin at a multiple of `alignPages`. */
  hasRun(count: number, alignPages: number): boolean {
    for (let page = 0; page + count <= this.pageCount; page++) {
      if (this.isAligned(page, alignPages) && this.isFree(page, count)) return true;
    }
    return false;
  }

  #isFreeBlock(page: number, order: number): boolean {
    return this.isAligned(page, 2 ** order) && this.isFree(page, 2 ** order);
  }
}
