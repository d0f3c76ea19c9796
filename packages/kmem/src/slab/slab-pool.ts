/**
 * The pool: every cache on one depot of slabs, with a magazine in front of each.
 *
 * Allocating pops the cache's magazine and sets the slot's in-use bit; freeing tests and clears that bit and pushes. Slots
 * move between magazines and the slabs of `depot.ts` in batches. `layout.ts` says where everything lies.
 *
 * Invariants; `depot.ts` has the rest:
 *   S1: every slot of a slab is in use, in the depot, or in its cache's magazine: in just one of the three.
 *   S2: bits of the in-use and depot maps are set only where a slot of a slab begins.
 *   S8: the sizes of a cache are what it was made with; its magazine's limit follows from them, its slots, and its depth.
 *
 * A magazine's top is checked whenever slots are traded; a spoilt top or slot may be handed out before: `check()` finds it.
 *
 * Cost: allocate and free O(1); once in a batch O(batch), and what the depot costs where a slab is made or returned.
 *
 * Bonwick and Adams, Magazines and Vmem, 2001.
 */
import { lowestBit } from "../bits/integers.ts";
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { type AllocError, corrupted, requireSame, requireSameWords } from "../errors.ts";
import { CheckRound, type CheckStep, type CheckWindow } from "../inspect/check-round.ts";
import { checkPool, endOfSlab } from "./check.ts";
import { Depot, type MakeRoom, type PoolPlace } from "./depot.ts";
import * as L from "./layout.ts";
import type { SlabCacheStats } from "./stats.ts";

/**
 * A magazine holds up to this many bytes of slots and up to as many as its cache has, but at least the minimum: large
 * enough that the ups and downs of a program stay in it.
 */
const MAGAZINE_BYTES = 2 ** 18;
/** Where what lies idle is asked for before the space grows, it may also hold so many bytes in up to so many slots. */
const ASKED_MAGAZINE_BYTES = 2 ** 22;
const ASKED_MAGAZINE_SIZE = 4095;
const MIN_MAGAZINE_SIZE = 8;
/** Slots that a magazine may hold at first. Each time it is full it may hold twice as many, up to all that. */
const FIRST_DEPTH = 8;
/**
 * The most slots moved at once, where a pool's place does not say more. The slowest operations are those that move a
 * batch: 99.99 % of gdb's take at most 4.0 µs with 32, and 7.4 with 64; the mean is the same.
 */
const MAX_BATCH = 32;
/** The words of a cache that it was made with, and which never change. */
const GEOMETRY = [L.CACHE_SLOT_GRANULES, L.CACHE_MIN_ORDER, L.CACHE_MAGAZINE_SIZE, L.CACHE_OBJECT_SIZE];

// What the hot paths read: V8 folds a constant of the module's own into the code, and loads and checks an imported one each
// time. (It makes 3 % of the real programs' time.)
const CACHE_MASK = L.PAGE_CACHE_MASK;
const ORDER_SHIFT = L.PAGE_ORDER_SHIFT;
const ORDER_MASK = L.PAGE_ORDER_MASK;
const SLAB_WORDS = L.SLAB_WORDS;
const SLAB_FREE = L.SLAB_FREE;
const SLAB_SLOTS = L.SLAB_SLOTS;
const CACHE_FREE = L.CACHE_FREE;
const NO_SLOT_WORD = -1;
/** What `allocate` returns when there is no slot: as a 32-bit word, it is no slot's offset. */
export const NO_SLOT = NO_SLOT_WORD;

/** What a cache is made from; sizes in bytes. */
export interface CacheGeometry {
  name: string;
  objectSize: number;
  slotSize: number;
  magazineSize?: number | undefined;
  construct?: ((offset: number) => void) | undefined;
}

/** A pool in memory of its own, for one thread. */
function privatePlace(endOffset: number): PoolPlace {
  return { endOffset, threadCount: 1, thread: 0, minSlabBytes: 0 };
}

export class SlabPool extends Depot {
  readonly cacheLimit: number;
  /** Clears the bits of a word below the granule. */
  private readonly granuleMask: number;
  protected readonly inUse: number;
  /** The index of the first word of this thread's region; 0 but where threads share the pool. */
  protected readonly region: number;
  private readonly maxBatch: number;
  private readonly firstDepth: number;
  private readonly magazineBytes: number;
  private readonly askedMagazineBytes: number;
  private readonly names: string[] = [];
  private readonly round = new CheckRound();
  /** What each cache was made with, as its words have it, for `check()`: the words cannot vouch for themselves. */
  private readonly geometries: (readonly number[] | undefined)[] = [];

  /**
   * A pool on `buddy`, whose space must end at or below 4 GiB. `makeRoom` is called when the buddy allocator has no
   * block of the given order; true means that it is worth another try. Without it, nobody asks for what caches hold idle.
   */
  constructor(
    buddy: BuddyAllocator,
    granule: number,
    cacheLimit: number,
    makeRoom: MakeRoom | undefined,
    place: PoolPlace = privatePlace(buddy.base + buddy.maxSize),
  ) {
    super(buddy, granule, cacheLimit, makeRoom, place);
    this.cacheLimit = cacheLimit;
    this.maxBatch = place.maxBatch ?? MAX_BATCH;
    this.firstDepth = place.magazineDepth ?? FIRST_DEPTH;
    this.magazineBytes = place.magazineBytes ?? MAGAZINE_BYTES;
    const isAsked = makeRoom !== undefined && place.magazineBytes === undefined;
    this.askedMagazineBytes = isAsked ? ASKED_MAGAZINE_BYTES : 0;
    this.granuleMask = -granule;
    this.inUse = this.layout.inUse;
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

  /** Makes a cache and returns its number. The pool must have fewer than `cacheLimit`. */
  addCache({ name, objectSize, slotSize, magazineSize, construct }: CacheGeometry): number {
    const { words } = this;
    const number = this.unusedNumber();
    const bySize = Math.max(
      MIN_MAGAZINE_SIZE,
      Math.floor(this.magazineBytes / slotSize),
      Math.min(ASKED_MAGAZINE_SIZE, Math.floor(this.askedMagazineBytes / slotSize)),
    );
    const cache = this.cache(number);
    words[cache + L.CACHE_OBJECT_SIZE] = objectSize;
    words[cache + L.CACHE_MIN_ORDER] = this.minSlabOrder(slotSize);
    words[cache + L.CACHE_MAGAZINE_SIZE] = Math.min(
      magazineSize ?? bySize,
      L.magazineRoom(this.layout, number),
    );
    words[cache + L.CACHE_MAGAZINE_DEPTH] = this.firstDepth;
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

  /** Gives up a cache that has no object: all its slabs go back. */
  removeCache(number: number): void {
    this.shrink(number);
    this.words[this.cache(number) + L.CACHE_SLOT_GRANULES] = 0;
    this.constructors[number] = undefined;
    this.geometries[number] = this.geometry(number);
  }

  cacheName(number: number): string {
    return this.names[number];
  }

  protected setCacheName(number: number, name: string): void {
    this.names[number] = name;
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
    const head = 2 * number;
    const top = words[head];
    const entry = words[top];
    if (entry !== 0) {
      const offset = (entry - 1) | 0;
      const granule = offset >>> this.granuleShift;
      words[this.inUse + (granule >>> 5)] |= 1 << granule;
      words[head] = top - 1;
      return offset;
    }
    return this.refill(number) | 0;
  }

  /**
   * Frees the object at `offset`; false, having done nothing, when that lies in no slab. Throws as `clearInUse` does. (It is
   * `cacheOf` and `free`, written out: as calls they take 40 more of the bytes for which V8 has room in a program's loop.)
   */
  release(offset: number): boolean {
    const place = offset & this.granuleMask;
    if ((place !== offset || place < 0) && place >>> 0 !== offset) return false;
    const words = this.words;
    const number = words[this.pages + (place >>> this.pageShift)] & CACHE_MASK;
    if (number === 0) return false;
    const granule = place >>> this.granuleShift;
    const at = this.inUse + (granule >>> 5);
    const word = words[at];
    const bit = 1 << granule;
    if ((word & bit) === 0) throw this.freeError(offset);
    words[at] = word ^ bit;
    const head = 2 * number;
    let top = (words[head] + 1) | 0;
    if (top > words[head + 1]) top = (this.unload(number) | 0) + 1;
    words[top] = place + 1;
    words[head] = top;
    return true;
  }

  /** As `release`, by what a pool of another kind has in place of `free`. */
  protected releaseByCache(offset: number): boolean {
    const number = this.cacheOf(offset);
    if (number === 0) return false;
    this.free(number, offset);
    return true;
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
    const granule = offset >>> this.granuleShift;
    const at = this.inUse + (granule >>> 5);
    const word = words[at];
    const bit = 1 << granule;
    if ((word & bit) === 0) throw this.freeError(offset);
    words[at] = word ^ bit;
  }

  /** The words of the in-use map for `byteLength` bytes from `offset` on, which are a slab. */
  inUseWords(offset: number, byteLength: number): Int32Array {
    const first = this.inUse + (offset >>> this.wordShift);
    return this.words.subarray(first, first + byteLength / (32 * this.granule));
  }

  /** Sets the in-use bit of an offset. */
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
    const head = 2 * number;
    let top = (words[head] + 1) | 0;
    if (top > words[head + 1]) top = (this.unload(number) | 0) + 1;
    words[top] = offset + 1;
    words[head] = top;
  }

  /** Empties a cache's magazine and gives every empty slab back. O(slots moved + slabs given back). */
  shrink(number: number): void {
    const words = this.words;
    const magazine = this.magazine(number);
    this.giveBack(number, magazine + 1, words[this.region + 2 * number] - magazine);
    const emptyList = this.cache(number) + L.BUCKETS + L.EMPTY_BUCKET;
    while (words[emptyList] !== 0) this.returnSlab(number, words[emptyList] - 1);
  }

  /** Shrinks every cache. */
  shrinkAll(): void {
    for (let number = 1; number <= this.cacheCount; number++) if (this.isAlive(number)) this.shrink(number);
  }

  /** Drops every slab and object without looking; the buddy allocator is to be reset as well. */
  reset(): void {
    this.countedBy = undefined;
    for (const region of this.spaceRegions()) region.fill(0);
    for (let number = 1; number <= this.cacheCount; number++) this.clearCache(number);
    this.words[this.layout.caches + L.POOL_LARGE_OBJECTS] = 0;
  }

  /** The words that tell of the space as it is now. */
  spaceRegions(): Int32Array[] {
    const { granule, layout } = this;
    const { base, size, pageSize } = this.buddy;
    const region = (start: number, bytes: number): Int32Array =>
      this.words.subarray(start + Math.floor(base / bytes), start + Math.ceil((base + size) / bytes));
    return [
      region(layout.pages, pageSize),
      region(layout.inUse, 32 * granule),
      region(layout.depot, 32 * granule),
      region(layout.summary, 32 * 32 * granule),
      region(layout.slabs, pageSize / SLAB_WORDS),
    ];
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
      objects: slots - words[cache + CACHE_FREE] - magazineSlots,
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
    return this.words[this.region + 2 * number] - this.magazine(number);
  }

  /**
   * Bytes of tables for the space at its present size and the caches made so far; those for what may come, or lies before
   * the space, are not touched, nor is what no magazine has held yet. O(caches + slots
   * that their magazines could have held and have not).
   */
  get metadataBytes(): number {
    const { cacheCount, granule, threadCount } = this;
    const { size, pageSize } = this.buddy;
    const { wordCount, caches, magazines } = L.poolLayout({
      cacheLimit: cacheCount,
      endOffset: size,
      granule,
      pageSize,
      threadCount,
    });
    let used = 0;
    for (let number = 1; number <= cacheCount; number++) used += this.usedWords(number);
    return 4 * (wordCount - caches + threadCount * (magazines + used));
  }

  /**
   * Words of a cache's magazine that have ever held a slot, or may from the start. Where threads share the pool, whose magazines
   * are small, all that may: stats are taken under the lock, and to look at each thread's took 0.2 ms with 64 of them.
   */
  private usedWords(number: number): number {
    const words = this.words;
    const cache = this.cache(number);
    const bottom = this.magazine(number);
    let at = bottom + Math.min(words[cache + L.CACHE_MAGAZINE_DEPTH], words[cache + L.CACHE_MAGAZINE_SIZE]);
    if (this.threadCount > 1) return at - bottom;
    while (at > bottom + FIRST_DEPTH && words[at] === 0) at--;
    return at - bottom;
  }

  /** Checks every map, list and counter, or those of the next pages; throws `AllocError` `CORRUPTED`. As `Heap.check`. */
  check(step?: CheckStep): boolean {
    return this.advance(step, (window) => this.checkPages(window));
  }

  /** Does the next step of a check. */
  protected advance(step: CheckStep | undefined, look: (window: CheckWindow) => void): boolean {
    const { size, pageSize } = this.buddy;
    return this.round.advance(step, size / pageSize, (page) => this.endOfSlab(page), look);
  }

  /** `page`, counted from the start of the space, or the end of the slab that it lies in. */
  endOfSlab(page: number): number {
    return endOfSlab(this, page);
  }

  /** What `check` does in one step. */
  checkPages(window: CheckWindow): void {
    if (window.from === 0) this.checkGeometries();
    this.checkDepot(window, true);
    for (let number = 1; window.isLast && number <= this.cacheCount; number++) {
      this.checkDepth(number);
      const limit = this.words[2 * number + 1];
      requireSame("S8", `the limit of magazine ${number}`, limit, this.magazineLimit(number));
    }
  }

  /** The part of that which tells of slabs; `isQuiet` as for `checkPool`. */
  protected checkDepot(window: CheckWindow, isQuiet: boolean): void {
    if (window.from === 0) this.countedBy = window.tally;
    checkPool(this, window, isQuiet);
  }

  /** S8, as far as nothing has to be counted for it. */
  private checkGeometries(): void {
    requireSame("S8", "the number of caches", this.cacheCount, this.geometries.length - 1);
    for (let number = 1; number <= this.cacheCount; number++) {
      const made = this.geometries[number] ?? [];
      requireSameWords("S8", `cache ${number}, size`, this.geometry(number), made);
    }
  }

  /** The index of the word below this thread's magazine of a cache, which is 0. */
  protected magazine(number: number): number {
    return this.region + L.magazineStart(this.layout, number);
  }

  /** Sets how much this thread's magazine of a cache may hold, from the slots that the cache has now. */
  protected limitMagazine(number: number): void {
    this.words[this.region + 2 * number + 1] = this.magazineLimit(number);
  }

  /** The index that this thread's magazine of a cache may not pass, from its depth and the slots that the cache has now. */
  private magazineLimit(number: number): number {
    const depth = this.words[this.cache(number) + L.CACHE_MAGAZINE_DEPTH];
    return this.magazine(number) + Math.min(depth, this.magazineShare(number));
  }

  /** The most slots that a magazine of a cache should hold, from the slots that the cache has now. */
  private magazineShare(number: number): number {
    const words = this.words;
    const cache = this.cache(number);
    const share = Math.max(MIN_MAGAZINE_SIZE, words[cache + L.CACHE_SLOTS]);
    return Math.min(words[cache + L.CACHE_MAGAZINE_SIZE], share);
  }

  /** Throws `CORRUPTED` when the depth of a magazine is none that it can have; returns it. */
  private checkDepth(number: number): number {
    const depth = this.words[this.cache(number) + L.CACHE_MAGAZINE_DEPTH];
    const isSound = depth >= this.firstDepth && depth <= L.MAX_DEEP_WORDS && (depth & (depth - 1)) === 0;
    if (!isSound) throw corrupted("S8", `magazine ${number} is ${depth} slots deep`);
    return depth;
  }

  /** Lets a full magazine hold twice as many slots, unless it holds all that it should. Returns whether it may hold more. */
  private deepen(number: number): boolean {
    const depth = this.checkDepth(number);
    if (depth >= this.magazineShare(number)) return false;
    this.words[this.cache(number) + L.CACHE_MAGAZINE_DEPTH] = 2 * depth;
    this.limitMagazine(number);
    return true;
  }

  /**
   * Moves slots from a cache's slabs into its empty magazine, half of what that may hold, `maxBatch` at most; then as
   * `allocate`.
   *
   * One function on purpose, and longer than V8 inlines (460 bytes of bytecode): with parts of it inlined, `allocate`
   * is too long to be inlined itself, and a pair costs 14 ns instead of 9.7.
   */
  protected refill(number: number): number {
    const { words, layout, region } = this;
    const magazine = this.magazine(number);
    let top = words[region + 2 * number];
    if (top !== magazine) throw this.topError(number);
    let count = Math.min(this.maxBatch, (words[region + 2 * number + 1] - magazine + 1) >>> 1);
    while (count > 0) {
      const slabPage = this.nextSlab(number, top === magazine);
      if (slabPage < 0) break;
      const taken = Math.min(count, this.soundFree(number, slabPage));
      if (taken === 0) throw this.slabError(number, slabPage);
      const firstWord = this.depotWord(slabPage);
      const lastWord = this.lastDepotWord(slabPage);
      // The lowest free slots of the slab, the lowest of them on top: what is allocated together lies in a row.
      let taking = firstWord - 1;
      let word = 0;
      for (let at = top + taken; at > top; at--) {
        if (word === 0) {
          taking = this.nextDepotWord(taking + 1, lastWord);
          if (taking > lastWord)
            throw corrupted("S4", `page ${slabPage} begins a slab with fewer slots free`);
          word = words[layout.depot + taking];
        }
        words[at] = ((taking * 32 + lowestBit(word)) << this.granuleShift) + 1;
        word &= word - 1;
      }
      top += taken;
      words[region + 2 * number] = top;
      // Only now are they no longer the slab's: a thread that dies leaves a slot in two places, but never in none.
      for (let at = firstWord; at <= taking; at++) {
        if (words[layout.depot + at] !== 0) this.setDepotWord(at, at === taking ? word : 0);
      }
      this.changeFree(number, slabPage, -taken);
      count -= taken;
    }
    return top === magazine ? NO_SLOT_WORD : this.take(number, top);
  }

  /** Allocates the slot at index `top`, on top of a cache's magazine. */
  protected take(number: number, top: number): number {
    const words = this.words;
    const offset = (words[top] - 1) | 0;
    this.setInUse(offset);
    words[this.region + 2 * number] = top - 1;
    return offset;
  }

  /**
   * Makes room in a cache's full magazine: lets it become deeper, or moves half of what it may hold, `maxBatch` at most, from
   * its top to the slabs. Returns its new top.
   */
  protected unload(number: number): number {
    const magazine = this.magazine(number);
    const top = this.words[this.region + 2 * number];
    if ((top - magazine) >>> 0 > L.magazineRoom(this.layout, number)) throw this.topError(number);
    if (this.deepen(number)) return top;
    const size = this.words[this.region + 2 * number + 1] - magazine;
    const count = Math.min(this.maxBatch, (size + 1) >>> 1);
    return this.giveBack(number, top - count + 1, count);
  }

  /** The first depot word from `wordIndex` to `lastWord` that is not zero; a number above when there is none. */
  private nextDepotWord(wordIndex: number, lastWord: number): number {
    const { words, layout } = this;
    let index = wordIndex >>> 5;
    let summary = words[layout.summary + index] & (-1 << wordIndex);
    while (summary === 0 && ++index * 32 <= lastWord) summary = words[layout.summary + index];
    return summary === 0 ? lastWord + 1 : index * 32 + lowestBit(summary);
  }

  /** Gives a depot word that was not zero what is left of it. */
  private setDepotWord(wordIndex: number, word: number): void {
    const { words, layout } = this;
    words[layout.depot + wordIndex] = word;
    if (word === 0) words[layout.summary + (wordIndex >>> 5)] &= ~(1 << wordIndex);
  }

  protected topError(number: number): AllocError {
    const count = this.words[this.region + 2 * number] - this.magazine(number);
    return corrupted("S1", `magazine ${number} has ${count} slots`);
  }

  /**
   * Moves `count` slots of a magazine, from the one at index `first` up, to the depot. Returns the new top.
   *
   * Slot by slot, with the slab's words looked up for each: where 4,096 objects are freed in random order, a pair costs
   * 19 ns, and 30 where slots of one slab that follow each other are counted together; in rising order it is 22 and 19.
   */
  protected giveBack(number: number, first: number, count: number): number {
    const { words, pages, pageShift } = this;
    const { slabs } = this.layout;
    const top = words[this.region + 2 * number];
    let counted = 0;
    if ((top - this.magazine(number)) >>> 0 > L.magazineRoom(this.layout, number))
      throw this.topError(number);
    for (let at = first; at < first + count; at++) {
      const offset = (words[at] - 1) | 0;
      const slotPage = offset >>> pageShift;
      const pageWord = words[pages + slotPage];
      if ((pageWord & CACHE_MASK) !== number) throw this.slabError(number, slotPage);
      const page = slotPage & -(1 << ((pageWord >>> ORDER_SHIFT) & ORDER_MASK));
      this.putIntoDepot(offset);
      // Where only its counts change, the slab stays on its list: between powers of two.
      const slab = slabs + SLAB_WORDS * page;
      const free = words[slab + SLAB_FREE] + 1;
      if ((free & (free - 1)) !== 0 && free >>> 0 < words[slab + SLAB_SLOTS]) {
        words[slab + SLAB_FREE] = free;
        counted++;
      } else {
        this.changeFree(number, page, 1);
      }
    }
    this.countedBy = undefined;
    words[this.cache(number) + CACHE_FREE] += counted;
    words.copyWithin(first, first + count, top + 1);
    words[this.region + 2 * number] = top - count;
    return top - count;
  }
}
