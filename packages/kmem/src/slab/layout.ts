/**
 * Where everything that slab caches know lies: one array of 32-bit words, so that the fast path works on one
 * base address and so that the whole of it may lie in shared memory.
 *
 * In order, with G the granule in bytes (every slot begins on a multiple of it):
 *
 *     tops         2 words a cache      index of the magazine's topmost slot; index it may not pass
 *     magazines    128 words a cache    word 0 of each is unused, so a top index that is a multiple of 128 is empty
 *     caches       48 words a cache     what CACHE_… and BUCKETS below name
 *     in-use map   1 bit a granule      set while the slot that begins there is an object: the truth
 *     depot map    1 bit a granule      set while the slot that begins there lies in its slab, free
 *     summary      1 bit a depot word   set while that word is not zero
 *     slab words   2 words a page       what SLAB_… names, for the first page of each slab
 *     links        2 words a page       what LINK_… names, for the first page of each slab with free slots
 *     page words   1 word a page        0, or the cache's number and the slab's order (PAGE_…); they come last, so
 *                                       that a page beyond the space has none and reads as 0 does
 *
 * Caches are numbered from 1. A page is `offset / pageSize` in the space at large; links hold page + 1, 0 is none.
 * A slot is in just one of three places: in use, in the depot, or in the magazine.
 */

/** Words of one magazine; a power of two. The first is unused. */
export const MAGAZINE_WORDS = 128;
/** The most slots that a magazine can hold. */
export const MAX_MAGAZINE_SIZE = MAGAZINE_WORDS - 1;

/** Bits of a page word that hold the number of the cache; the slab's order stands above them. */
export const PAGE_CACHE_MASK = 0xffff;
export const PAGE_ORDER_SHIFT = 16;
/** The most caches that a pool can have. */
export const MAX_CACHE_COUNT = 1023;

export const SLAB_WORDS = 2;
/** Slots of the slab that are in the depot. */
export const SLAB_FREE = 0;
/** Slots of the slab. */
export const SLAB_SLOTS = 1;

/** Neighbours on the list of the slab's bucket: page + 1, or 0. */
export const LINK_WORDS = 2;
export const LINK_NEXT = 0;
export const LINK_PREVIOUS = 1;

export const CACHE_WORDS = 48;
/** Granules of a slot, unsigned. */
export const CACHE_SLOT_GRANULES = 0;
/** The smallest order that a slab of this cache may have. */
export const CACHE_MIN_ORDER = 1;
/** The most slots that the magazine may ever hold. */
export const CACHE_MAGAZINE_SIZE = 2;
/** Counters: slabs, their pages, their slots, and those of the slots that are in the depot. */
export const CACHE_SLABS = 3;
export const CACHE_PAGES = 4;
export const CACHE_SLOTS = 5;
export const CACHE_FREE = 6;
/** Slabs whose every slot is in the depot, and slabs none of whose slots are. */
export const CACHE_EMPTY_SLABS = 7;
export const CACHE_FULL_SLABS = 8;
/** Bit b is set while the list of bucket b has a slab. */
export const CACHE_BUCKET_MASK = 9;
/** The first slab of each bucket, page + 1 or 0. */
export const BUCKETS = 16;
export const BUCKET_COUNT = 32;

/** The bucket of empty slabs: the last to be taken from. */
export const EMPTY_BUCKET = BUCKET_COUNT - 1;

/**
 * The bucket of a slab with `free` of `slots` in the depot: the number of binary digits of `free`, so the fullest
 * come first and differ most finely; 0 for none free, which is on no list.
 */
export function bucketOf(free: number, slots: number): number {
  return free === slots ? EMPTY_BUCKET : 32 - Math.clz32(free);
}

if (BUCKETS + BUCKET_COUNT !== CACHE_WORDS || MAX_CACHE_COUNT >= PAGE_CACHE_MASK) {
  throw new Error("slab layout: the parts of a cache do not fill its words");
}

/** The index of each part's first word. */
export interface PoolLayout {
  readonly magazines: number;
  readonly caches: number;
  readonly inUse: number;
  readonly depot: number;
  readonly summary: number;
  readonly slabs: number;
  readonly links: number;
  readonly pages: number;
  readonly wordCount: number;
}

/** The layout for caches 1 to `cacheCount` in a space that ends at byte `endOffset`. */
export function poolLayout(
  cacheCount: number,
  endOffset: number,
  granule: number,
  pageSize: number,
): PoolLayout {
  const numbers = cacheCount + 1;
  const mapWords = Math.ceil(endOffset / granule / 32);
  const pageCount = Math.ceil(endOffset / pageSize);
  const magazines = Math.ceil((2 * numbers) / MAGAZINE_WORDS) * MAGAZINE_WORDS;
  const caches = magazines + numbers * MAGAZINE_WORDS;
  const inUse = caches + numbers * CACHE_WORDS;
  const depot = inUse + mapWords;
  const summary = depot + mapWords;
  const slabs = summary + Math.ceil(mapWords / 32);
  const links = slabs + pageCount * SLAB_WORDS;
  const pages = links + pageCount * LINK_WORDS;
  return { magazines, caches, inUse, depot, summary, slabs, links, pages, wordCount: pages + pageCount };
}
