/**
 * The slab caches' self-check: walk every slab, count anew, and compare with what is kept.
 *
 * The page words say which blocks are slabs of which cache, the in-use map which slots are objects; the depot map,
 * the magazines, the lists and the counters have to follow from them.
 */
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { corrupted } from "../errors.ts";
import * as L from "./layout.ts";

/** The parts of a pool that its check reads. */
export interface PoolState {
  readonly buddy: BuddyAllocator;
  readonly granule: number;
  readonly layout: L.PoolLayout;
  readonly words: Int32Array;
}

/** What the walk over the slabs adds up for one cache. */
interface Sums {
  slabs: number;
  pages: number;
  slots: number;
  free: number;
  empty: number;
  full: number;
  /** Slots neither in use nor in the depot. */
  elsewhere: number;
}

class PoolCheck {
  private readonly pool: PoolState;
  private readonly words: Int32Array;
  private readonly sums: Sums[] = [];
  /** In-use and depot bits met on slots, to be compared with all the bits there are (S2). */
  private bitsOnSlots = 0;

  constructor(pool: PoolState, cacheCount: number) {
    this.pool = pool;
    this.words = pool.words;
    for (let number = 0; number <= cacheCount; number++) {
      this.sums.push({ slabs: 0, pages: 0, slots: 0, free: 0, empty: 0, full: 0, elsewhere: 0 });
    }
  }

  run(): void {
    const { buddy } = this.pool;
    const endPage = (buddy.base + buddy.size) / buddy.pageSize;
    for (let page = buddy.base / buddy.pageSize; page < endPage;) page += this.checkPage(page);
    this.checkMaps();
    for (let number = 1; number < this.sums.length; number++) this.checkCache(number);
  }

  /** Checks the slab that begins at `page`, if one does; returns the number of pages that are done. */
  private checkPage(page: number): number {
    const { buddy, layout } = this.pool;
    const pageWord = this.words[layout.pages + page];
    if (pageWord === 0) return 1;
    const number = pageWord & L.PAGE_CACHE_MASK;
    const pageCount = 2 ** (pageWord >>> L.PAGE_ORDER_SHIFT);
    const offset = page * buddy.pageSize;
    if (number >= this.sums.length)
      corrupted("S6", `page ${page} names cache ${number}, which does not exist`);
    if (!buddy.isAllocated(offset) || buddy.sizeOf(offset) !== pageCount * buddy.pageSize) {
      corrupted(
        "S6",
        `the slab at offset ${offset} is not one allocated block of ${pageCount} pages`,
        offset,
      );
    }
    for (let each = page; each < page + pageCount; each++) {
      if (this.words[layout.pages + each] !== pageWord)
        corrupted("S6", `page ${each} does not name its slab's cache`);
    }
    this.checkSlab(number, page, pageCount);
    return pageCount;
  }

  private checkSlab(number: number, page: number, pageCount: number): void {
    const { buddy, granule, layout } = this.pool;
    const words = this.words;
    const slotSize = (words[layout.caches + number * L.CACHE_WORDS + L.CACHE_SLOT_GRANULES] >>> 0) * granule;
    const bytes = pageCount * buddy.pageSize;
    const slots = Math.floor(bytes / slotSize);
    let free = 0;
    let used = 0;
    for (let slot = 0; slot < slots; slot++) {
      const at = (page * buddy.pageSize + slot * slotSize) / granule;
      const isUsed = this.bit(layout.inUse, at);
      const isFree = this.bit(layout.depot, at);
      if (isUsed && isFree) corrupted("S1", `a slot is both in use and free`, at * granule);
      used += isUsed ? 1 : 0;
      free += isFree ? 1 : 0;
    }
    const slab = layout.slabs + page * L.SLAB_WORDS;
    if (words[slab + L.SLAB_SLOTS] !== slots || words[slab + L.SLAB_FREE] !== free) {
      const kept = `${words[slab + L.SLAB_FREE]} of ${words[slab + L.SLAB_SLOTS]}`;
      corrupted(
        "S4",
        `the slab of page ${page} has ${free} of ${slots} slots free, its counters say ${kept}`,
      );
    }
    this.bitsOnSlots += used + free;
    const sums = this.sums[number];
    sums.slabs++;
    sums.pages += pageCount;
    sums.slots += slots;
    sums.free += free;
    sums.empty += free === slots ? 1 : 0;
    sums.full += free === 0 ? 1 : 0;
    sums.elsewhere += slots - used - free;
  }

  private bit(map: number, index: number): boolean {
    return (this.words[map + (index >>> 5)] & (1 << index)) !== 0;
  }

  /** S2 and S3: no bit off a slot; summary bits as the depot words are. */
  private checkMaps(): void {
    const { buddy, granule, layout } = this.pool;
    const words = this.words;
    const first = Math.floor(buddy.base / granule / 32);
    const end = Math.ceil((buddy.base + buddy.size) / granule / 32);
    let bits = 0;
    for (let index = first; index < end; index++) {
      bits += bitCount(words[layout.inUse + index]) + bitCount(words[layout.depot + index]);
      const has = this.bit(layout.summary, index);
      if (has !== (words[layout.depot + index] !== 0))
        corrupted("S3", `the summary of depot word ${index} is ${has}`);
    }
    if (bits !== this.bitsOnSlots) {
      corrupted("S2", `the maps have ${bits} bits set, ${this.bitsOnSlots} of them where slots begin`);
    }
  }

  private checkCache(number: number): void {
    const { layout } = this.pool;
    const words = this.words;
    const cache = layout.caches + number * L.CACHE_WORDS;
    const sums = this.sums[number];
    const pairs: [string, number, number][] = [
      ["slabs", sums.slabs, words[cache + L.CACHE_SLABS]],
      ["pages", sums.pages, words[cache + L.CACHE_PAGES]],
      ["slots", sums.slots, words[cache + L.CACHE_SLOTS]],
      ["free slots", sums.free, words[cache + L.CACHE_FREE]],
      ["empty slabs", sums.empty, words[cache + L.CACHE_EMPTY_SLABS]],
      ["full slabs", sums.full, words[cache + L.CACHE_FULL_SLABS]],
    ];
    for (const [what, found, kept] of pairs) {
      if (found !== kept) corrupted("S5", `cache ${number} has ${found} ${what}, its counter says ${kept}`);
    }
    this.checkMagazine(number);
    this.checkLists(number, cache);
  }

  /** S1, the third place: the magazine's slots are this cache's, differ, and are all that is left. */
  private checkMagazine(number: number): void {
    const { buddy, granule, layout } = this.pool;
    const words = this.words;
    const bottom = layout.magazines + number * L.MAGAZINE_WORDS;
    const top = words[2 * number];
    const held = new Set<number>();
    // A destroyed cache has no magazine: its top is 0.
    for (let at = top === 0 ? 1 : bottom + 1; at <= top; at++) {
      const offset = words[at] >>> 0;
      const pageWord = words[layout.pages + Math.floor(offset / buddy.pageSize)];
      const isElsewhere =
        this.bit(layout.inUse, offset / granule) || this.bit(layout.depot, offset / granule);
      if ((pageWord & L.PAGE_CACHE_MASK) !== number || isElsewhere || held.has(offset)) {
        corrupted("S1", `the magazine of cache ${number} holds a slot that is not its own`, offset);
      }
      held.add(offset);
    }
    if (held.size !== this.sums[number].elsewhere) {
      const lost = this.sums[number].elsewhere - held.size;
      corrupted(
        "S1",
        `${lost} slots of cache ${number} are neither in use, in the depot nor in the magazine`,
      );
    }
  }

  /** S4: each list has the slabs of its bucket, linked both ways. */
  private checkLists(number: number, cache: number): void {
    const { layout } = this.pool;
    const words = this.words;
    let listed = 0;
    for (let bucket = 0; bucket < L.BUCKET_COUNT; bucket++) {
      let previous = 0;
      for (let link = words[cache + L.BUCKETS + bucket]; link !== 0; listed++) {
        const slab = layout.slabs + (link - 1) * L.SLAB_WORDS;
        const rightBucket = L.bucketOf(words[slab + L.SLAB_FREE], words[slab + L.SLAB_SLOTS]);
        const isOwn = (words[layout.pages + link - 1] & L.PAGE_CACHE_MASK) === number;
        if (!isOwn || rightBucket !== bucket || words[slab + L.SLAB_PREVIOUS] !== previous) {
          corrupted(
            "S4",
            `list ${bucket} of cache ${number} holds page ${link - 1}, which does not belong there`,
          );
        }
        previous = link;
        link = words[slab + L.SLAB_NEXT];
      }
      const isMarked = (words[cache + L.CACHE_BUCKET_MASK] & (1 << bucket)) !== 0;
      if (isMarked !== (previous !== 0))
        corrupted("S4", `the mask of cache ${number} is wrong about list ${bucket}`);
    }
    const expected = this.sums[number].slabs - this.sums[number].full;
    if (listed !== expected)
      corrupted("S4", `cache ${number} lists ${listed} slabs, ${expected} have free slots`);
  }
}

function bitCount(word: number): number {
  let count = 0;
  for (; word !== 0; word &= word - 1) count++;
  return count;
}

/** Checks a pool with caches 1 to `cacheCount`; throws `AllocError` `CORRUPTED` that names the invariant. O(slots). */
export function checkPool(pool: PoolState, cacheCount: number): void {
  new PoolCheck(pool, cacheCount).run();
}
