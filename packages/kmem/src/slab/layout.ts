/**
 * Where everything that slab caches know lies: one array of 32-bit words, so that the fast path works on one
 * base address and so that the whole of it may lie in shared memory.
 *
 * In order, with G the granule in bytes (every slot begins on a multiple of it):
 *
 *     regions      one a thread (a heap that is not shared has one): what belongs to that thread alone
 *         tops         2 words a cache      index of the magazine's topmost slot; index it may not pass
 *         currents     1 word a cache       the slab that only this thread takes slots from: its page + 1, or 0
 *         magazines                         each cache's free slots, offset + 1; word 0 of each is 0, which is no slot: so
 *                                           the top of an empty magazine leads to none
 *     caches       48 words a cache     what CACHE_… and BUCKETS below name; those of number 0, which is no cache, tell
 *                                       of the pool (POOL_…)
 *     in-use map   1 bit a granule      set while the slot that begins there is an object: the truth
 *     depot map    1 bit a granule      set while the slot that begins there lies in its slab, free
 *     summary      1 bit a depot word   set while that word is not zero
 *     slab words   2 words a page       what SLAB_… names, for the first page of each slab
 *     links        2 words a page       what LINK_… names, for the first page of each slab with free slots
 *     page words   1 word a page        whose the page is (PAGE_…); they come last, so that a page beyond the space has
 *                                       none and reads as 0 does
 *
 *     page word    bit  31     30 … 21   20 … 16   15 … 0
 *                       LARGE  owner     order     cache
 *
 * A slab's pages all have its cache's number and its order. The first page of a heap's large allocation has LARGE, and
 * the number of the thread that made it where threads share the heap. Any other page's word is 0.
 *
 * A magazine has 128 words. In a pool of one thread the first caches have deep ones, of up to 8192, of which only what was
 * used takes memory: after those of the others come theirs.
 *
 * Caches are numbered from 1. A page is `offset / pageSize` in the space at large; links hold page + 1, 0 is none.
 * A slot is in just one of three places: in use, in the depot, or in a magazine. Each move writes the new place before
 * it clears the old one, and a slab's first page word is the last to be set and the first to be cleared: so a thread
 * that dies leaves a slot in two places, never in none, and a slab that is whole or not there.
 */

/** Words of one magazine that is not deep. The first is 0. */
export const MAGAZINE_WORDS = 128;
/** The most words of a deep one, and how many bytes of the space there are for each. */
export const MAX_DEEP_WORDS = 8192;
const BYTES_PER_DEEP_WORD = 2048;
/** The most slots that any magazine can hold. */
export const MAX_MAGAZINE_SIZE = MAX_DEEP_WORDS - 1;
/** Caches with a deep magazine: those of the lowest numbers. */
const MAX_DEEP_CACHES = 64;
/** From one deep magazine to the next there is a cache line more than words: else all would begin in the same lines of a cache. */
const LINE_WORDS = 16;

export const PAGE_CACHE_MASK = 0xffff;
export const PAGE_ORDER_SHIFT = 16;
export const PAGE_ORDER_MASK = 0x1f;
export const PAGE_OWNER_SHIFT = 21;
export const PAGE_LARGE = 1 << 31;
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
/** Stands in LINK_PREVIOUS of a slab that is on no list because it is some thread's current one. */
export const SET_ASIDE = -1;

/** In the words of number 0: the caches numbered so far, and the large allocations. */
export const POOL_CACHES = 0;
export const POOL_LARGE_OBJECTS = 1;

export const CACHE_WORDS = 48;
/** Granules of a slot, unsigned; 0 in a number that no cache has. */
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
/** Listed slabs whose every slot is in the depot, and those none of whose slots are. */
export const CACHE_EMPTY_SLABS = 7;
export const CACHE_FULL_SLABS = 8;
/** Bit b is set while the list of bucket b has a slab. */
export const CACHE_BUCKET_MASK = 9;
/** The end of the counters, exclusive: what can be counted anew. */
export const CACHE_COUNTERS_END = 10;
/** Bytes asked for an object, unsigned. */
export const CACHE_OBJECT_SIZE = 10;
/** Slots that the magazine may hold for all that it has grown so far: a power of two. */
export const CACHE_MAGAZINE_DEPTH = 11;
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
  /** Words of a thread's region; that of thread t begins at t times as many. */
  readonly regionWords: number;
  /** Where the currents and the magazines of the first region begin. */
  readonly currents: number;
  readonly magazines: number;
  /** Where the deep magazines begin, how many there are, and the most slots that one holds. */
  readonly deepMagazines: number;
  readonly deepCaches: number;
  readonly deepSize: number;
  readonly caches: number;
  readonly inUse: number;
  readonly depot: number;
  readonly summary: number;
  readonly slabs: number;
  readonly links: number;
  readonly pages: number;
  readonly wordCount: number;
}

/** What a layout is made from. */
export interface PoolSpace {
  /** The most caches. */
  readonly cacheLimit: number;
  /** The end of the space in bytes, exclusive. */
  readonly endOffset: number;
  readonly granule: number;
  readonly pageSize: number;
  /** Regions. */
  readonly threadCount: number;
}

/** Where each part lies, for caches 1 to `cacheLimit`. */
export function poolLayout({ cacheLimit, endOffset, granule, pageSize, threadCount }: PoolSpace): PoolLayout {
  const numbers = cacheLimit + 1;
  const mapWords = wholeLines(Math.ceil(endOffset / granule / 32));
  const pageCount = Math.ceil(endOffset / pageSize);
  const currents = 2 * numbers;
  const magazines = wholeLines(currents + numbers);
  const deepCaches = threadCount === 1 ? Math.min(cacheLimit, MAX_DEEP_CACHES) : 0;
  const deepWords = Math.min(
    MAX_DEEP_WORDS,
    Math.max(MAGAZINE_WORDS, wholeLines(endOffset / BYTES_PER_DEEP_WORD)),
  );
  const deepMagazines = magazines + (numbers - deepCaches) * MAGAZINE_WORDS;
  const regionWords = deepMagazines + deepCaches * (deepWords + LINE_WORDS);
  const caches = threadCount * regionWords;
  const inUse = caches + numbers * CACHE_WORDS;
  const depot = inUse + mapWords;
  const summary = depot + mapWords;
  const slabs = summary + Math.ceil(mapWords / 32);
  const links = slabs + pageCount * SLAB_WORDS;
  const pages = links + pageCount * LINK_WORDS;
  const wordCount = pages + pageCount;
  return {
    regionWords,
    currents,
    magazines,
    deepMagazines,
    deepCaches,
    deepSize: deepWords - 1,
    caches,
    inUse,
    depot,
    summary,
    slabs,
    links,
    pages,
    wordCount,
  };
}

/** Whether a cache has a deep magazine; number 0, which is no cache, has none. */
function isDeep({ deepCaches }: PoolLayout, number: number): boolean {
  return number !== 0 && number <= deepCaches;
}

/** The index, in a thread's region, of the word below the first slot of a cache's magazine. */
export function magazineStart(layout: PoolLayout, number: number): number {
  const { magazines, deepMagazines, deepCaches, deepSize } = layout;
  if (isDeep(layout, number)) return deepMagazines + (number - 1) * (deepSize + 1 + LINE_WORDS);
  // That of number 0 comes before those of the caches without a deep one.
  return magazines + Math.max(0, number - deepCaches) * MAGAZINE_WORDS;
}

/** The most slots that a cache's magazine has words for. */
export function magazineRoom(layout: PoolLayout, number: number): number {
  return isDeep(layout, number) ? layout.deepSize : MAGAZINE_WORDS - 1;
}

/** Rounds up to whole cache lines, so that the map of a block of 8 KiB has a line to itself. */
function wholeLines(wordCount: number): number {
  return Math.ceil(wordCount / LINE_WORDS) * LINE_WORDS;
}
