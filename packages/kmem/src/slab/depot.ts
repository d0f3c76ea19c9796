/**
 * The depot: every slab of every cache on one buddy allocator.
 *
 * A slab is a block from the buddy allocator cut into slots of one size. Its free slots have bits in the depot map; a
 * cache's slabs with free slots are on lists, by how many they have free. What lies in front of the slabs, magazines and the
 * map of slots in use, is the affair of `slab-pool.ts`. `layout.ts` says where everything lies.
 *
 * Invariants, which go on from those of `slab-pool.ts`:
 *   S3: a summary bit is set exactly when its depot word is not zero.
 *   S4: a slab's free count is the number of its depot bits; it is on the list of the bucket that this gives, unless it
 *       is the current slab of just one thread.
 *   S5: a cache's counters are the sums over its slabs.
 *   S6: the pages of a slab are one block allocated from the buddy allocator.
 *   S7: a block or run that is allocated begins at each page that is marked as large.
 *
 * What the words say is not followed blindly: each slab that is come to, and the links of its list, are checked, and
 * `CORRUPTED` is thrown; every loop ends by a count that was checked.
 *
 * Cost: a slab is found, listed or unlisted in O(1), made or given back in O(slots + log pages).
 *
 * Bonwick, The Slab Allocator, 1994; Linux, mm/slub.c.
 */
import { ceilLog2, highestBit, lowestBit } from "../bits/integers.ts";
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { type AllocError, corrupted, freeError, NONE } from "../errors.ts";
import type { CheckTally } from "../inspect/check-round.ts";
import * as L from "./layout.ts";

/** A slab that grows with its cache takes at most this share of what the cache holds already. */
const GROWTH_SHARE = 32;
/** The most of a slab that may be left behind its last slot, where a larger slab leaves less. */
const MAX_TAIL_SHARE = 1 / 8;
/** Slabs grow up to this size, or to that of 8 slots where that is more. */
const FULL_SLAB_BYTES = 32768;
/** Empty slabs that a cache keeps for its next need: a kernel's objects take 4 % less time with four than with one. */
const SPARE_SLABS = 2;
/**
 * Where what lies idle is asked back before the space grows, caches of slots of so many bytes or more keep all their empty
 * slabs: few slots share the work of making one. (SQLite takes a quarter less time, no program more pages; if smaller slots'
 * slabs were kept too, Python would take 2 % more of these.)
 */
const KEPT_SLOT_BYTES = 512;

// What the hot paths read, as constants of the module's own: see `slab-pool.ts`.
const CACHE_MASK = L.PAGE_CACHE_MASK;
const SLAB_WORDS = L.SLAB_WORDS;
const SLAB_FREE = L.SLAB_FREE;
const SLAB_SLOTS = L.SLAB_SLOTS;
const LINK_WORDS = L.LINK_WORDS;
const LINK_NEXT = L.LINK_NEXT;
const LINK_PREVIOUS = L.LINK_PREVIOUS;
const SET_ASIDE = L.SET_ASIDE;
const CACHE_WORDS = L.CACHE_WORDS;
const CACHE_FREE = L.CACHE_FREE;
const CACHE_BUCKET_MASK = L.CACHE_BUCKET_MASK;
const CACHE_EMPTY_SLABS = L.CACHE_EMPTY_SLABS;
const CACHE_FULL_SLABS = L.CACHE_FULL_SLABS;
const BUCKETS = L.BUCKETS;
const EMPTY_BUCKET = L.EMPTY_BUCKET;
/** The order in the word of a slab's page. */
const PAGE_ORDER_BITS = L.PAGE_ORDER_MASK << L.PAGE_ORDER_SHIFT;

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
  /** Slots that a magazine may hold from the start, a power of two. Default: few, and more each time that it is full. */
  readonly magazineDepth?: number;
  /** The most bytes that the slots of a magazine may have together. Default: 256 KiB, and more in a heap. */
  readonly magazineBytes?: number;
}

/** Makes it likelier that there is a block of an order: grows the space, or has caches give back what they hold idle. */
export type MakeRoom = (order: number) => boolean;

export abstract class Depot {
  readonly buddy: BuddyAllocator;
  /** Bytes of the granule: every slot begins on a multiple of it. */
  readonly granule: number;
  readonly layout: L.PoolLayout;
  readonly words: Int32Array;
  readonly threadCount: number;
  protected readonly granuleShift: number;
  protected readonly wordShift: number;
  /** Words of each map that tell of one page; less than 1 where a page is smaller than what a word tells of. */
  protected readonly depotWordsPerPage: number;
  protected readonly pageShift: number;
  protected readonly pages: number;
  /** The end of the space at its largest, in bytes. */
  protected readonly endOffset: number;
  private readonly minSlabBytes: number;
  protected readonly makeRoom: MakeRoom | undefined;
  protected readonly constructors: (((offset: number) => void) | undefined)[] = [];
  /** What a round of the check counts into; undefined once this object changed a counter of the depot since it began. */
  countedBy: CheckTally | undefined = undefined;

  /** The depot whose words lie as `layout` says, at `place`. `makeRoom` is as for a pool. */
  protected constructor(
    buddy: BuddyAllocator,
    granule: number,
    cacheLimit: number,
    makeRoom: MakeRoom | undefined,
    place: PoolPlace,
  ) {
    this.buddy = buddy;
    this.granule = granule;
    this.makeRoom = makeRoom;
    this.endOffset = place.endOffset;
    this.threadCount = place.threadCount;
    this.minSlabBytes = Math.max(32 * granule, place.minSlabBytes);
    this.granuleShift = Math.log2(granule);
    this.wordShift = this.granuleShift + 5;
    this.pageShift = Math.log2(buddy.pageSize);
    this.depotWordsPerPage = 2 ** (this.pageShift - this.wordShift);
    this.layout = L.poolLayout({ ...place, cacheLimit, granule, pageSize: buddy.pageSize });
    this.words = place.words ?? new Int32Array(this.layout.wordCount);
    this.pages = this.layout.pages;
  }

  /** Sets how much this thread's magazine of a cache may hold, from the slots that the cache has now. */
  protected abstract limitMagazine(number: number): void;

  /** Large allocations that were marked. */
  get largeObjects(): number {
    return this.words[this.layout.caches + L.POOL_LARGE_OBJECTS];
  }

  /** True when the slots of a cache are constructed. */
  isConstructed(number: number): boolean {
    return this.constructors[number] !== undefined;
  }

  /** Sets what is called for each slot of the slabs that are made for a cache from now on. */
  setConstructor(number: number, construct: (offset: number) => void): void {
    this.constructors[number] = construct;
  }

  /** The smallest order whose block holds a slot of `slotSize` and fills whole words of the maps. */
  minSlabOrder(slotSize: number): number {
    const bytes = Math.max(slotSize, this.minSlabBytes);
    return ceilLog2(Math.ceil(bytes / this.buddy.pageSize));
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

  /** What is kept of a cache: the words that CACHE_… and BUCKETS name. */
  cacheWords(number: number): Int32Array {
    return this.words.subarray(this.cache(number), this.cache(number + 1));
  }

  protected cache(number: number): number {
    return this.layout.caches + number * CACHE_WORDS;
  }

  protected slab(page: number): number {
    return this.layout.slabs + page * SLAB_WORDS;
  }

  protected links(page: number): number {
    return this.layout.links + page * LINK_WORDS;
  }

  /** The first page of the slab that `page` lies in: blocks are aligned to their own size. */
  protected slabPage(page: number): number {
    return page & -this.slabPageCount(page);
  }

  /**
   * The first page of the slab to take slots from, as `nextBucket` chooses; -1 when none has any, nor can be made where
   * `mayAdd` asks for it.
   */
  protected nextSlab(number: number, mayAdd: boolean): number {
    const words = this.words;
    const cache = this.cache(number);
    if (words[cache + CACHE_BUCKET_MASK] === 0 && !(mayAdd && this.addSlab(number))) return -1;
    return words[cache + BUCKETS + this.nextBucket(words[cache + CACHE_BUCKET_MASK])] - 1;
  }

  /** Which of the buckets in `mask`, one bit each, to take a slab from: that of the fullest, so that others may empty. */
  protected nextBucket(mask: number): number {
    return lowestBit(mask);
  }

  /** The number of pages of the slab that `page` lies in. */
  protected slabPageCount(page: number): number {
    return 1 << ((this.words[this.pages + page] >>> L.PAGE_ORDER_SHIFT) & L.PAGE_ORDER_MASK);
  }

  protected slabError(number: number, page: number): AllocError {
    return corrupted("S4", `no slab of cache ${number} begins at page ${page}`);
  }

  /**
   * The slots in the depot of the slab of cache `number` that begins at `page`. Throws `CORRUPTED` when none of it does:
   * the pages of its page word must come to the slots that it has, and those in the depot be no more.
   */
  protected soundFree(number: number, page: number): number {
    const words = this.words;
    const slab = this.slab(page);
    const pageCount = this.slabPageCount(page);
    const slotGranules = words[this.cache(number) + L.CACHE_SLOT_GRANULES] >>> 0;
    const slots = words[slab + SLAB_SLOTS];
    const tail = this.depotWord(pageCount) * 32 - slots * slotGranules;
    const isSound =
      (words[this.pages + page] & ~PAGE_ORDER_BITS) === number &&
      (page & (pageCount - 1)) === 0 &&
      tail >= 0 &&
      tail < slotGranules &&
      words[slab + SLAB_FREE] >>> 0 <= slots;
    if (!isSound) throw this.slabError(number, page);
    return words[slab + SLAB_FREE];
  }

  /**
   * The index, in the depot map, of the first word of a page at which a slab may begin or end. (The product is an integer, but a
   * double to V8; by `| 0` Python's allocations take 4 % less time.)
   */
  protected depotWord(page: number): number {
    return (page * this.depotWordsPerPage) | 0;
  }

  /** The index, in the depot map, of a slab's last word. */
  protected lastDepotWord(slabPage: number): number {
    return this.depotWord(slabPage + this.slabPageCount(slabPage)) - 1;
  }

  /** Counts `change` more slots of a slab as free, moves it to its bucket, and returns it if it is one too many. */
  protected changeFree(number: number, page: number, change: number): void {
    const words = this.words;
    const slab = this.slab(page);
    const slots = words[slab + SLAB_SLOTS];
    const before = words[slab + SLAB_FREE];
    const after = before + change;
    if (after >>> 0 > slots >>> 0)
      throw corrupted("S4", `${after} of ${slots} slots of page ${page} are free`);
    this.countedBy = undefined;
    words[slab + SLAB_FREE] = after;
    words[this.cache(number) + CACHE_FREE] += change;
    const oldBucket = L.bucketOf(before, slots);
    const newBucket = L.bucketOf(after, slots);
    if (oldBucket === newBucket || words[this.links(page) + LINK_PREVIOUS] === SET_ASIDE) return;
    this.unlink(number, page, oldBucket);
    this.link(number, page, newBucket);
    if (newBucket === EMPTY_BUCKET && this.hasEmptySlabTooMany(number)) this.returnSlab(number, page);
  }

  /** True when a cache has more empty slabs than it keeps for its next need. */
  private hasEmptySlabTooMany(number: number): boolean {
    if (this.words[this.cache(number) + CACHE_EMPTY_SLABS] <= SPARE_SLABS) return false;
    return this.makeRoom === undefined || this.slotSize(number) < KEPT_SLOT_BYTES;
  }

  link(number: number, page: number, bucket: number): void {
    const words = this.words;
    const cache = this.cache(number);
    if (bucket === EMPTY_BUCKET) words[cache + CACHE_EMPTY_SLABS]++;
    if (bucket === 0) words[cache + CACHE_FULL_SLABS]++;
    if (bucket === 0) return;
    const head = cache + BUCKETS + bucket;
    const next = words[head];
    if (next !== 0) {
      const back = this.links(next - 1) + LINK_PREVIOUS;
      if (words[back] !== 0) throw this.linkError(next, page);
      words[back] = page + 1;
    }
    words[this.links(page) + LINK_NEXT] = next;
    words[this.links(page) + LINK_PREVIOUS] = 0;
    words[head] = page + 1;
    words[cache + CACHE_BUCKET_MASK] |= 1 << bucket;
  }

  protected unlink(number: number, page: number, bucket: number): void {
    const words = this.words;
    const cache = this.cache(number);
    if (bucket === EMPTY_BUCKET) words[cache + CACHE_EMPTY_SLABS]--;
    if (bucket === 0) words[cache + CACHE_FULL_SLABS]--;
    if (bucket === 0) return;
    const head = cache + BUCKETS + bucket;
    const next = words[this.links(page) + LINK_NEXT];
    const previous = words[this.links(page) + LINK_PREVIOUS];
    // The slab's neighbours, or the head of its list, must know it: else its links are not to be followed.
    const back = this.links(next - 1) + LINK_PREVIOUS;
    const forth = previous === 0 ? head : this.links(previous - 1) + LINK_NEXT;
    if (words[forth] !== page + 1 || (next !== 0 && words[back] !== page + 1))
      throw this.linkError(previous, page);
    if (next !== 0) words[back] = previous;
    words[forth] = next;
    if (words[head] === 0) words[cache + CACHE_BUCKET_MASK] &= ~(1 << bucket);
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
    let bytes = pageSize * 2 ** minOrder;
    for (let order = minOrder; order <= maxOrder; order++, bytes *= 2) {
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
    const leastOrder = this.minSlabOrder(this.slotSize(number));
    if (minOrder !== leastOrder) {
      throw corrupted("S8", `the least order of cache ${number} is ${minOrder}, expected ${leastOrder}`);
    }
    if (minOrder > buddy.maxOrder) return false;
    // A smaller slab than is wanted leaves more behind its last slot: better let the space grow first.
    const wanted = this.slabOrder(number);
    let offset = buddy.tryAllocate(wanted);
    if (offset === NONE && wanted > minOrder && this.makeRoom?.(wanted) === true)
      offset = buddy.tryAllocate(wanted);
    for (let order = wanted - 1; offset === NONE && order >= minOrder; order--) {
      offset = buddy.tryAllocate(order);
    }
    if (offset === NONE && this.makeRoom?.(minOrder) === true) offset = buddy.tryAllocate(minOrder);
    if (offset === NONE) return false;
    const page = offset / buddy.pageSize;
    const pageCount = buddy.sizeOf(offset) / buddy.pageSize;
    this.adoptSlab(number, page, pageCount);
    const construct = this.constructors[number];
    if (construct === undefined) return true;
    const slotSize = this.slotSize(number);
    const end = offset + words[this.slab(page) + SLAB_SLOTS] * slotSize;
    try {
      for (let slot = offset; slot < end; slot += slotSize) construct(slot);
    } catch (error) {
      this.returnSlab(number, page);
      throw error;
    }
    return true;
  }

  /** Puts the slot at `offset` into the depot; its slab is still to be told. */
  protected putIntoDepot(offset: number): void {
    const { words, layout } = this;
    const wordIndex = offset >>> this.wordShift;
    words[layout.depot + wordIndex] |= 1 << (offset >>> this.granuleShift);
    words[layout.summary + (wordIndex >>> 5)] |= 1 << wordIndex;
  }

  /** Takes the free slot at `offset` out of its slab. */
  takeFromDepot(number: number, offset: number): void {
    const { words, layout } = this;
    const wordIndex = offset >>> this.wordShift;
    const summary = layout.summary + (wordIndex >>> 5);
    // One that is taken twice is in it again: so `check()` finds it.
    words[layout.depot + wordIndex] ^= 1 << (offset >>> this.granuleShift);
    if (words[layout.depot + wordIndex] === 0) words[summary] &= ~(1 << wordIndex);
    else words[summary] |= 1 << wordIndex;
    this.changeFree(number, this.slabPage(offset >>> this.pageShift), -1);
  }

  /** Gives an empty slab's block back to the buddy allocator. */
  protected returnSlab(number: number, page: number): void {
    const { words, buddy } = this;
    const pageCount = this.slabPageCount(page);
    const used = words[this.slab(page) + SLAB_SLOTS] - this.soundFree(number, page);
    if (used !== 0)
      throw corrupted("S4", `${used} slots of page ${page}, on the list of empty slabs, are not free`);
    this.unlink(number, page, EMPTY_BUCKET);
    this.changeSlab(number, page, pageCount, -1);
    buddy.free(page * buddy.pageSize);
  }

  /** Makes a block a slab of a cache, all its slots in the depot. */
  adoptSlab(number: number, page: number, pageCount: number): void {
    this.changeSlab(number, page, pageCount, 1);
    this.link(number, page, EMPTY_BUCKET);
  }

  /** Marks the pages of a new slab, puts its slots into the depot and counts it (`change` 1), or undoes that (-1). */
  private changeSlab(number: number, page: number, pageCount: number, change: 1 | -1): void {
    const { words, buddy } = this;
    const cache = this.cache(number);
    const slotSize = this.slotSize(number);
    const slots = Math.floor((pageCount * buddy.pageSize) / slotSize);
    const first = this.pages + page;
    this.countedBy = undefined;
    const pageWord = change === 1 ? number | (highestBit(pageCount) << L.PAGE_ORDER_SHIFT) : 0;
    if (change === -1) words[first] = 0;
    for (let word = first + 1; word < first + pageCount; word++) words[word] = pageWord;
    this.fillDepot(page, pageCount, change === 1 ? slots : 0, slotSize / this.granule);
    words[first] = pageWord;
    words[this.slab(page) + SLAB_FREE] += change * slots;
    words[this.slab(page) + SLAB_SLOTS] += change * slots;
    words[cache + L.CACHE_SLABS] += change;
    words[cache + L.CACHE_PAGES] += change * pageCount;
    words[cache + L.CACHE_SLOTS] += change * slots;
    words[cache + CACHE_FREE] += change * slots;
    this.limitMagazine(number);
  }

  /**
   * Writes the depot words of a slab anew: free are its first `slots` slots, of `slotGranules` granules each. The words are
   * the slab's alone, since it fills whole ones. O(words + slots).
   */
  private fillDepot(page: number, pageCount: number, slots: number, slotGranules: number): void {
    const { words, layout } = this;
    const firstWord = this.depotWord(page);
    const endWord = this.depotWord(page + pageCount);
    words.fill(0, layout.depot + firstWord, layout.depot + endWord);
    // A slab is aligned to its size: so its words have some bits of one word of the summary, or all of several.
    const summary = layout.summary + (firstWord >>> 5);
    const wordCount = endWord - firstWord;
    if (wordCount >= 32) words.fill(0, summary, summary + (wordCount >>> 5));
    else words[summary] &= ~(((1 << wordCount) - 1) << firstWord);
    const end = firstWord * 32 + slots * slotGranules;
    for (let granule = firstWord * 32; granule < end;) {
      const wordIndex = granule >>> 5;
      let word = 0;
      for (; granule < end && granule >>> 5 === wordIndex; granule += slotGranules) word |= 1 << granule;
      words[layout.depot + wordIndex] = word;
      words[layout.summary + (wordIndex >>> 5)] |= 1 << wordIndex;
    }
  }

  /** Marks the block or run at `offset` as a large allocation, whose owner is thread `owner`. */
  markLarge(offset: number, owner = 0): void {
    this.words[this.pages + (offset >>> this.pageShift)] = L.PAGE_LARGE | (owner << L.PAGE_OWNER_SHIFT);
    this.countedBy = undefined;
    this.words[this.layout.caches + L.POOL_LARGE_OBJECTS]++;
  }

  /** Takes that mark away. */
  unmarkLarge(offset: number): void {
    this.words[this.pages + (offset >>> this.pageShift)] = 0;
    this.countedBy = undefined;
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
    this.words[this.links(page) + LINK_PREVIOUS] = SET_ASIDE;
  }

  /** The bucket of the slab that begins at `page`. */
  protected bucket(page: number): number {
    const slab = this.slab(page);
    return L.bucketOf(this.words[slab + SLAB_FREE], this.words[slab + SLAB_SLOTS]);
  }

  /** True when the slot at `offset` lies in its slab, free. */
  isInDepot(offset: number): boolean {
    const word = this.words[this.layout.depot + (offset >>> this.wordShift)];
    return (word & (1 << (offset >>> this.granuleShift))) !== 0;
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
      slots: this.words[this.slab(page) + SLAB_SLOTS],
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
