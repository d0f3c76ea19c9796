/**
 * The slab caches' self-check: rebuild a second pool, and compare.
 *
 * The page words say which blocks are slabs of which cache, the in-use map and the magazines which slots are not in
 * the depot. With these the maps, the slabs' counts and the counters have just one right state; only the order of the
 * lists is free.
 */
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { requireSame, requireSameWords } from "../errors.ts";
import * as L from "./layout.ts";

/** The parts of a pool that its check reads. */
export interface PoolState {
  readonly buddy: BuddyAllocator;
  readonly layout: L.PoolLayout;
  readonly words: Int32Array;
  slotSize(number: number): number;
  cacheAt(offset: number): number;
  isObject(offset: number): boolean;
  spaceRegions(): Record<string, Int32Array>;
  cacheWords(number: number): Int32Array;
}

/** A pool with the same caches and no slab, on which the right state can be built. */
export interface EmptyPool extends PoolState {
  adoptSlab(number: number, page: number, pageCount: number): void;
  takeFromDepot(number: number, offset: number): void;
  setInUse(offset: number): void;
}

/** Puts the slab that begins at `page`, if one does, and its objects into `right`; returns the page after it. */
function rebuildSlab(pool: PoolState, right: EmptyPool, cacheCount: number, page: number): number {
  const { buddy } = pool;
  const pageWord = pool.words[pool.layout.pages + page];
  if (pageWord === 0) return page + 1;
  const number = pageWord & L.PAGE_CACHE_MASK;
  const pageCount = 2 ** (pageWord >>> L.PAGE_ORDER_SHIFT);
  const offset = page * buddy.pageSize;
  const end = offset + pageCount * buddy.pageSize;
  const isSlab = number <= cacheCount && buddy.isAllocated(offset);
  const blockEnd = isSlab ? offset + buddy.sizeOf(offset) : offset;
  requireSame("S6", `the end of the slab of cache ${number} at ${offset}`, blockEnd, end);
  right.adoptSlab(number, page, pageCount);
  const slotSize = pool.slotSize(number);
  for (let slot = offset; slot + slotSize <= end; slot += slotSize) {
    if (!pool.isObject(slot)) continue;
    right.setInUse(slot);
    right.takeFromDepot(number, slot);
  }
  return page + pageCount;
}

function rebuildMagazine(pool: PoolState, right: EmptyPool, number: number): void {
  const bottom = pool.layout.magazines + number * L.MAGAZINE_WORDS;
  // A destroyed cache has no magazine: its top is 0.
  for (let top = pool.words[2 * number]; top > bottom; top--) {
    const offset = pool.words[top] >>> 0;
    requireSame("S1", `the cache of ${offset} in magazine ${number}`, pool.cacheAt(offset), number);
    right.takeFromDepot(number, offset);
  }
}

/** S4 and S5: the counters of a cache; its lists, whose slabs are of the right bucket and linked both ways. */
function checkCache(pool: PoolState, right: EmptyPool, number: number): void {
  const { layout, words } = pool;
  const cache = pool.cacheWords(number);
  const rightCache = right.cacheWords(number);
  const counters = [L.CACHE_SLABS, L.CACHE_BUCKET_MASK] as const;
  requireSameWords(
    "S5",
    `cache ${number}, counter`,
    cache.subarray(...counters),
    rightCache.subarray(...counters),
  );
  let unlisted = cache[L.CACHE_SLABS] - cache[L.CACHE_FULL_SLABS];
  for (let bucket = 0; bucket < L.BUCKET_COUNT; bucket++) {
    for (let link = cache[L.BUCKETS + bucket], previous = 0; link !== 0; unlisted--) {
      const slab = layout.slabs + (link - 1) * L.SLAB_WORDS;
      const links = layout.links + (link - 1) * L.LINK_WORDS;
      const place = [
        words[layout.pages + link - 1] & L.PAGE_CACHE_MASK,
        L.bucketOf(words[slab + L.SLAB_FREE], words[slab + L.SLAB_SLOTS]),
        words[links + L.LINK_PREVIOUS],
      ];
      requireSameWords("S4", `the place of page ${link - 1}, part`, place, [number, bucket, previous]);
      previous = link;
      link = words[links + L.LINK_NEXT];
    }
  }
  const lists = [cache[L.CACHE_BUCKET_MASK], unlisted];
  requireSameWords("S4", `the lists of cache ${number}, part`, lists, [rightCache[L.CACHE_BUCKET_MASK], 0]);
}

/**
 * Checks a pool with caches 1 to `cacheCount` by means of one without slabs; throws `AllocError` `CORRUPTED` that
 * names the invariant. O(slots).
 */
export function checkPool(pool: PoolState, right: EmptyPool, cacheCount: number): void {
  const { base, size, pageSize } = pool.buddy;
  for (let page = base / pageSize; page < (base + size) / pageSize;) {
    page = rebuildSlab(pool, right, cacheCount, page);
  }
  for (let number = 1; number <= cacheCount; number++) rebuildMagazine(pool, right, number);
  const rightRegions = right.spaceRegions();
  for (const [invariant, region] of Object.entries(pool.spaceRegions())) {
    requireSameWords(invariant, "word", region, rightRegions[invariant]);
  }
  for (let number = 1; number <= cacheCount; number++) checkCache(pool, right, number);
}
