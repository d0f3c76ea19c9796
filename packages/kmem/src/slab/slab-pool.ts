/**
 * The depot: every slab of every cache on one buddy allocator, with a magazine in front of each cache.
 *
 * A slab is a block from the buddy allocator cut into slots of one size. Allocating pops the cache's magazine and
 * sets the slot's in-use bit; freeing tests and clears that bit and pushes. Slots move between magazine and slabs
 * in batches. `layout.ts` says where everything lies.
 *
 * Invariants:
 *   S1: every slot of a slab is in use, in the depot, or in its cache's magazine: in just one of the three.
 *   S2: bits of the in-use and depot maps are set only where a slot of a slab begins.
 *   S3: a summary bit is set exactly when its depot word is not zero.
 *   S4: a slab's free count is the number of its depot bits; it is on the list of the bucket that this gives, unless it
 *       is the current slab of just one thread.
 *   S5: a cache's counters are the sums over its slabs.
 *   S6: the pages of a slab are one block allocated from the buddy allocator.
 *   S7: a block or run that is allocated begins at each page that is marked as large.
 *   S8: the sizes of a cache are what it was made with, and its magazine's limit follows from them and its slots.
 *
 * What the words say is not followed blindly. The paths behind the magazines check the magazine's top, each slab that they
 * come to, and the links of its list, and throw `CORRUPTED`; every loop ends by a count that was checked. A spoilt
 * top or slot of a magazine may be handed out: `check()` finds it.
 *
 * Cost: allocate and free O(1); once in a batch O(batch), and O(slots + log pages) where a slab is made or returned.
 *
 * Bonwick, The Slab Allocator, 1994; Bonwick and Adams, Magazines and Vmem, 2001; Linux, mm/slub.c.
 */
import { highestBit, lowestBit } from "../bits/integers.ts";
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { type AllocError, corrupted, freeError, NONE, requireSame, requireSameWords } from "../errors.ts";
import { checkPool } from "./check.ts";
import * as L from "./layout.ts";
import type { SlabCacheStats } from "./stats.ts";

/** A slab that grows with its cache takes at most this share of what the cache holds already. */
const GROWTH_SHARE = 8;
/** The most of a slab that may be left behind its last slot, where a larger slab leaves less. */
const MAX_TAIL_SHARE = 1 / 8;
/** Slabs grow up to this size, or to that of 8 slots where that is more. */
const FULL_SLAB_BYTES = 32768;
/**
 * A magazine holds up to this many bytes of slots and up to as many as its cache has, but at least the minimum: large
 * enough that the ups and downs of a steady population stay in it, small enough that little lies idle.
 */
const MAGAZINE_BYTES = 65536;
const MIN_MAGAZINE_SIZE = 8;
/**
 * The most slots moved at once, where a pool's place does not say more. The slowest operations are those that move a
 * batch: 99.99 % of gdb's take at most 4.0 µs with 32, and 7.4 with 64; the mean is the same.
 */
const MAX_BATCH = 32;
/** The words of a cache that it was made with, and which never change. */
const GEOMETRY = [L.CACHE_SLOT_GRANULES, L.CACHE_MIN_ORDER, L.CACHE_MAGAZINE_SIZE, L.CACHE_OBJECT_SIZE];
/**
 * Empty slabs that a cache keeps for its next need: where all of 4,096 objects are freed and made again, a pair costs 29 ns
 * with four, and 34 with one. What programs waste at their peak is the same; with eight it is more.
 */
const SPARE_SLABS = 4;

// The fast path reads these; a constant of the module's own is folded into the code, an imported one is not.
const MAGAZINE_MASK = L.MAGAZINE_WORDS - 1;
const CACHE_MASK = L.PAGE_CACHE_MASK;
/** The order in the word of a slab's page. */
const PAGE_ORDER_BITS = L.PAGE_ORDER_MASK << L.PAGE_ORDER_SHIFT;
/** What `allocate` returns when there is no slot: as a 32-bit word, it is no slot's offset. */
export const NO_SLOT = -1;

/** What a cache is made from; sizes in bytes. */
export interface CacheGeometry {
  name: string;
  objectSize: number;
  slotSize: number;
  magazineSize?: number | undefined;
  construct?: ((offset: number) => void) | undefined;
}

/** Where a pool's words lie, and which thread's magazines it works with. */
export interface PoolPlace {
  /** The end of the space at its largest, in bytes, exclusive. */
  readonly endOffset: number;
  /** Regions in the words. */
  readonly threadCount: number;
  /** The number of this thread's region, from 0. */
  readonly thread: number;
  /** The words; new ones when there are none. */
  readonly words?: Int32Array;
  /** The least bytes of a slab. */
  readonly minSlabBytes: number;
  /** The most slots moved at once between a magazine and the slabs. Default 32. */
  readonly maxBatch?: number;
}

/** A pool in memory of its own, for one thread. */
function privatePlace(endOffset: number): PoolPlace {
  return { endOffset, threadCount: 1, thread: 0, minSlabBytes: 0 };
}

export class SlabPool {
  readonly buddy: BuddyAllocator;
  /** Bytes of the granule: every slot begins on a multiple of it. */
  readonly granule: number;
  readonly cacheLimit: number;
  readonly layout: L.PoolLayout;
  readonly words: Int32Array;
  readonly threadCount: number;
  /** Clears the bits of a word below the granule. */
  private readonly granuleMask: number;
  protected readonly granuleShift: number;
  protected readonly wordShift: number;
  /** Words of each map that tell of one page; less than 1 where a page is smaller than what a word tells of. */
  private readonly depotWordsPerPage: number;
  protected readonly pageShift: number;
  protected readonly inUse: number;
  protected readonly pages: number;
  /** The index of the first word of this thread's region; 0 but where threads share the pool. */
  protected readonly region: number;
  /** The end of the space at its largest, in bytes. */
  protected readonly endOffset: number;
  private readonly minSlabBytes: number;
  private readonly maxBatch: number;
  private readonly makeRoom: (order: number) => boolean;
  private readonly constructors: (((offset: number) => void) | undefined)[] = [];
  private readonly names: string[] = [];
  /** What each cache was made with, as its words have it, for `check()`: the words cannot vouch for themselves. */
  private readonly geometries: (readonly number[] | undefined)[] = [];

  /**
   * A pool on `buddy`, whose space must end at or below 4 GiB. `makeRoom` is called when the buddy allocator has no
   * block of the given order; true means that it is worth another try.
   */
  constructor(
    buddy: BuddyAllocator,
    granule: number,
    cacheLimit: number,
    makeRoom: (order: number) => boolean,
    place: PoolPlace = privatePlace(buddy.base + buddy.maxSize),
  ) {
    this.buddy = buddy;
    this.granule = granule;
    this.cacheLimit = cacheLimit;
    this.makeRoom = makeRoom;
    this.endOffset = place.endOffset;
    this.threadCount = place.threadCount;
    this.minSlabBytes = Math.max(32 * granule, place.minSlabBytes);
    this.maxBatch = place.maxBatch ?? MAX_BATCH;
    this.granuleMask = -granule;
    this.granuleShift = Math.log2(granule);
    this.wordShift = this.granuleShift + 5;
    this.pageShift = Math.log2(buddy.pageSize);
    this.depotWordsPerPage = 2 ** (this.pageShift - this.wordShift);
    this.layout = L.poolLayout({ ...place, cacheLimit, granule, pageSize: buddy.pageSize });
    this.words = place.words ?? new Int32Array(this.layout.wordCount);
    this.inUse = this.layout.inUse;
    this.pages = this.layout.pages;
    this.region = place.thread * this.layout.regionWords;
    // Number 0 is no cache: its magazine holds nothing, and may hold nothing.
    for (let number = 0; number <= cacheLimit; number++) this.clearMagazine(number);
  }

  /** The caches numbered so far, those given up included. */
  get cacheCount(): number {
    const count = this.words[this.layout.caches + L.POOL_CACHES];
    if (count >>> 0 > this.cacheLimit) throw corrupted("S8", `the pool has ${count} caches`);
    return count;
  }

  /** Large allocations that were marked. */
  get largeObjects(): number {
    return this.words[this.layout.caches + L.POOL_LARGE_OBJECTS];
  }

  /** Makes a cache and returns its number. The pool must have fewer than `cacheLimit`. */
  addCache({ name, objectSize, slotSize, magazineSize, construct }: CacheGeometry): number {
    const { words } = this;
    const number = this.unusedNumber();
    const bySize = Math.max(
      MIN_MAGAZINE_SIZE,
      Math.min(L.MAX_MAGAZINE_SIZE, Math.floor(MAGAZINE_BYTES / slotSize)),
    );
    const cache = this.cache(number);
    words[cache + L.CACHE_OBJECT_SIZE] = objectSize;
    words[cache + L.CACHE_MIN_ORDER] = this.minSlabOrder(slotSize);
    words[cache + L.CACHE_MAGAZINE_SIZE] = magazineSize ?? bySize;
    this.constructors[number] = construct;
    this.setCacheName(number, name);
    this.clearCache(number);
    words[cache + L.CACHE_SLOT_GRANULES] = slotSize / this.granule;
    this.geometries[number] = this.geometry(number);
    words[this.layout.caches + L.POOL_CACHES] = Math.max(number, this.cacheCount);
    return number;
  }

  /** The words of a cache that it was made with. */
  private geometry(number: number): readonly number[] {
    const words = this.cacheWords(number);
    return GEOMETRY.map((word) => words[word]);
  }

  /** The number of the cache named `name`, from number `from` on; 0 when there is none. O(caches). */
  numberOf(name: string, from: number): number {
    for (let number = from; number <= this.cacheCount; number++) {
      if (this.isAlive(number) && this.cacheName(number) === name) return number;
    }
    return 0;
  }

  /** True when there is no number left for another cache. */
  get isFull(): boolean {
    return this.unusedNumber() > this.cacheLimit;
  }

  /** A number for a new cache: that of one given up, where there is one. O(caches). */
  protected unusedNumber(): number {
    let number = 1;
    while (number <= this.cacheCount && this.isAlive(number)) number++;
    return number;
  }

  /** True while `number` is that of a cache. */
  isAlive(number: number): boolean {
    return number !== 0 && this.words[this.cache(number) + L.CACHE_SLOT_GRANULES] !== 0;
  }

  /** True when the slots of a cache are constructed. */
  isConstructed(number: number): boolean {
    return this.constructors[number] !== undefined;
  }

  /** Sets what is called for each slot of the slabs that are made for a cache from now on. */
  setConstructor(number: number, construct: (offset: number) => void): void {
    this.constructors[number] = construct;
  }

  /** Gives up a cache that has no object: all its slabs go back. */
  removeCache(number: number): void {
    this.shrink(number);
    this.words[this.cache(number) + L.CACHE_SLOT_GRANULES] = 0;
    this.constructors[number] = undefined;
    this.geometries[number] = this.geometry(number);
  }

  /** The smallest order whose block holds a slot of `slotSize` and fills whole words of the maps. */
  minSlabOrder(slotSize: number): number {
    const bytes = Math.max(slotSize, this.minSlabBytes);
    return Math.max(0, Math.ceil(Math.log2(bytes / this.buddy.pageSize)));
  }

  cacheName(number: number): string {
    return this.names[number];
  }

  protected setCacheName(number: number, name: string): void {
    this.names[number] = name;
  }

  /** Bytes of a slot of a cache. */
  slotSize(number: number): number {
    const granules = this.words[this.cache(number) + L.CACHE_SLOT_GRANULES] >>> 0;
    if (granules === 0) throw corrupted("S8", `a slot of cache ${number} has no bytes`);
    return granules * this.granule;
  }

  /** The number of the cache in whose slab `offset` lies, 0 when in none; never throws. */
  cacheAt(offset: number): number {
    if (typeof offset !== "number" || !(offset >= 0 && offset < this.endOffset)) return 0;
    return this.words[this.pages + (offset >>> this.pageShift)] & CACHE_MASK;
  }

  /** As `cacheAt`, for the fast path, but 0 as well for an offset at which no slot of any size can begin. */
  cacheOf(offset: number): number {
    // One comparison tells whole granules below 2 GiB from all else; a negative word is one above, or a wrong offset.
    const word = offset & this.granuleMask;
    if ((word !== offset || word < 0) && word >>> 0 !== offset) return 0;
    return this.words[this.pages + (word >>> this.pageShift)] & CACHE_MASK;
  }

  /** True when an object begins at `offset`; never throws. */
  isObject(offset: number): boolean {
    if (typeof offset !== "number" || this.cacheOf(offset) === 0) return false;
    return (
      (this.words[this.inUse + (offset >>> this.wordShift)] & (1 << (offset >>> this.granuleShift))) !== 0
    );
  }

  /**
   * Allocates an object of a cache and returns its offset as a signed 32-bit word; `NO_SLOT` when there is no slot and
   * no space for a slab. (Callers make it unsigned where no failure is mixed in: V8 keeps either in a register, but
   * not a value that may be -1 or beyond 2^31.)
   */
  allocate(number: number): number {
    const words = this.words;
    let top = words[2 * number];
    if ((top & MAGAZINE_MASK) === 0) {
      top = this.trade(number);
      if ((top & MAGAZINE_MASK) === 0) return NO_SLOT;
    }
    const offset = words[top];
    words[this.inUse + (offset >>> this.wordShift)] |= 1 << (offset >>> this.granuleShift);
    words[2 * number] = top - 1;
    return offset;
  }

  /** Frees the object at `offset`, which lies in a slab of cache `number`. Throws as `clearInUse` does. */
  free(number: number, offset: number): void {
    this.clearInUse(offset);
    this.push(number, offset);
  }

  /**
   * Clears the in-use bit of a place at which a slot may begin. Throws `AllocError` `DOUBLE_FREE` or `INVALID_FREE`,
   * changing nothing, when it is not set.
   */
  clearInUse(offset: number): void {
    const words = this.words;
    const at = this.inUse + (offset >>> this.wordShift);
    const bit = 1 << (offset >>> this.granuleShift);
    const word = words[at];
    if ((word & bit) === 0) throw this.freeError(offset);
    words[at] = word ^ bit;
  }

  /** The words of the in-use map for `byteLength` bytes from `offset` on, which are a slab. */
  inUseWords(offset: number, byteLength: number): Int32Array {
    const first = this.inUse + (offset >>> this.wordShift);
    return this.words.subarray(first, first + byteLength / (32 * this.granule));
  }

  /** Sets the in-use bit of an offset: again, where a free is undone. */
  setInUse(offset: number): void {
    this.words[this.inUse + (offset >>> this.wordShift)] |= 1 << (offset >>> this.granuleShift);
  }

  /**
   * Frees the `count` objects of a cache at `at(0)`, `at(1)` and so on: all of them, or none and the error of the first
   * that is wrong, which `at` may throw.
   */
  freeBulk(number: number, count: number, at: (index: number) => number): void {
    let index = 0;
    try {
      for (; index < count; index++) this.clearInUse(at(index));
    } catch (error) {
      while (index-- > 0) this.setInUse(at(index));
      throw error;
    }
    for (index = 0; index < count; index++) this.push(number, at(index));
  }

  /** Puts a slot whose in-use bit is clear into its cache's magazine. */
  push(number: number, offset: number): void {
    const words = this.words;
    let top = words[2 * number];
    if (top >= words[2 * number + 1]) top = this.trade(number);
    words[top + 1] = offset;
    words[2 * number] = top + 1;
  }

  /** Empties a cache's magazine and gives every empty slab back. O(slots moved + slabs given back). */
  shrink(number: number): void {
    const words = this.words;
    this.giveBack(number, words[this.region + 2 * number] & MAGAZINE_MASK);
    const emptyList = this.cache(number) + L.BUCKETS + L.EMPTY_BUCKET;
    while (words[emptyList] !== 0) this.returnSlab(number, words[emptyList] - 1);
  }

  /** Shrinks every cache. */
  shrinkAll(): void {
    for (let number = 1; number <= this.cacheCount; number++) if (this.isAlive(number)) this.shrink(number);
  }

  /** Drops every slab and object without looking; the buddy allocator is to be reset as well. */
  reset(): void {
    for (const region of Object.values(this.spaceRegions())) region.fill(0);
    for (let number = 1; number <= this.cacheCount; number++) this.clearCache(number);
    this.words[this.layout.caches + L.POOL_LARGE_OBJECTS] = 0;
  }

  /** The words that tell of the space as it is now, by the invariant that rules them. */
  spaceRegions(): Record<string, Int32Array> {
    const { granule, layout } = this;
    const { base, size, pageSize } = this.buddy;
    const region = (start: number, bytes: number): Int32Array =>
      this.words.subarray(start + Math.floor(base / bytes), start + Math.ceil((base + size) / bytes));
    return {
      S6: region(layout.pages, pageSize),
      S2: region(layout.inUse, 32 * granule),
      S1: region(layout.depot, 32 * granule),
      S3: region(layout.summary, 32 * 32 * granule),
      S4: region(layout.slabs, pageSize / L.SLAB_WORDS),
    };
  }

  /** What is kept of a cache: the words that CACHE_… and BUCKETS name. */
  cacheWords(number: number): Int32Array {
    return this.words.subarray(this.cache(number), this.cache(number + 1));
  }

  /** Gives a cache an empty magazine and no slab. */
  private clearCache(number: number): void {
    const cache = this.cache(number);
    this.words.fill(0, cache + L.CACHE_SLABS, cache + L.CACHE_COUNTERS_END);
    this.words.fill(0, cache + L.BUCKETS, cache + L.CACHE_WORDS);
    this.clearMagazine(number);
  }

  /** Makes this thread's magazine of a cache an empty one. */
  protected clearMagazine(number: number): void {
    this.words[this.region + 2 * number] = this.magazine(number);
    this.limitMagazine(number);
  }

  /** Figures of one cache. O(1). */
  stats(number: number): SlabCacheStats {
    const words = this.words;
    const cache = this.cache(number);
    const magazineSlots = this.magazineSlots(number);
    const slots = words[cache + L.CACHE_SLOTS];
    const slabs = words[cache + L.CACHE_SLABS];
    const fullSlabs = words[cache + L.CACHE_FULL_SLABS];
    const emptySlabs = words[cache + L.CACHE_EMPTY_SLABS];
    return {
      name: this.cacheName(number),
      objectSize: words[cache + L.CACHE_OBJECT_SIZE] >>> 0,
      slotSize: this.slotSize(number),
      objects: slots - words[cache + L.CACHE_FREE] - magazineSlots,
      slots,
      slabs,
      partialSlabs: slabs - fullSlabs - emptySlabs,
      fullSlabs,
      emptySlabs,
      pages: words[cache + L.CACHE_PAGES],
      magazineSlots,
    };
  }

  /** Free slots of a cache that wait in a magazine. */
  protected magazineSlots(number: number): number {
    return this.words[this.region + 2 * number] & MAGAZINE_MASK;
  }

  /**
   * Bytes of tables for the space at its present size and the caches made so far; those for what may come, or lies before
   * the space, are not touched.
   */
  get metadataBytes(): number {
    const { cacheCount, granule, threadCount } = this;
    const { size, pageSize } = this.buddy;
    const space = { cacheLimit: cacheCount, endOffset: size, granule, pageSize, threadCount };
    return 4 * L.poolLayout(space).wordCount;
  }

  /** Compares every map, list and counter with the slots there are; throws `AllocError` `CORRUPTED`. O(slots). */
  check(): void {
    this.checkGeometries();
    const right = this.emptyCopy();
    checkPool(this, right);
    for (let number = 1; number <= this.cacheCount; number++) {
      requireSame(
        "S8",
        `the limit of magazine ${number}`,
        this.words[2 * number + 1],
        right.words[2 * number + 1],
      );
    }
  }

  /** S8, as far as nothing has to be counted for it. */
  private checkGeometries(): void {
    requireSame("S8", "the number of caches", this.cacheCount, this.geometries.length - 1);
    for (let number = 1; number <= this.cacheCount; number++) {
      const made = this.geometries[number] ?? [];
      requireSameWords("S8", `cache ${number}, size`, this.geometry(number), made);
    }
  }

  /** A pool with the same caches on the same buddy allocator, without slabs, in memory of its own. */
  protected emptyCopy(): SlabPool {
    const { base, size } = this.buddy;
    const place = privatePlace(base + size);
    const copy = new SlabPool(this.buddy, this.granule, this.cacheLimit, this.makeRoom, place);
    const caches = this.layout.caches;
    copy.words.set(this.words.subarray(caches, this.layout.inUse), copy.layout.caches);
    for (let number = 1; number <= this.cacheCount; number++) copy.clearCache(number);
    copy.words[copy.layout.caches + L.POOL_LARGE_OBJECTS] = 0;
    return copy;
  }

  protected cache(number: number): number {
    return this.layout.caches + number * L.CACHE_WORDS;
  }

  /** The index of the unused word below this thread's magazine of a cache. */
  protected magazine(number: number): number {
    return this.region + this.layout.magazines + number * L.MAGAZINE_WORDS;
  }

  /** Sets how much this thread's magazine of a cache may hold, from the slots that the cache has now. */
  protected limitMagazine(number: number): void {
    const words = this.words;
    const cache = this.cache(number);
    const share = Math.max(MIN_MAGAZINE_SIZE, words[cache + L.CACHE_SLOTS]);
    const limit = Math.min(words[cache + L.CACHE_MAGAZINE_SIZE], share);
    words[this.region + 2 * number + 1] = this.magazine(number) + limit;
  }

  protected slab(page: number): number {
    return this.layout.slabs + page * L.SLAB_WORDS;
  }

  protected links(page: number): number {
    return this.layout.links + page * L.LINK_WORDS;
  }

  /** The first page of the slab that `page` lies in: blocks are aligned to their own size. */
  protected slabPage(page: number): number {
    return page & -this.slabPageCount(page);
  }

  /**
   * Trades slots between a cache's magazine and its slabs: half of what the magazine may hold, `maxBatch` at most, into an
   * empty one or out of a full one. Returns the magazine's new top, which is that of an empty one when there is no slot to be had.
   *
   * One function on purpose, and longer than V8 inlines (460 bytes of bytecode): with parts of it inlined, `allocate`
   * and `free` are too long to be inlined themselves, and a pair costs 14 ns instead of 9.7.
   */
  protected trade(number: number): number {
    const { words, layout, region } = this;
    const magazine = this.magazine(number);
    let top = words[region + 2 * number];
    if ((top - magazine) >>> 0 > L.MAX_MAGAZINE_SIZE) throw this.topError(number);
    let count = Math.min(this.maxBatch, (words[region + 2 * number + 1] - magazine + 1) >>> 1);
    if (top !== magazine) return this.giveBack(number, count);
    while (count > 0) {
      const slabPage = this.nextSlab(number, top === magazine);
      if (slabPage < 0) break;
      const taken = Math.min(count, this.soundFree(number, slabPage));
      if (taken === 0) throw this.slabError(number, slabPage);
      const firstWord = slabPage * this.depotWordsPerPage;
      // The highest free slots of the slab, so that the lowest of them ends on top.
      let index = this.lastDepotWord(slabPage) >>> 5;
      let summary = words[layout.summary + index] & (-1 >>> (31 - (this.lastDepotWord(slabPage) & 31)));
      for (let left = taken; left > 0;) {
        if (summary === 0 && index * 32 > firstWord) {
          summary = words[layout.summary + --index];
          continue;
        }
        const wordIndex = index * 32 + highestBit(summary);
        if (wordIndex < firstWord)
          throw corrupted("S4", `page ${slabPage} begins a slab with fewer slots free`);
        let word = words[layout.depot + wordIndex];
        for (; word !== 0 && left > 0; left--) {
          const bit = highestBit(word);
          word ^= 1 << bit;
          words[++top] = (wordIndex * 32 + bit) << this.granuleShift;
        }
        words[region + 2 * number] = top;
        words[layout.depot + wordIndex] = word;
        if (word === 0) {
          summary &= ~(1 << wordIndex);
          words[layout.summary + index] &= ~(1 << wordIndex);
        }
      }
      this.changeFree(number, slabPage, -taken);
      count -= taken;
    }
    return top;
  }

  /**
   * The first page of the slab to take slots from, as `nextBucket` chooses; -1 when none has any, nor can be made where
   * `mayAdd` asks for it.
   */
  protected nextSlab(number: number, mayAdd: boolean): number {
    const words = this.words;
    const cache = this.cache(number);
    if (words[cache + L.CACHE_BUCKET_MASK] === 0 && !(mayAdd && this.addSlab(number))) return -1;
    return words[cache + L.BUCKETS + this.nextBucket(words[cache + L.CACHE_BUCKET_MASK])] - 1;
  }

  /** Which of the buckets in `mask`, one bit each, to take a slab from: that of the fullest, so that others may empty. */
  protected nextBucket(mask: number): number {
    return lowestBit(mask);
  }

  /** The number of pages of the slab that `page` lies in. */
  protected slabPageCount(page: number): number {
    return 1 << ((this.words[this.pages + page] >>> L.PAGE_ORDER_SHIFT) & L.PAGE_ORDER_MASK);
  }

  private topError(number: number): AllocError {
    const count = this.words[this.region + 2 * number] - this.magazine(number);
    return corrupted("S1", `magazine ${number} has ${count} slots`);
  }

  private slabError(number: number, page: number): AllocError {
    return corrupted("S4", `no slab of cache ${number} begins at page ${page}`);
  }

  /**
   * The slots in the depot of the slab of cache `number` that begins at `page`. Throws `CORRUPTED` when none of it does:
   * the pages of its page word must come to the slots that it has, and those in the depot be no more.
   */
  private soundFree(number: number, page: number): number {
    const words = this.words;
    const slab = this.slab(page);
    const pageCount = this.slabPageCount(page);
    const slotGranules = words[this.cache(number) + L.CACHE_SLOT_GRANULES] >>> 0;
    const slots = words[slab + L.SLAB_SLOTS];
    const tail = pageCount * this.depotWordsPerPage * 32 - slots * slotGranules;
    const isSound =
      (words[this.pages + page] & ~PAGE_ORDER_BITS) === number &&
      (page & (pageCount - 1)) === 0 &&
      tail >= 0 &&
      tail < slotGranules &&
      words[slab + L.SLAB_FREE] >>> 0 <= slots;
    if (!isSound) throw this.slabError(number, page);
    return words[slab + L.SLAB_FREE];
  }

  /** The index, in the depot map, of a slab's last word. */
  private lastDepotWord(slabPage: number): number {
    return (slabPage + this.slabPageCount(slabPage)) * this.depotWordsPerPage - 1;
  }

  /** Moves the `count` slots that lie lowest in a magazine, the longest unused, to the depot. Returns the new top. */
  protected giveBack(number: number, count: number): number {
    const words = this.words;
    const bottom = this.magazine(number) + 1;
    const top = words[this.region + 2 * number];
    if ((top - bottom + 1) >>> 0 > L.MAX_MAGAZINE_SIZE) throw this.topError(number);
    const { depot, summary } = this.layout;
    let page = -1;
    let endPage = -1;
    let freed = 0;
    for (let at = bottom; at < bottom + count; at++) {
      const offset = words[at];
      const slotPage = offset >>> this.pageShift;
      if (slotPage < page || slotPage >= endPage) {
        if (freed > 0) this.changeFree(number, page, freed);
        if ((words[this.pages + slotPage] & CACHE_MASK) !== number) throw this.slabError(number, slotPage);
        page = this.slabPage(slotPage);
        endPage = page + this.slabPageCount(page);
        freed = 0;
      }
      freed++;
      const wordIndex = offset >>> this.wordShift;
      words[depot + wordIndex] |= 1 << (offset >>> this.granuleShift);
      words[summary + (wordIndex >>> 5)] |= 1 << wordIndex;
    }
    if (freed > 0) this.changeFree(number, page, freed);
    words.copyWithin(bottom, bottom + count, top + 1);
    words[this.region + 2 * number] = top - count;
    return top - count;
  }

  /** Counts `change` more slots of a slab as free, moves it to its bucket, and returns it if it is one too many. */
  protected changeFree(number: number, page: number, change: number): void {
    const words = this.words;
    const slab = this.slab(page);
    const slots = words[slab + L.SLAB_SLOTS];
    const before = words[slab + L.SLAB_FREE];
    const after = before + change;
    if (after >>> 0 > slots >>> 0)
      throw corrupted("S4", `${after} of ${slots} slots of page ${page} are free`);
    words[slab + L.SLAB_FREE] = after;
    words[this.cache(number) + L.CACHE_FREE] += change;
    const oldBucket = L.bucketOf(before, slots);
    const newBucket = L.bucketOf(after, slots);
    if (oldBucket === newBucket || words[this.links(page) + L.LINK_PREVIOUS] === L.SET_ASIDE) return;
    this.unlink(number, page, oldBucket);
    this.link(number, page, newBucket);
    const tooManyEmpty = words[this.cache(number) + L.CACHE_EMPTY_SLABS] > SPARE_SLABS;
    if (newBucket === L.EMPTY_BUCKET && tooManyEmpty) this.returnSlab(number, page);
  }

  link(number: number, page: number, bucket: number): void {
    const words = this.words;
    const cache = this.cache(number);
    if (bucket === L.EMPTY_BUCKET) words[cache + L.CACHE_EMPTY_SLABS]++;
    if (bucket === 0) words[cache + L.CACHE_FULL_SLABS]++;
    if (bucket === 0) return;
    const head = cache + L.BUCKETS + bucket;
    const next = words[head];
    if (next !== 0) {
      const back = this.links(next - 1) + L.LINK_PREVIOUS;
      if (words[back] !== 0) throw this.linkError(next, page);
      words[back] = page + 1;
    }
    words[this.links(page) + L.LINK_NEXT] = next;
    words[this.links(page) + L.LINK_PREVIOUS] = 0;
    words[head] = page + 1;
    words[cache + L.CACHE_BUCKET_MASK] |= 1 << bucket;
  }

  protected unlink(number: number, page: number, bucket: number): void {
    const words = this.words;
    const cache = this.cache(number);
    if (bucket === L.EMPTY_BUCKET) words[cache + L.CACHE_EMPTY_SLABS]--;
    if (bucket === 0) words[cache + L.CACHE_FULL_SLABS]--;
    if (bucket === 0) return;
    const head = cache + L.BUCKETS + bucket;
    const next = words[this.links(page) + L.LINK_NEXT];
    const previous = words[this.links(page) + L.LINK_PREVIOUS];
    // The slab's neighbours, or the head of its list, must know it: else its links are not to be followed.
    const back = this.links(next - 1) + L.LINK_PREVIOUS;
    const forth = previous === 0 ? head : this.links(previous - 1) + L.LINK_NEXT;
    if (words[forth] !== page + 1 || (next !== 0 && words[back] !== page + 1))
      throw this.linkError(previous, page);
    if (next !== 0) words[back] = previous;
    words[forth] = next;
    if (words[head] === 0) words[cache + L.CACHE_BUCKET_MASK] &= ~(1 << bucket);
  }

  private linkError(link: number, page: number): AllocError {
    return corrupted("S4", `the lists do not link pages ${link - 1} and ${page}`);
  }

  /**
   * The order for a cache's next slab: of those up to a share of what it holds, the one that wastes least at its
   * end, the larger of equals; for a cache that holds little, the smallest that wastes no more than `MAX_TAIL_SHARE`,
   * and the smallest of all for the first slab.
   */
  private slabOrder(number: number): number {
    const words = this.words;
    const cache = this.cache(number);
    const slotSize = this.slotSize(number);
    const minOrder = words[cache + L.CACHE_MIN_ORDER];
    const { pageSize, maxOrder } = this.buddy;
    const share = (words[cache + L.CACHE_PAGES] * pageSize) / GROWTH_SHARE;
    const limit = Math.min(share, Math.max(FULL_SLAB_BYTES, 8 * slotSize));
    const tailShare = words[cache + L.CACHE_SLABS] === 0 ? 1 : MAX_TAIL_SHARE;
    let best = minOrder;
    let bestWaste = 1;
    for (let order = minOrder; order <= maxOrder; order++) {
      const bytes = pageSize * 2 ** order;
      if (order > minOrder && bytes > limit && bestWaste <= tailShare) break;
      const waste = (bytes % slotSize) / bytes;
      if (waste <= bestWaste) {
        best = order;
        bestWaste = waste;
      }
    }
    return best;
  }

  /** Makes a slab with all its slots in the depot; false when there is no space for one. */
  private addSlab(number: number): boolean {
    const { words, buddy } = this;
    const minOrder = words[this.cache(number) + L.CACHE_MIN_ORDER];
    requireSame(
      "S8",
      `the least order of cache ${number}`,
      minOrder,
      this.minSlabOrder(this.slotSize(number)),
    );
    if (minOrder > buddy.maxOrder) return false;
    // A smaller slab than is wanted leaves more behind its last slot: better let the space grow first.
    const wanted = this.slabOrder(number);
    let offset = buddy.tryAllocate(wanted);
    if (offset === NONE && wanted > minOrder && this.makeRoom(wanted)) offset = buddy.tryAllocate(wanted);
    for (let order = wanted - 1; offset === NONE && order >= minOrder; order--) {
      offset = buddy.tryAllocate(order);
    }
    if (offset === NONE && this.makeRoom(minOrder)) offset = buddy.tryAllocate(minOrder);
    if (offset === NONE) return false;
    const page = offset / buddy.pageSize;
    const pageCount = buddy.sizeOf(offset) / buddy.pageSize;
    this.adoptSlab(number, page, pageCount);
    const construct = this.constructors[number];
    if (construct === undefined) return true;
    const slotSize = this.slotSize(number);
    const end = offset + words[this.slab(page) + L.SLAB_SLOTS] * slotSize;
    try {
      for (let slot = offset; slot < end; slot += slotSize) construct(slot);
    } catch (error) {
      this.returnSlab(number, page);
      throw error;
    }
    return true;
  }

  /** Takes the free slot at `offset` out of its slab. */
  takeFromDepot(number: number, offset: number): void {
    this.flipDepot(offset);
    this.changeFree(number, this.slabPage(offset >>> this.pageShift), -1);
  }

  /** Gives an empty slab's block back to the buddy allocator. */
  private returnSlab(number: number, page: number): void {
    const { words, buddy } = this;
    const pageCount = this.slabPageCount(page);
    const used = words[this.slab(page) + L.SLAB_SLOTS] - this.soundFree(number, page);
    if (used !== 0)
      throw corrupted("S4", `${used} slots of page ${page}, on the list of empty slabs, are not free`);
    this.unlink(number, page, L.EMPTY_BUCKET);
    this.changeSlab(number, page, pageCount, -1);
    buddy.free(page * buddy.pageSize);
  }

  /** Makes a block a slab of a cache, all its slots in the depot. */
  adoptSlab(number: number, page: number, pageCount: number): void {
    this.changeSlab(number, page, pageCount, 1);
    this.link(number, page, L.EMPTY_BUCKET);
  }

  /** Marks the pages of a new slab, puts its slots into the depot and counts it (`change` 1), or undoes that (-1). */
  private changeSlab(number: number, page: number, pageCount: number, change: 1 | -1): void {
    const { words, buddy } = this;
    const cache = this.cache(number);
    const slotSize = this.slotSize(number);
    const slots = Math.floor((pageCount * buddy.pageSize) / slotSize);
    const first = this.pages + page;
    const pageWord = change === 1 ? number | (highestBit(pageCount) << L.PAGE_ORDER_SHIFT) : 0;
    if (change === -1) words[first] = 0;
    words.fill(pageWord, first + 1, first + pageCount);
    this.fillDepot(page, pageCount, change === 1 ? slots : 0, slotSize / this.granule);
    words[first] = pageWord;
    words[this.slab(page) + L.SLAB_FREE] += change * slots;
    words[this.slab(page) + L.SLAB_SLOTS] += change * slots;
    words[cache + L.CACHE_SLABS] += change;
    words[cache + L.CACHE_PAGES] += change * pageCount;
    words[cache + L.CACHE_SLOTS] += change * slots;
    words[cache + L.CACHE_FREE] += change * slots;
    this.limitMagazine(number);
  }

  /**
   * Writes the depot words of a slab anew: free are its first `slots` slots, of `slotGranules` granules each. The words are
   * the slab's alone, since it fills whole ones. O(words + slots).
   */
  private fillDepot(page: number, pageCount: number, slots: number, slotGranules: number): void {
    const { words, layout } = this;
    const firstWord = page * this.depotWordsPerPage;
    const endWord = (page + pageCount) * this.depotWordsPerPage;
    let granule = firstWord * 32;
    const end = granule + slots * slotGranules;
    for (let wordIndex = firstWord; wordIndex < endWord; wordIndex++) {
      let word = 0;
      for (; granule < end && granule >>> 5 === wordIndex; granule += slotGranules) word |= 1 << granule;
      words[layout.depot + wordIndex] = word;
      const summary = layout.summary + (wordIndex >>> 5);
      if (word === 0) words[summary] &= ~(1 << wordIndex);
      else words[summary] |= 1 << wordIndex;
    }
  }

  /** Marks the block or run at `offset` as a large allocation, whose owner is thread `owner`. */
  markLarge(offset: number, owner = 0): void {
    this.words[this.pages + (offset >>> this.pageShift)] = L.PAGE_LARGE | (owner << L.PAGE_OWNER_SHIFT);
    this.words[this.layout.caches + L.POOL_LARGE_OBJECTS]++;
  }

  /** Takes that mark away. */
  unmarkLarge(offset: number): void {
    this.words[this.pages + (offset >>> this.pageShift)] = 0;
    this.words[this.layout.caches + L.POOL_LARGE_OBJECTS]--;
  }

  /** True when the page that begins at `offset` is a slab's, or a large allocation begins there. */
  isOwned(offset: number): boolean {
    return this.words[this.pages + (offset >>> this.pageShift)] !== 0;
  }

  /** True when a large allocation begins at `offset`, which is that of a page. */
  isLarge(offset: number): boolean {
    return this.words[this.pages + (offset >>> this.pageShift)] < 0;
  }

  /** Takes a slab off its list: a thread's current one, or one that is to be. */
  setAside(number: number, page: number): void {
    this.unlink(number, page, this.bucket(page));
    this.words[this.links(page) + L.LINK_PREVIOUS] = L.SET_ASIDE;
  }

  /** The bucket of the slab that begins at `page`. */
  protected bucket(page: number): number {
    const slab = this.slab(page);
    return L.bucketOf(this.words[slab + L.SLAB_FREE], this.words[slab + L.SLAB_SLOTS]);
  }

  /** True when the slot at `offset` lies in its slab, free. */
  isInDepot(offset: number): boolean {
    const word = this.words[this.layout.depot + (offset >>> this.wordShift)];
    return (word & (1 << (offset >>> this.granuleShift))) !== 0;
  }

  /** Puts the slot at `offset` into the depot, or takes it out. */
  protected flipDepot(offset: number): void {
    const { words, layout } = this;
    const wordIndex = offset >>> this.wordShift;
    const summary = layout.summary + (wordIndex >>> 5);
    words[layout.depot + wordIndex] ^= 1 << (offset >>> this.granuleShift);
    if (words[layout.depot + wordIndex] === 0) words[summary] &= ~(1 << wordIndex);
    else words[summary] |= 1 << wordIndex;
  }

  /** Where `offset`, which lies in a slab, is in it: its slot's number, and the bytes into that slot. */
  private placeInSlab(offset: number): { slot: number; intoSlot: number; slots: number } {
    const { pageSize } = this.buddy;
    const page = this.slabPage(offset >>> this.pageShift);
    const slotSize = this.slotSize(this.cacheAt(offset));
    const intoSlab = offset - page * pageSize;
    const intoSlot = intoSlab % slotSize;
    return {
      slot: (intoSlab - intoSlot) / slotSize,
      intoSlot,
      slots: this.words[this.slab(page) + L.SLAB_SLOTS],
    };
  }

  /** True when a slot begins at `offset`, which lies in a slab. */
  protected isSlot(offset: number): boolean {
    const { slot, intoSlot, slots } = this.placeInSlab(offset);
    return intoSlot === 0 && slot < slots;
  }

  /** Why no object can be freed at `offset`, which lies in a slab. */
  freeError(offset: number): Error {
    const { slot, intoSlot, slots } = this.placeInSlab(offset);
    if (slot >= slots) {
      return freeError("INVALID_FREE", offset, "it lies behind the last slot of its slab");
    }
    if (intoSlot !== 0) {
      return freeError(
        "INVALID_FREE",
        offset,
        `it lies ${intoSlot} bytes inside a slot of ${this.slotSize(this.cacheAt(offset))} bytes`,
      );
    }
    return freeError("DOUBLE_FREE", offset, "the slot is free already");
  }
}
