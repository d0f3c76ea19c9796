/**
 * The slab caches' self-check, some pages at a time.
 *
 * The page words say which blocks are slabs of which cache, the in-use map and the magazines which slots are not in
 * the depot. With these, the words of the maps and of a slab have just one right state, and a slab's links are right when those
 * that it names know it: so all of this is seen near the slab. Counters and lists that span the space come with the last pages.
 */
import { bitCount, roundDown, roundUp } from "../bits/integers.ts";
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { requireSame } from "../errors.ts";
import { CheckTally, type CheckWindow } from "../inspect/check-round.ts";
import * as L from "./layout.ts";

/** The parts of a pool that its check reads. */
export interface PoolState {
  readonly buddy: BuddyAllocator;
  readonly granule: number;
  readonly layout: L.PoolLayout;
  readonly words: Int32Array;
  readonly threadCount: number;
  readonly cacheCount: number;
  readonly countedBy: CheckTally | undefined;
  slotSize(number: number): number;
  cacheOf(offset: number): number;
  cacheWords(number: number): Int32Array;
}

/** Where the large allocations are counted in a tally's `slabs`; the counters of cache n begin at n times the stride. */
export const LARGE_OBJECTS = 0;
const TALLY_STRIDE = L.CACHE_COUNTERS_END;

const OWNER_BITS = L.PAGE_LARGE - (1 << L.PAGE_OWNER_SHIFT);

/** Checks some pages of a pool, and what spans the space with the last of them. */
class PoolCheck {
  private readonly pool: PoolState;
  private readonly window: CheckWindow;
  private readonly isQuiet: boolean;
  /** The pages of the space, and those to look at: counted from offset 0. */
  private readonly firstPage: number;
  private readonly endPage: number;
  private readonly from: number;
  private readonly end: number;
  /** Words of the maps for a page, and for the pages to look at. */
  private readonly wordsPerPage: number;
  private readonly firstWord: number;
  private readonly endWord: number;
  /** Of those words, the bits of the slots that are in magazines. */
  private readonly idle: Int32Array;
  /** The pages of the slabs that are some thread's current one, by page. */
  private readonly currents = new Set<number>();

  constructor(pool: PoolState, window: CheckWindow, isQuiet: boolean) {
    const { base, size, pageSize } = pool.buddy;
    this.pool = pool;
    this.window = window;
    this.isQuiet = isQuiet;
    this.firstPage = base / pageSize;
    this.endPage = this.firstPage + size / pageSize;
    this.from = this.firstPage + window.from;
    this.end = this.firstPage + window.end;
    this.wordsPerPage = pageSize / pool.granule / 32;
    this.firstWord = Math.floor(this.from * this.wordsPerPage);
    this.endWord = Math.ceil(this.end * this.wordsPerPage);
    this.idle = new Int32Array(isQuiet ? this.endWord - this.firstWord : 0);
  }

  run(): void {
    const { pool, window, from, end } = this;
    for (let thread = 0; thread < pool.threadCount; thread++) {
      for (let number = 1; number <= pool.cacheCount; number++) this.readRegion(thread, number);
    }
    for (let page = from, next = page; page < end; page = next) next = this.checkPage(page);
    this.checkSummary();
    if (!window.isLast) return;
    for (let number = 1; number <= pool.cacheCount; number++) this.checkCache(number);
  }

  /** Notes which slots of the pages to look at are in a magazine, and whose current slab is where. S1, S4. */
  private readRegion(thread: number, number: number): void {
    const { layout, words } = this.pool;
    const region = thread * layout.regionWords;
    const current = words[region + layout.currents + number];
    if (current !== 0) {
      const isSetAside = this.isSlab(current, number) && this.link(current, L.LINK_PREVIOUS) === L.SET_ASIDE;
      const isOnly = isSetAside && !this.currents.has(current - 1);
      requireSame("S4", `current page ${current - 1} of cache ${number}`, isOnly, true);
      this.currents.add(current - 1);
    }
    if (this.isQuiet) this.readMagazine(region, number);
  }

  private readMagazine(region: number, number: number): void {
    const { pool, firstWord, endWord, idle } = this;
    const { words, layout, granule } = pool;
    const bottom = region + L.magazineStart(layout, number);
    const highest = words[region + 2 * number];
    // The top of a thread that was never there is 0, and so is its limit.
    const count = highest === 0 && words[region + 2 * number + 1] === 0 ? 0 : highest - bottom;
    const isInside = count >>> 0 <= L.magazineRoom(layout, number);
    requireSame("S1", `the top of magazine ${number}, ${count},`, isInside, true);
    requireSame("S1", `what lies below magazine ${number}`, words[bottom], 0);
    for (let top = bottom + count; top > bottom; top--) {
      const offset = (words[top] - 1) >>> 0;
      requireSame("S1", `the cache of ${offset} in magazine ${number}`, pool.cacheOf(offset), number);
      const at = offset / granule;
      const index = Math.floor(at / 32);
      if (index < firstWord || index >= endWord) continue;
      const bit = 1 << at;
      requireSame("S1", `slot ${offset} being twice idle`, (idle[index - firstWord] & bit) !== 0, false);
      idle[index - firstWord] |= bit;
    }
  }

  /** Checks what begins at `page`: a slab, a large allocation or neither; returns the next page. */
  private checkPage(page: number): number {
    const { pool, from } = this;
    const { buddy, layout, words } = pool;
    const pageWord = words[layout.pages + page];
    const offset = page * buddy.pageSize;
    if (pageWord > 0) {
      const pageCount = 2 ** (pageWord >>> L.PAGE_ORDER_SHIFT);
      const first = page & -pageCount;
      // A slab that was made since the last step, and reaches into this one.
      if (page === from && first < page && words[layout.pages + first] === pageWord) return first + pageCount;
      this.checkSlab(page, pageWord & L.PAGE_CACHE_MASK, pageCount);
      return page + pageCount;
    }
    if (pageWord < 0) {
      requireSame("S7", `the large allocation at ${offset}`, buddy.isAllocated(offset), true);
      requireSame("S6", `page word ${page}`, pageWord & ~OWNER_BITS, L.PAGE_LARGE);
      CheckTally.add(this.window.tally.slabs, LARGE_OBJECTS, 1);
    }
    this.checkEmpty("S4", "slab", layout.slabs, page * L.SLAB_WORDS, L.SLAB_WORDS);
    const firstWord = Math.floor(page * this.wordsPerPage);
    const wordCount = Math.ceil(this.wordsPerPage);
    this.checkEmpty("S2", "depot", layout.depot, firstWord, wordCount);
    if (this.isQuiet) this.checkEmpty("S2", "in-use", layout.inUse, firstWord, wordCount);
    return page + 1;
  }

  /** Checks that `count` words, from the one numbered `first` on, of the part that begins at `start` are 0. */
  private checkEmpty(invariant: string, part: string, start: number, first: number, count: number): void {
    const { words } = this.pool;
    for (let index = first; index < first + count; index++) {
      const word = words[start + index];
      if (word !== 0) requireSame(invariant, `${part} word ${index}`, word, 0);
    }
  }

  private checkSlab(page: number, number: number, pageCount: number): void {
    const { pool, window } = this;
    const { buddy, layout, words } = pool;
    const offset = page * buddy.pageSize;
    const end = offset + pageCount * buddy.pageSize;
    const isSlab = number <= pool.cacheCount && buddy.isAllocated(offset);
    const blockEnd = isSlab ? offset + buddy.sizeOf(offset) : offset;
    requireSame("S6", `the end of the slab of cache ${number} at ${offset}`, blockEnd, end);
    for (let each = page + 1; each < page + pageCount; each++) {
      requireSame("S6", `page word ${each}`, words[layout.pages + each], words[layout.pages + page]);
    }
    const slots = Math.floor((end - offset) / pool.slotSize(number));
    const free = this.checkSlots(page, number, pageCount, slots);
    const slab = layout.slabs + page * L.SLAB_WORDS;
    requireSame("S4", `the free slots of slab ${page}`, words[slab + L.SLAB_FREE], free);
    requireSame("S4", `the slots of slab ${page}`, words[slab + L.SLAB_SLOTS], slots);
    this.checkEmpty("S4", "slab", layout.slabs, (page + 1) * L.SLAB_WORDS, (pageCount - 1) * L.SLAB_WORDS);
    const isListed = this.checkLinks(page, number, L.bucketOf(free, slots));
    const { slabs } = window.tally;
    const at = number * TALLY_STRIDE;
    CheckTally.add(slabs, at + L.CACHE_SLABS, 1);
    CheckTally.add(slabs, at + L.CACHE_PAGES, pageCount);
    CheckTally.add(slabs, at + L.CACHE_SLOTS, slots);
    CheckTally.add(slabs, at + L.CACHE_FREE, free);
    if (isListed && free === slots) CheckTally.add(slabs, at + L.CACHE_EMPTY_SLABS, 1);
    if (isListed && free === 0) CheckTally.add(slabs, at + L.CACHE_FULL_SLABS, 1);
  }

  /** S1 and S2 of the slots of a slab; returns how many are in the depot. */
  private checkSlots(page: number, number: number, pageCount: number, slots: number): number {
    const { pool, isQuiet, idle } = this;
    const { layout, words } = pool;
    const step = pool.slotSize(number) / pool.granule;
    const firstWord = page * this.wordsPerPage;
    let granule = firstWord * 32;
    const endGranule = granule + slots * step;
    let free = 0;
    for (let index = firstWord; index < firstWord + pageCount * this.wordsPerPage; index++) {
      let starts = 0;
      for (; granule < endGranule && granule >>> 5 === index; granule += step) starts |= 1 << granule;
      const inUse = words[layout.inUse + index];
      const depot = words[layout.depot + index];
      free += bitCount(depot);
      if (isQuiet) {
        // A slot that is no object and in no magazine is in the depot, and no other is.
        const isIdle = idle[index - this.firstWord];
        requireSame("S2", `in-use word ${index}`, inUse, inUse & starts);
        requireSame("S1", `idle word ${index}`, isIdle, isIdle & starts & ~inUse);
        requireSame("S1", `depot word ${index}`, depot, starts & ~inUse & ~isIdle);
      } else {
        // What is not in the depot may be on its way between a magazine and its user.
        requireSame("S2", `depot word ${index}`, depot, depot & starts);
        requireSame("S1", `free and in-use word ${index}`, depot & inUse, 0);
      }
    }
    return free;
  }

  /** S4: that a slab is linked both ways, or set aside as some thread's current one; returns whether it is not the latter. */
  private checkLinks(page: number, number: number, bucket: number): boolean {
    const { layout, words } = this.pool;
    const previous = this.link(page + 1, L.LINK_PREVIOUS);
    const next = this.link(page + 1, L.LINK_NEXT);
    if (this.currents.has(page)) return false;
    requireSame("S4", `slab ${page} being set aside`, previous === L.SET_ASIDE, false);
    if (bucket === 0) return true;
    const head = layout.caches + number * L.CACHE_WORDS + L.BUCKETS + bucket;
    const isKnown =
      (previous === 0
        ? words[head] === page + 1
        : this.isIn(previous, number, bucket) && this.link(previous, L.LINK_NEXT) === page + 1) &&
      (next === 0 || (this.isIn(next, number, bucket) && this.link(next, L.LINK_PREVIOUS) === page + 1));
    requireSame("S4", `slab ${page} being linked`, isKnown, true);
    return true;
  }

  /** A word of the links of the slab that `link` names. */
  private link(link: number, word: number): number {
    const { layout, words } = this.pool;
    return words[layout.links + (link - 1) * L.LINK_WORDS + word];
  }

  /** True when `link`, which may be anything, names the first page of a slab of cache `number`. */
  private isSlab(link: number, number: number): boolean {
    const { layout, words } = this.pool;
    const page = link - 1;
    return (
      page >= this.firstPage &&
      page < this.endPage &&
      (words[layout.pages + page] & L.PAGE_CACHE_MASK) === number &&
      words[layout.slabs + page * L.SLAB_WORDS + L.SLAB_SLOTS] !== 0
    );
  }

  /** True when `link`, which may be anything, names a slab of cache `number` that belongs on the list of `bucket`. */
  private isIn(link: number, number: number, bucket: number): boolean {
    const { layout, words } = this.pool;
    if (!this.isSlab(link, number)) return false;
    const slab = layout.slabs + (link - 1) * L.SLAB_WORDS;
    return L.bucketOf(words[slab + L.SLAB_FREE], words[slab + L.SLAB_SLOTS]) === bucket;
  }

  /** S3, of the words of the pages that are looked at; with the first and the last, also of what shares a word with them. */
  private checkSummary(): void {
    const { firstWord, endWord, window } = this;
    const { layout, words } = this.pool;
    const from = window.from === 0 ? roundDown(firstWord, 32) : firstWord;
    const end = window.isLast ? roundUp(endWord, 32) : endWord;
    for (let index = from; index < end; index++) {
      const isSet = (words[layout.summary + (index >>> 5)] & (1 << index)) !== 0;
      const hasAny = index >= firstWord && index < endWord && words[layout.depot + index] !== 0;
      if (isSet !== hasAny) requireSame("S3", `summary bit ${index}`, isSet, hasAny);
    }
  }

  /** S4 and S5: the counters of a cache, where nothing has changed since the first page, and the heads of its lists. */
  private checkCache(number: number): void {
    const { pool, window } = this;
    const { tally } = window;
    const cache = pool.cacheWords(number);
    const at = number * TALLY_STRIDE;
    const counters = tally.isSettled(pool) ? L.CACHE_BUCKET_MASK : L.CACHE_SLABS;
    for (let word = L.CACHE_SLABS; word < counters; word++) {
      requireSame(
        "S5",
        `cache ${number}, counter ${word - L.CACHE_SLABS}`,
        cache[word],
        tally.slabs[at + word] ?? 0,
      );
    }
    let mask = 0;
    for (let bucket = 0; bucket < L.BUCKET_COUNT; bucket++) {
      const head = cache[L.BUCKETS + bucket];
      if (head === 0) continue;
      mask |= 1 << bucket;
      const isHead = bucket > 0 && this.isIn(head, number, bucket) && this.link(head, L.LINK_PREVIOUS) === 0;
      requireSame("S4", `the head of list ${bucket} of cache ${number}`, isHead, true);
    }
    requireSame("S4", `the lists of cache ${number}`, cache[L.CACHE_BUCKET_MASK], mask);
    if (window.isWhole) this.checkLists(number, cache);
  }

  /** S4: that the lists of a cache, whose links are right, reach all slabs that are to be on one. O(slabs). */
  private checkLists(number: number, cache: Int32Array): void {
    let unlisted = cache[L.CACHE_SLABS] - cache[L.CACHE_FULL_SLABS];
    for (const page of this.currents) if (this.isSlab(page + 1, number)) unlisted--;
    for (let bucket = 1; bucket < L.BUCKET_COUNT; bucket++) {
      for (let link = cache[L.BUCKETS + bucket]; link !== 0; link = this.link(link, L.LINK_NEXT)) unlisted--;
    }
    requireSame("S4", `unlisted slabs of cache ${number}`, unlisted, 0);
  }
}

/**
 * Checks the pages of `window`; throws `AllocError` `CORRUPTED` that names the invariant. While other threads are at work
 * (`isQuiet` false), S1 is checked of the slots in the depot alone. O(slots of the pages + slots in magazines + threads ×
 * caches); O(slabs) more with the last of a whole check.
 */
export function checkPool(pool: PoolState, window: CheckWindow, isQuiet = true): void {
  new PoolCheck(pool, window, isQuiet).run();
}

/** `page`, counted from the start of the space, or the end of the slab and of the words of the maps that it lies in. */
export function endOfSlab({ buddy, granule, layout, words }: PoolState, page: number): number {
  const firstPage = buddy.base / buddy.pageSize;
  // A page may have less than a word of the maps.
  const pagesPerWord = Math.max(1, (32 * granule) / buddy.pageSize);
  const end = roundUp(firstPage + page, pagesPerWord);
  const pageWord = words[layout.pages + end];
  const pageCount = pageWord > 0 ? 2 ** ((pageWord >>> L.PAGE_ORDER_SHIFT) & L.PAGE_ORDER_MASK) : 1;
  return roundUp(end, pageCount) - firstPage;
}
