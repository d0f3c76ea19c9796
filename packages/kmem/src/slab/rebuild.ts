/**
 * A pool's maps, counts and lists put right after a thread has died in the middle of a change.
 *
 * What stands: which blocks are slabs, or large allocations, by the page words of blocks that are allocated; which slots
 * are in the depot, by its map. Everything else of the depot follows from these. Done twice, it does no harm: so it may
 * itself be interrupted.
 */
import { bitCount } from "../bits/integers.ts";
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import * as L from "./layout.ts";

/** The parts of a pool that a rebuild works on. */
export interface BrokenPool {
  readonly buddy: BuddyAllocator;
  readonly granule: number;
  readonly layout: L.PoolLayout;
  readonly words: Int32Array;
  readonly threadCount: number;
  readonly cacheCount: number;
  slotSize(number: number): number;
  isAlive(number: number): boolean;
  cacheWords(number: number): Int32Array;
  link(number: number, page: number, bucket: number): void;
  setAside(number: number, page: number): void;
}

/** The slab that begins at `page`, by its first page's word; undefined where none does. */
interface FoundSlab {
  readonly number: number;
  readonly pageCount: number;
}

function slabAt(pool: BrokenPool, page: number): FoundSlab | undefined {
  const { buddy, words, layout } = pool;
  const pageWord = words[layout.pages + page];
  const number = pageWord & L.PAGE_CACHE_MASK;
  const pageCount = 2 ** ((pageWord >>> L.PAGE_ORDER_SHIFT) & L.PAGE_ORDER_MASK);
  const offset = page * buddy.pageSize;
  const isWhole =
    pageWord > 0 &&
    number <= pool.cacheCount &&
    pool.isAlive(number) &&
    buddy.isAllocated(offset) &&
    buddy.sizeOf(offset) === pageCount * buddy.pageSize;
  return isWhole ? { number, pageCount } : undefined;
}

/** Sets the words of a slab, and what its cache counts of it, from its depot bits; lists it. */
function readopt(pool: BrokenPool, page: number, { number, pageCount }: FoundSlab): void {
  const { words, layout, granule } = pool;
  const { pageSize } = pool.buddy;
  const slotSize = pool.slotSize(number);
  const slots = Math.floor((pageCount * pageSize) / slotSize);
  const firstWord = (page * pageSize) / granule / 32;
  const slotBits = new Int32Array((pageCount * pageSize) / granule / 32);
  for (let slot = 0; slot < slots; slot++) {
    const bit = (slot * slotSize) / granule;
    slotBits[bit >>> 5] |= 1 << bit;
  }
  let free = 0;
  for (let index = 0; index < slotBits.length; index++) {
    const at = firstWord + index;
    const word = words[layout.depot + at] & slotBits[index];
    words[layout.depot + at] = word;
    if (word !== 0) words[layout.summary + (at >>> 5)] |= 1 << at;
    free += bitCount(word);
  }
  words.fill(words[layout.pages + page], layout.pages + page + 1, layout.pages + page + pageCount);
  const slab = layout.slabs + page * L.SLAB_WORDS;
  words[slab + L.SLAB_FREE] = free;
  words[slab + L.SLAB_SLOTS] = slots;
  words[layout.links + page * L.LINK_WORDS + L.LINK_PREVIOUS] = 0;
  const cache = pool.cacheWords(number);
  cache[L.CACHE_SLABS]++;
  cache[L.CACHE_PAGES] += pageCount;
  cache[L.CACHE_SLOTS] += slots;
  cache[L.CACHE_FREE] += free;
  pool.link(number, page, L.bucketOf(free, slots));
}

/** Makes a page one that belongs to no slab; `pageWord` is what its word is to be. */
function clearPage({ words, layout, granule, buddy }: BrokenPool, page: number, pageWord: number): void {
  const wordCount = buddy.pageSize / granule / 32;
  words[layout.pages + page] = pageWord;
  words.fill(0, layout.depot + page * wordCount, layout.depot + (page + 1) * wordCount);
  words.fill(0, layout.slabs + page * L.SLAB_WORDS, layout.slabs + (page + 1) * L.SLAB_WORDS);
}

/** Sets aside the current slabs of the threads that live, and forgets the others. */
function readoptCurrents(pool: BrokenPool, lives: (thread: number) => boolean): void {
  const { words, layout } = pool;
  for (let thread = 0; thread < pool.threadCount; thread++) {
    for (let number = 1; number <= pool.cacheCount; number++) {
      const at = thread * layout.regionWords + layout.currents + number;
      const page = words[at] - 1;
      if (page < 0) continue;
      if (lives(thread) && slabAt(pool, page)?.number === number) pool.setAside(number, page);
      else words[at] = 0;
    }
  }
}

/**
 * Rebuilds everything of `pool` but the in-use map and the magazines. `lives` tells of each thread whether it goes on.
 * The buddy allocator must be in order, and a page hold whole words of the maps. O(size).
 */
export function rebuildPool(pool: BrokenPool, lives: (thread: number) => boolean): void {
  const { words, layout, buddy } = pool;
  for (let number = 1; number <= pool.cacheCount; number++) {
    const cache = pool.cacheWords(number);
    cache.fill(0, L.CACHE_SLABS, L.CACHE_COUNTERS_END);
    cache.fill(0, L.BUCKETS);
  }
  words.fill(0, layout.summary, layout.slabs);
  let largeObjects = 0;
  const end = (buddy.base + buddy.size) / buddy.pageSize;
  for (let page = buddy.base / buddy.pageSize; page < end;) {
    const slab = slabAt(pool, page);
    if (slab === undefined) {
      const isLarge = words[layout.pages + page] < 0 && buddy.isAllocated(page * buddy.pageSize);
      if (isLarge) largeObjects++;
      clearPage(pool, page, isLarge ? words[layout.pages + page] : 0);
      page++;
    } else {
      readopt(pool, page, slab);
      page += slab.pageCount;
    }
  }
  words[layout.caches + L.POOL_LARGE_OBJECTS] = largeObjects;
  readoptCurrents(pool, lives);
}
