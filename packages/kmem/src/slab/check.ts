/**
 * The slab caches' self-check: walk every slab, count anew, and compare with what is kept.
 *
 * The page words say which blocks are slabs of which cache, the in-use and depot maps which slots are objects and
 * which are free; the summary, the magazines, the lists and the counters have to follow from them.
 */
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { requireSame } from "../errors.ts";
import * as L from "./layout.ts";

/** The parts of a pool that its check reads. */
export interface PoolState {
  readonly buddy: BuddyAllocator;
  readonly granule: number;
  readonly layout: L.PoolLayout;
  readonly words: Int32Array;
}

/** Checks a pool with caches 1 to `cacheCount`; throws `AllocError` `CORRUPTED` that names the invariant. O(slots). */
export function checkPool(pool: PoolState, cacheCount: number): void {
  const { buddy, granule, layout, words } = pool;
  const { pageSize } = buddy;
  const end = buddy.base + buddy.size;
  /** The counters of each cache as they should be, laid out as in the pool. */
  const counters = Array.from({ length: cacheCount + 1 }, () => new Int32Array(L.CACHE_WORDS));
  /** The index of the list that each slab with free slots belongs on, by the slab's link. */
  const lists = new Map<number, number>();
  /** The cache of each slot that is neither in use nor in the depot, and so in a magazine, by the slot's offset. */
  const magazineSlots = new Map<number, number>();
  /** Bits of the two maps that are set where slots begin. */
  let bitsOnSlots = 0;

  const bit = (map: number, index: number): number => (words[map + (index >>> 5)] >>> index) & 1;

  /** Walks the slab that begins at `page`, if one does; returns the number of pages that are done. */
  function walkPage(page: number): number {
    const pageWord = words[layout.pages + page];
    if (pageWord === 0) return 1;
    const number = pageWord & L.PAGE_CACHE_MASK;
    const pageCount = 2 ** (pageWord >>> L.PAGE_ORDER_SHIFT);
    const offset = page * pageSize;
    requireSame("S6", `the existence of page ${page}'s cache ${number}`, number in counters, true);
    const bytes = buddy.isAllocated(offset) ? buddy.sizeOf(offset) : 0;
    requireSame("S6", `the block of the slab at page ${page}`, bytes, pageCount * pageSize);
    for (let each = page; each < page + pageCount; each++) {
      requireSame("S6", `the word of page ${each}`, words[layout.pages + each], pageWord);
    }
    walkSlots(number, page, pageCount);
    return pageCount;
  }

  function walkSlots(number: number, page: number, pageCount: number): void {
    const cache = layout.caches + number * L.CACHE_WORDS;
    const slotSize = (words[cache + L.CACHE_SLOT_GRANULES] >>> 0) * granule;
    const slots = Math.floor((pageCount * pageSize) / slotSize);
    let free = 0;
    for (let slot = 0; slot < slots; slot++) {
      const offset = page * pageSize + slot * slotSize;
      const isUsed = bit(layout.inUse, offset / granule);
      const isFree = bit(layout.depot, offset / granule);
      if (isUsed + isFree === 0) magazineSlots.set(offset, number);
      if (isUsed + isFree === 2) requireSame("S1", `slot ${offset}`, "in use and free", "one of the two");
      free += isFree;
      bitsOnSlots += isUsed + isFree;
    }
    const slab = layout.slabs + page * L.SLAB_WORDS;
    requireSame("S4", `the slot count of the slab at page ${page}`, words[slab + L.SLAB_SLOTS], slots);
    requireSame("S4", `the free count of the slab at page ${page}`, words[slab + L.SLAB_FREE], free);
    const bucket = L.bucketOf(free, slots);
    const counter = counters[number];
    counter[L.CACHE_SLABS]++;
    counter[L.CACHE_PAGES] += pageCount;
    counter[L.CACHE_SLOTS] += slots;
    counter[L.CACHE_FREE] += free;
    if (bucket === L.EMPTY_BUCKET) counter[L.CACHE_EMPTY_SLABS]++;
    if (bucket === 0) counter[L.CACHE_FULL_SLABS]++;
    else {
      counter[L.CACHE_BUCKET_MASK] |= 1 << bucket;
      lists.set(page + 1, cache + L.BUCKETS + bucket);
    }
  }

  /** S2 and S3: no bit off a slot; summary bits as the depot words are. */
  function checkMaps(): void {
    let bits = 0;
    for (let index = Math.floor(buddy.base / granule / 32); index < end / granule / 32; index++) {
      const depot = words[layout.depot + index];
      const summary = depot === 0 ? 0 : 1;
      requireSame("S3", `the summary of depot word ${index}`, bit(layout.summary, index), summary);
      bits += bitCount(words[layout.inUse + index]) + bitCount(depot);
    }
    requireSame("S2", "the number of bits in the maps", bits, bitsOnSlots);
  }

  function checkCache(number: number): void {
    const cache = layout.caches + number * L.CACHE_WORDS;
    for (let word = L.CACHE_SLABS; word <= L.CACHE_BUCKET_MASK; word++) {
      const invariant = word === L.CACHE_BUCKET_MASK ? "S4" : "S5";
      requireSame(invariant, `word ${word} of cache ${number}`, words[cache + word], counters[number][word]);
    }
    // A destroyed cache has no magazine: its top is 0.
    const bottom = layout.magazines + number * L.MAGAZINE_WORDS;
    for (let top = words[2 * number]; top > bottom; top--) {
      const offset = words[top] >>> 0;
      requireSame("S1", `the magazine of slot ${offset}`, number, magazineSlots.get(offset));
      magazineSlots.delete(offset);
    }
    for (let list = cache + L.BUCKETS; list < cache + L.CACHE_WORDS; list++) {
      for (let link = words[list], previous = 0; link !== 0;) {
        const slab = layout.slabs + (link - 1) * L.SLAB_WORDS;
        requireSame("S4", `the list of the slab at page ${link - 1}`, list, lists.get(link));
        requireSame("S4", `the link back from page ${link - 1}`, words[slab + L.SLAB_PREVIOUS], previous);
        lists.delete(link);
        previous = link;
        link = words[slab + L.SLAB_NEXT];
      }
    }
  }

  for (let page = buddy.base / pageSize; page < end / pageSize;) page += walkPage(page);
  checkMaps();
  for (let number = 1; number <= cacheCount; number++) checkCache(number);
  requireSame("S1", "the number of lost slots", magazineSlots.size, 0);
  requireSame("S4", "the number of unlisted slabs", lists.size, 0);
}

function bitCount(word: number): number {
  let count = 0;
  for (; word !== 0; word &= word - 1) count++;
  return count;
}
