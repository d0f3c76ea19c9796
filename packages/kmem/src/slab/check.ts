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
  readonly threadCount: number;
  readonly cacheCount: number;
  slotSize(number: number): number;
  cacheOf(offset: number): number;
  isObject(offset: number): boolean;
  isInDepot(offset: number): boolean;
  spaceRegions(): Record<string, Int32Array>;
  cacheWords(number: number): Int32Array;
}

/** A pool with the same caches and no slab, on which the right state can be built. */
export interface EmptyPool extends PoolState {
  adoptSlab(number: number, page: number, pageCount: number): void;
  setAside(number: number, page: number): void;
  takeFromDepot(number: number, offset: number): void;
  setInUse(offset: number): void;
  markLarge(offset: number, owner: number): void;
}

/** Puts what begins at `page`, a slab with its objects or a large allocation, into `right`; returns the next page. */
function rebuildPage(pool: PoolState, right: EmptyPool, page: number, isQuiet: boolean): number {
  const { buddy } = pool;
  const pageWord = pool.words[pool.layout.pages + page];
  const offset = page * buddy.pageSize;
  if (pageWord < 0) {
    requireSame("S7", `the large allocation at ${offset}`, buddy.isAllocated(offset), true);
    right.markLarge(offset, (pageWord & ~L.PAGE_LARGE) >>> L.PAGE_OWNER_SHIFT);
  }
  if (pageWord <= 0) return page + 1;
  const number = pageWord & L.PAGE_CACHE_MASK;
  const pageCount = 2 ** (pageWord >>> L.PAGE_ORDER_SHIFT);
  const end = offset + pageCount * buddy.pageSize;
  const isSlab = number <= pool.cacheCount && buddy.isAllocated(offset);
  const blockEnd = isSlab ? offset + buddy.sizeOf(offset) : offset;
  requireSame("S6", `the end of the slab of cache ${number} at ${offset}`, blockEnd, end);
  right.adoptSlab(number, page, pageCount);
  const slotSize = pool.slotSize(number);
  for (let slot = offset; slot + slotSize <= end; slot += slotSize) {
    const isObject = pool.isObject(slot);
    // A slot that is not in the depot may be on its way between a magazine and its user, unless all is quiet.
    const isTaken = isQuiet ? isObject : !pool.isInDepot(slot);
    if (isTaken) right.takeFromDepot(number, slot);
    else requireSame("S1", `the in-use bit of ${slot}, which is free,`, isObject, false);
    if (isObject) right.setInUse(slot);
  }
  return page + pageCount;
}

/** The index of the first word of each thread's region. */
function regions({ threadCount, layout }: PoolState): number[] {
  return Array.from({ length: threadCount }, (_, thread) => thread * layout.regionWords);
}

function rebuildMagazine(pool: PoolState, right: EmptyPool, region: number, number: number): void {
  const bottom = region + pool.layout.magazines + number * L.MAGAZINE_WORDS;
  const highest = pool.words[region + 2 * number];
  // The top of a thread that was never there is 0, and so is its limit.
  const count = highest === 0 && pool.words[region + 2 * number + 1] === 0 ? 0 : highest - bottom;
  requireSame("S1", `the top of magazine ${number}, ${count},`, count >>> 0 <= L.MAX_MAGAZINE_SIZE, true);
  for (let top = highest; top > bottom; top--) {
    const offset = pool.words[top] >>> 0;
    requireSame("S1", `the cache of ${offset} in magazine ${number}`, pool.cacheOf(offset), number);
    right.takeFromDepot(number, offset);
  }
}

/** Sets aside, in `right`, the slabs of a cache that are some thread's current ones; returns how many. */
function rebuildCurrents(pool: PoolState, right: EmptyPool, number: number): number {
  const links = regions(pool)
    .map((region) => pool.words[region + pool.layout.currents + number])
    .filter((link) => link !== 0);
  for (const link of links) {
    const found = pool.words[pool.layout.pages + link - 1] & L.PAGE_CACHE_MASK;
    requireSame("S4", `the cache of current page ${link - 1}`, found, number);
    right.setAside(number, link - 1);
  }
  return links.length;
}

/** S4 and S5: the counters of a cache; its lists, whose slabs are of the right bucket and linked both ways. */
function checkCache(pool: PoolState, right: EmptyPool, number: number): void {
  const currentCount = rebuildCurrents(pool, right, number);
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
  let unlisted = cache[L.CACHE_SLABS] - cache[L.CACHE_FULL_SLABS] - currentCount;
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
 * Checks a pool by means of one with the same caches and without slabs; throws `AllocError` `CORRUPTED` that names the
 * invariant. While other threads are at work (`isQuiet` false), S1 is checked of the slots in the depot alone.
 * O(slots).
 */
export function checkPool(pool: PoolState, right: EmptyPool, isQuiet = true): void {
  const { base, size, pageSize } = pool.buddy;
  for (let page = base / pageSize; page < (base + size) / pageSize;) {
    page = rebuildPage(pool, right, page, isQuiet);
  }
  for (const region of isQuiet ? regions(pool) : []) {
    for (let number = 1; number <= pool.cacheCount; number++) rebuildMagazine(pool, right, region, number);
  }
  const rightRegions = right.spaceRegions();
  for (const [invariant, region] of Object.entries(pool.spaceRegions())) {
    if (isQuiet || invariant !== "S2") requireSameWords(invariant, "word", region, rightRegions[invariant]);
  }
  for (let number = 1; number <= pool.cacheCount; number++) checkCache(pool, right, number);
}
