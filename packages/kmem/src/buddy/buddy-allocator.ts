/**
 * The buddy allocator: blocks of 2^order pages, each aligned to its own size, and exact runs of pages.
 *
 * It hands out offsets in a space of bytes that it never touches. A request splits the smallest free block that
 * is big enough; a free merges a block with its buddy as far up as it can.
 *
 * Two things are kept: the page map (the truth: which blocks and runs are allocated; `page-map.ts`) and the free
 * lists (a cache of it; `free-lists.ts`). A freed run may come to the lists late (`waiting-runs.ts`): whoever takes of
 * them settles first, and whoever only looks asks `free-space.ts`. Pages are counted from the origin, the base rounded
 * down to the largest block, so that a block is aligned in the space itself and not only from the base on.
 *
 * Invariants:
 *   B1: allocated blocks and runs lie inside the space and do not overlap.
 *   B2: what is not allocated is free: on a list, in the largest blocks that fit, or in a run that waits (B4).
 *   B3: the space has a page at least and `maxSize` at most, and no resize is under way between two calls.
 *
 * Cost: about 1.3 bytes of tables a page, and 260 bytes; every operation O(log pages) unless it says otherwise. Tables
 * are laid out for `maxSize`, and touched only as far as the space has grown.
 *
 * Knuth, The Art of Computer Programming, volume 1, section 2.5; Linux, mm/page_alloc.c.
 */
import { ceilLog2, highestBit, roundUp } from "../bits/integers.ts";
import {
  AllocError,
  argumentError,
  corrupted,
  freeError,
  NONE,
  OutOfMemoryError,
  requireInteger,
  requirePowerOfTwo,
  requireSame,
} from "../errors.ts";
import { CheckRound, type CheckStep, type CheckWindow } from "../inspect/check-round.ts";
import { externalFragmentationIndex } from "../inspect/fragmentation.ts";
import { checkBuddy } from "./check.ts";
import { FreeLists, freeListWordCount } from "./free-lists.ts";
import { FreeSpace } from "./free-space.ts";
import {
  BLOCK,
  checkedRunEnd,
  HEAD,
  markRun,
  MAX_ORDER,
  MORE,
  ORDER_MASK,
  runEnd,
  USED,
} from "./page-map.ts";
import { type BuddyTables, END_PAGE, RESIZE_END, RESIZE_START, STATE_WORDS } from "./tables.ts";
import { WAITING_WORDS, WaitingRuns } from "./waiting-runs.ts";

/** The most pages that one allocator manages. */
const MAX_PAGE_COUNT = 2 ** MAX_ORDER;
/** The end of what offsets can be. */
const MAX_END_OFFSET = 2 ** 53;

/** How a space is cut into pages. */
export interface BuddyOptions {
  /** Bytes in the space; a multiple of `pageSize`. */
  size: number;
  /** The offset of the first byte; a multiple of `pageSize`. Default 0. */
  base?: number;
  /** Bytes in a page; a power of two. Default 4096. */
  pageSize?: number;
  /** The largest order, 0 to 26. Default: that of the largest block `maxSize` has room for. */
  maxOrder?: number;
  /** Bytes that the space may grow to; a multiple of `pageSize`, at most 2^26 pages. Default `size`. */
  maxSize?: number;
}

/** Where in the space a block may lie. */
export interface BuddyRange {
  /** Lowest offset that the block may cover, in bytes, inclusive. Default: the start of the space. */
  from?: number;
  /** End of the range, in bytes, exclusive. Default: the end of the space. */
  to?: number;
  /** Take the highest place in the range instead of the lowest. Default false. */
  highest?: boolean;
}

/** A block or run, free or allocated. */
export interface BuddyBlock {
  /** Offset of its first byte. */
  offset: number;
  /** Its length in bytes. */
  byteLength: number;
  /** Its order; `NONE` for a run that is not just one block. */
  order: number;
  /** True when nobody has it. */
  free: boolean;
}

/** Figures of a buddy allocator at one moment. */
export interface BuddyStats {
  /** Offset of the first byte of the space. */
  base: number;
  /** Bytes in the space. */
  size: number;
  /** Bytes in a page. */
  pageSize: number;
  /** Pages in the space. */
  pageCount: number;
  /** Pages in free blocks. */
  freePages: number;
  /** Pages in allocated blocks and runs. */
  allocatedPages: number;
  /** The largest order. */
  maxOrder: number;
  /** The number of free blocks of each order; the index is the order. */
  freeBlocks: number[];
  /** Bytes of the largest free block, 0 when nothing is free. */
  largestFreeBytes: number;
  /** Bytes of the allocator's own tables for a space of this size. */
  metadataBytes: number;
}

/** The buddy allocator over a space of whole pages. */
export class BuddyAllocator {
  /** Offset of the first byte of the space. */
  readonly base: number;
  /** Bytes in a page. */
  readonly pageSize: number;
  /** The largest order; a block of it has `pageSize * 2 ** maxOrder` bytes. */
  readonly maxOrder: number;
  /** Bytes that the space may grow to. */
  readonly maxSize: number;
  /** 1 / pageSize, exact, since the page size is a power of two. */
  private readonly pagesPerByte: number;
  /** The first page's number in the space at large: `base / pageSize` rounded down to the largest block. */
  private readonly originPage: number;
  private readonly firstPage: number;
  private readonly state: Int32Array;
  private readonly pages: Uint8Array;
  private readonly lists: FreeLists;
  private readonly waiting: WaitingRuns;
  private readonly freeSpace: FreeSpace;
  private readonly round = new CheckRound();

  /**
   * Makes an allocator for the bytes from `base` to `base + size`. `tables` is for a heap that keeps them in memory of
   * its choice: with what is in them already, when they have been used before.
   *
   * Throws a RangeError or TypeError for sizes that are not whole pages, a page size that is no power of two, more
   * than 2^26 pages, or an end beyond 2^53.
   */
  constructor(options: BuddyOptions, tables?: BuddyTables) {
    const { size, base = 0, pageSize = 4096, maxSize = size } = options;
    requirePowerOfTwo("pageSize", pageSize);
    const maxBytes = Math.min(MAX_PAGE_COUNT * pageSize, MAX_END_OFFSET);
    requireWholePages("size", size, pageSize, pageSize, maxBytes);
    requireWholePages("maxSize", maxSize, pageSize, size, maxBytes);
    requireWholePages("base", base, pageSize, 0, MAX_END_OFFSET - maxSize);
    const maxPageCount = maxSize / pageSize;
    this.pageSize = pageSize;
    this.base = base;
    this.maxSize = maxSize;
    this.maxOrder = requireInteger("maxOrder", options.maxOrder ?? highestBit(maxPageCount), 0, MAX_ORDER);
    this.pagesPerByte = 1 / pageSize;
    const basePage = base / pageSize;
    this.originPage = basePage - (basePage % 2 ** this.maxOrder);
    this.firstPage = basePage - this.originPage;
    const tablePages = this.firstPage + maxPageCount;
    this.state = tables?.state ?? new Int32Array(STATE_WORDS);
    this.pages = tables?.pages ?? new Uint8Array(tablePages);
    this.lists = new FreeLists(tablePages, this.maxOrder, tables?.lists);
    this.waiting = new WaitingRuns(this.pages, this.lists, tables?.waiting);
    this.freeSpace = new FreeSpace(this.lists, this.waiting);
    if (this.endPage === 0) this.extend(this.firstPage, size);
  }

  /** The end of the space, exclusive, in pages from the origin. */
  private get endPage(): number {
    return this.state[END_PAGE];
  }

  /** Bytes in the space now. */
  get size(): number {
    const size = (this.endPage - this.firstPage) * this.pageSize;
    if (size <= 0 || size > this.maxSize) throw corrupted("B3", `the space has ${size} bytes`);
    return size;
  }

  private get endOffset(): number {
    return this.base + this.size;
  }

  /** Bytes in free blocks. O(1). */
  get freeBytes(): number {
    return this.freeSpace.pageCount * this.pageSize;
  }

  /**
   * Allocates a block of 2^`order` pages, aligned to its own size, and returns its offset.
   *
   * With `range`, the lowest or highest such block within it; without, the lowest one of the smallest order that
   * is big enough. Throws `OutOfMemoryError` when there is none, RangeError when `order` is not from 0 to
   * `maxOrder`.
   */
  allocate(order: number, range?: BuddyRange): number {
    const offset = this.tryAllocate(order, range);
    if (offset === NONE) throw this.outOfMemory(2 ** order * this.pageSize);
    return offset;
  }

  /** As `allocate`, but returns `NONE` when there is no such block. */
  tryAllocate(order: number, range?: BuddyRange): number {
    requireInteger("order", order, 0, this.maxOrder);
    this.settle();
    const page = range === undefined ? this.lists.take(order) : this.takeWithin(order, range);
    if (page < 0) return NONE;
    this.pages[page] = BLOCK | order;
    return this.toOffset(page);
  }

  /**
   * Frees the block or run that begins at `offset`; a block is merged at once.
   *
   * Throws `AllocError` and changes nothing: `DOUBLE_FREE` when one began there and was freed; `INVALID_FREE` when
   * the offset is outside the space, inside a block or run, or nothing was ever allocated there.
   */
  free(offset: number): void {
    const page = this.toPage(offset);
    const piece = page < 0 ? 0 : this.pages[page];
    if ((piece & BLOCK) !== BLOCK) throw this.freeError(offset);
    if ((piece & MORE) === 0) {
      this.pages[page] = HEAD;
      this.lists.release(page, piece & ORDER_MASK);
    } else this.freePages(offset);
  }

  /**
   * Allocates a run of exactly `count` pages, which need not be a power of two, and returns its offset.
   *
   * `align` is in bytes, a power of two; without it, the run is aligned as the smallest block that holds it, where
   * there is one. It is the run of as many pages that was freed last, where that still waits. Else it is cut from
   * such a block and the tail given back, as the kernel's alloc_pages_exact does; where there is no such block,
   * neighbouring free blocks are put together, as its alloc_contig_range does (O(free blocks of a quarter of its size or
   * more)). Throws `OutOfMemoryError` when none of these is found.
   */
  allocatePages(count: number, options?: { align?: number }): number {
    const offset = this.tryAllocatePages(count, options);
    if (offset === NONE) throw this.outOfMemory(count * this.pageSize);
    return offset;
  }

  /** As `allocatePages`, but returns `NONE` when there is no such run. */
  tryAllocatePages(count: number, options?: { align?: number }): number {
    requireInteger("count", count, 1, MAX_PAGE_COUNT);
    const align = requirePowerOfTwo("align", options?.align ?? 1);
    let page = align > this.pageSize ? -1 : this.waiting.take(count);
    if (page >= 0) markRun(this.pages, page, page + count, this.maxOrder);
    else {
      page = this.findRun(count, Math.max(1, align / this.pageSize));
      if (page < 0) return NONE;
      this.claimRun(page, page + count);
    }
    return this.toOffset(page);
  }

  /**
   * Frees the run, or block, that begins at `offset`. It waits for the next `allocatePages` of as many pages, and is merged
   * when something else is taken of what is free. Throws as `free` does.
   */
  freePages(offset: number): void {
    const page = this.toPage(offset);
    if (page < 0 || (this.pages[page] & BLOCK) !== BLOCK) throw this.freeError(offset);
    const end = this.runEnd(page);
    runEnd(this.pages, page, true);
    if (!this.waiting.add(page, end)) this.lists.releaseRange(page, end);
  }

  /**
   * Changes the run or block at `offset` to `count` pages without moving it; returns false, changing nothing, when
   * it should grow and the pages behind it are not free. Throws `AllocError` `NOT_ALLOCATED` when nothing begins there.
   */
  resizePages(offset: number, count: number): boolean {
    requireInteger("count", count, 1, MAX_PAGE_COUNT);
    const start = this.allocatedPage(offset);
    const oldEnd = this.runEnd(start);
    const end = start + count;
    if (end === oldEnd) return true;
    if (end > this.endPage || this.freeSpace.stretchEnd(oldEnd, end) < end) return false;
    this.settle();
    this.lists.claimRange(oldEnd, end);
    // The start comes last: with it, what is written down counts.
    const { state } = this;
    state[RESIZE_END] = end;
    state[RESIZE_START] = start + 1;
    runEnd(this.pages, start, true);
    markRun(this.pages, start, end, this.maxOrder);
    state[RESIZE_START] = 0;
    this.lists.releaseRange(end, oldEnd);
    return true;
  }

  /**
   * Claims the pages that bytes `offset` to `offset + byteLength` touch, as a run that begins at the first of them.
   *
   * Throws `AllocError` `NOT_FREE`, changing nothing, when one of them is in use. Freed like any run.
   */
  reserve(offset: number, byteLength: number): void {
    requireInteger("offset", offset, this.base, this.endOffset - 1);
    requireInteger("byteLength", byteLength, 1, this.endOffset - offset);
    const start = Math.floor(offset * this.pagesPerByte) - this.originPage;
    const end = Math.ceil((offset + byteLength) * this.pagesPerByte) - this.originPage;
    this.claimFree(offset, start, end);
  }

  /**
   * Allocates the block of `order` at `offset`, which must be a multiple of the block's size, and returns `offset`.
   *
   * Throws `AllocError` `NOT_FREE`, changing nothing, when a page of it is in use; RangeError when the block does
   * not lie in the space or is not aligned.
   */
  allocateAt(offset: number, order: number): number {
    requireInteger("order", order, 0, this.maxOrder);
    const bytes = this.pageSize * 2 ** order;
    requireInteger("offset", offset, this.base, this.endOffset - bytes);
    if (offset % bytes !== 0) throw argumentError("offset", `a multiple of ${bytes}`, offset);
    const page = this.toPage(offset);
    this.claimFree(offset, page, page + 2 ** order);
    return offset;
  }

  /**
   * Grows the space to `newSize` bytes. Nothing moves; new pages merge with the free pages before them.
   *
   * Throws RangeError when `newSize` is not a whole number of pages from `size` to `maxSize`. O(orders log pages).
   */
  grow(newSize: number): void {
    requireWholePages("newSize", newSize, this.pageSize, this.size, this.maxSize);
    this.extend(this.endPage, newSize);
  }

  /** Adds the pages from `start` to the end of a space of `newSize` bytes. */
  private extend(start: number, newSize: number): void {
    const end = this.firstPage + newSize / this.pageSize;
    this.lists.releaseRange(start, end);
    this.state[END_PAGE] = end;
  }

  /**
   * Cuts free pages off the end of the space, down to `newSize` bytes, by default as many as are free there; at
   * least one page stays. Returns the new size in bytes.
   *
   * Throws `AllocError` `NOT_FREE`, changing nothing, when a page beyond `newSize` is in use.
   */
  shrinkTo(newSize: number = Math.max(this.pageSize, this.freeTailOffset - this.base)): number {
    requireWholePages("newSize", newSize, this.pageSize, this.pageSize, this.size);
    const end = this.firstPage + newSize / this.pageSize;
    const offset = this.freeTailOffset;
    if (offset > this.base + newSize) throw notFree(offset, "the page before");
    this.settle();
    this.lists.claimRange(end, this.endPage);
    this.pages.fill(0, end, this.endPage);
    this.state[END_PAGE] = end;
    return newSize;
  }

  /** Frees every block and run. O(pages). */
  reset(): void {
    this.settle();
    for (let page = this.firstPage; page < this.endPage; page++) {
      const piece = this.pages[page];
      if ((piece & USED) !== 0) this.lists.release(page, piece & ORDER_MASK);
    }
    this.pages.fill(0, this.firstPage, this.endPage);
  }

  /** The offset from which on every page is free; the end of the space when the last page is in use. */
  get freeTailOffset(): number {
    return this.toOffset(this.freeSpace.stretchStart(this.endPage, this.firstPage));
  }

  /** True when a block or run begins at `offset`. Never throws. */
  isAllocated(offset: number): boolean {
    const page = this.toPage(offset);
    return page >= 0 && (this.pages[page] & BLOCK) === BLOCK;
  }

  /**
   * The length in bytes of the block or run that begins at `offset`. Throws `AllocError` `NOT_ALLOCATED` when none
   * does.
   */
  sizeOf(offset: number): number {
    const page = this.allocatedPage(offset);
    return (this.runEnd(page) - page) * this.pageSize;
  }

  /** Figures of this moment. O(orders), and O(orders²) for each freed run that waits. */
  stats(): BuddyStats {
    const { base, size, pageSize, maxOrder, freeSpace } = this;
    const { pageCount: freePages, blockCounts: freeBlocks } = freeSpace;
    const largestOrder = freeBlocks.map((count) => count > 0).lastIndexOf(true);
    const pageCount = size / pageSize;
    return {
      base,
      size,
      pageSize,
      pageCount,
      freePages,
      allocatedPages: pageCount - freePages,
      maxOrder,
      freeBlocks,
      largestFreeBytes: largestOrder < 0 ? 0 : 2 ** largestOrder * pageSize,
      metadataBytes: this.endPage + 4 * (freeListWordCount(this.endPage, maxOrder) + WAITING_WORDS),
    };
  }

  /**
   * Every block and run, free or allocated, by rising offset. The allocator may be used meanwhile: each page is told of
   * once at most, as it is when its turn comes; of a free block that grew backwards, over what was told, only the rest.
   */
  *blocks(): IterableIterator<BuddyBlock> {
    for (let page = this.firstPage; page < this.endPage;) {
      const isUsed = (this.pages[page] & USED) !== 0;
      const order = isUsed ? 0 : this.freeSpace.orderCovering(page);
      if (order < 0) {
        // Inside a block that was allocated since: it begins at a page that was told of.
        page++;
        continue;
      }
      const end = isUsed ? this.runEnd(page) : (page & (-1 << order)) + (1 << order);
      const count = end - page;
      const isBlock = isUsed ? (this.pages[page] & MORE) === 0 : count === 1 << order;
      yield {
        offset: this.toOffset(page),
        byteLength: count * this.pageSize,
        order: isBlock ? highestBit(count) : NONE,
        free: !isUsed,
      };
      page = end;
    }
  }

  /**
   * Checks that page map, free lists and counters agree. Throws `AllocError` `CORRUPTED` that names the invariant which does
   * not hold.
   *
   * With `pages`, looks at the next so many only, and goes on from there the next time. Returns true when the end of the
   * space was reached: then the next step begins again at the start. Counters are compared with the blocks only in a round
   * during which nothing was allocated or freed, and with each other otherwise. Throws RangeError or TypeError when `pages` is no
   * positive integer. O(pages looked at); the last step looks at the list words for space to come as well.
   */
  check(step?: CheckStep): boolean {
    const pageCount = this.size / this.pageSize;
    return this.round.advance(
      step,
      pageCount,
      (page) => page,
      (window) => this.checkPages(window),
    );
  }

  /** What `check` does in one step: for a heap, which looks at its slabs in the same step. */
  checkPages(window: CheckWindow): void {
    const { pages, lists, waiting, firstPage, endPage, state } = this;
    requireSame("B3", "the resize under way", state[RESIZE_START], 0);
    if (window.from === 0) lists.countedBy = window.tally;
    // What lies before the base, back to the origin, is looked at with the first pages.
    const from = window.from && firstPage + window.from;
    checkBuddy({ pages, lists, waiting, firstPage, endPage }, from, firstPage + window.end, window);
  }

  /** The error for a request of `requestedBytes` that cannot be served now. */
  outOfMemory(requestedBytes: number): OutOfMemoryError {
    const { freeBlocks, largestFreeBytes } = this.stats();
    const order = Math.max(0, Math.ceil(Math.log2(requestedBytes / this.pageSize)));
    return new OutOfMemoryError({
      requestedBytes,
      freeBytes: this.freeBytes,
      largestFreeBytes,
      fragmentationIndex: externalFragmentationIndex(freeBlocks, order),
    });
  }

  /** The end (exclusive) of the block or run that begins at `page`. Throws `CORRUPTED` when the page map makes no sense. */
  private runEnd(page: number): number {
    return checkedRunEnd(this.pages, page, this.endPage, this.maxOrder);
  }

  private toOffset(page: number): number {
    return (page + this.originPage) * this.pageSize;
  }

  /** The page that begins at `offset`; -1 when none of the space does. */
  private toPage(offset: number): number {
    if (typeof offset !== "number") return -1;
    const page = offset * this.pagesPerByte - this.originPage;
    return page >= this.firstPage && page < this.endPage && (page | 0) === page ? page : -1;
  }

  private allocatedPage(offset: number): number {
    if (!this.isAllocated(offset)) {
      throw new AllocError("NOT_ALLOCATED", `no block or run begins at offset ${String(offset)}`, offset);
    }
    return this.toPage(offset);
  }

  /** Puts all that is free on the free lists: before somebody takes of them. */
  private settle(): void {
    if (!this.waiting.isEmpty) this.waiting.settle();
  }

  /** Claims pages for a run at a given place, or throws `NOT_FREE`. */
  private claimFree(offset: number, start: number, end: number): void {
    if (this.freeSpace.stretchEnd(start, end) < end)
      throw notFree(offset, `one of ${end - start} pages from`);
    this.settle();
    this.claimRun(start, end);
  }

  private claimRun(start: number, end: number): void {
    this.lists.claimRange(start, end);
    markRun(this.pages, start, end, this.maxOrder);
  }

  private takeWithin(order: number, range: BuddyRange): number {
    const end = this.endOffset;
    const from = requireInteger("from", range.from ?? this.base, 0, MAX_END_OFFSET - 1);
    const to = requireInteger("to", range.to ?? Math.max(from, end), from, MAX_END_OFFSET - 1);
    const firstPage = Math.ceil(Math.max(from, this.base) * this.pagesPerByte) - this.originPage;
    const endPage = Math.floor(Math.min(to, end) * this.pagesPerByte) - this.originPage;
    if (endPage <= firstPage) return -1;
    const page = this.lists.findWithin(order, firstPage, endPage, range.highest === true);
    if (page >= 0) this.lists.claimRange(page, page + 2 ** order);
    return page;
  }

  /** The first page of `count` free pages aligned to `alignPages`; -1 when there are none. */
  private findRun(count: number, alignPages: number): number {
    const order = Math.max(ceilLog2(count), ceilLog2(alignPages));
    const { lists, freeSpace } = this;
    // What waits is merged only where the rest does not do, or a request of another length would end the wait.
    if (lists.bestOrder(order) < 0) this.settle();
    const bestOrder = lists.bestOrder(order);
    if (bestOrder >= 0) return lists.firstOfOrder(bestOrder);
    // Free pages in a row, `count` or more, hold a block of at least this order: any 2^k that is at most half of
    // count + 1 has an aligned place among them, and free space is merged as far as it goes (F2).
    const seed = Math.min(this.maxOrder, highestBit((count + 1) >>> 1));
    let page = lists.freePages < count ? -1 : lists.findWithin(seed, this.firstPage, this.endPage, false);
    while (page >= 0) {
      const start = freeSpace.stretchStart(page, this.firstPage);
      const end = freeSpace.stretchEnd(page, this.endPage);
      if (end <= page) throw corrupted("B2", `page ${page} is on no list`);
      const aligned = roundUp(start + this.originPage, alignPages) - this.originPage;
      if (aligned + count <= end) return aligned;
      page = lists.findWithin(seed, end, this.endPage, false);
    }
    return -1;
  }

  private freeError(offset: number): Error {
    const page = this.toPage(offset);
    let reason = "nothing was allocated there";
    if (page < 0) reason = `no page from ${this.base} to ${this.endOffset} begins there`;
    else if (this.freeSpace.orderCovering(page) < 0) reason = "it lies inside a block or run";
    else if (this.pages[page] === HEAD) return freeError("DOUBLE_FREE", offset, "it is free already");
    return freeError("INVALID_FREE", offset, reason);
  }
}

/** The error of a claim, or a cut, at which `what` of `offset` is in use. */
function notFree(offset: number, what: string): AllocError {
  return new AllocError("NOT_FREE", `${what} offset ${offset} is in use`, offset);
}

/** Throws unless `bytes` is a multiple of `pageSize` from `min` to `max`, both inclusive. */
function requireWholePages(name: string, bytes: number, pageSize: number, min: number, max: number): void {
  requireInteger(name, bytes, min, max);
  if (bytes % pageSize !== 0) throw argumentError(name, `a multiple of the page size, ${pageSize}`, bytes);
}
