/**
 * The heap: malloc and its family on slab caches and a buddy allocator.
 *
 * A small request is rounded up to a size class and served by that class's slab cache, a large one becomes a run of
 * whole pages. Named caches live beside the size classes in the same pages. The heap hands out offsets; whether
 * bytes lie behind them is the backing's affair.
 *
 * Invariants:
 *   H1: every page that the buddy allocator has handed out belongs to a slab or to a large allocation.
 *   H2: the counters of large allocations are the sums over the runs that are no slabs.
 *
 * Cost: malloc and free O(1) but for what `slab-pool.ts` and `buddy-allocator.ts` say; tables about 2 % of the space.
 */
import { type Backing, MAX_END_OFFSET } from "../backing/backing.ts";
import { ByteViews } from "../backing/byte-views.ts";
import { roundUp } from "../bits/integers.ts";
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import {
  AllocError,
  corrupted,
  NONE,
  type OutOfMemoryError,
  requireInteger,
  requirePowerOfTwo,
  requireSame,
} from "../errors.ts";
import { CheckRound, type CheckStep, type CheckWindow } from "../inspect/check-round.ts";
import { LARGE_OBJECTS } from "../slab/check.ts";
import { SlabCache, type SlabCacheOptions } from "../slab/slab-cache.ts";
import { NO_SLOT, type SlabPool } from "../slab/slab-pool.ts";
import type { SlabCacheStats } from "../slab/stats.ts";
import { type HeapParts, type MakeHeapParts, privateParts } from "./parts.ts";
import { heapSnapshot, type HeapSnapshot } from "./snapshot.ts";
import { CLASS_OF, classFor, GRANULE, MAX_SLOT_SIZE, SLOT_SIZES } from "./size-classes.ts";
import { type HeapOptions, heapSpace } from "./space.ts";
import { type HeapStats, heapStats } from "./stats.ts";

/** The largest request that a slab serves. A constant of the module's own: see `slab-pool.ts`. */
const SMALL_LIMIT = MAX_SLOT_SIZE;
/** What the pool gives for no slot, likewise. */
const NO_SLOT_WORD = -1;
/** The class of each number of granules, likewise: as a field it costs a twentieth of all, where V8 does not know the heap. */
const CLASSES = CLASS_OF;

/**
 * True for an integer from 0 to 2^32 - 1. `malloc` and `calloc` have it written out: as a call it takes 19 more of the bytes for
 * which V8 has room in a loop.
 */
const isWord = (value: unknown): value is number => typeof value === "number" && value >>> 0 === value;

/** The largest request that a space with 32-bit offsets could hold, in bytes. */
const MAX_REQUEST = MAX_END_OFFSET;

/**
 * Each time the space has grown by this share of itself, caches give back what they hold idle before it grows further.
 * (At its peak a program's payload is then 88 % of what its heap takes on average, and 86 % with a forty-eighth.)
 */
const RECLAIM_SHARE = 1 / 64;
/**
 * And before it grows by more than this share of itself at once. (With a sixty-fourth here as well, SQLite's heap takes back 5 MB
 * for a request of 132 KiB, and is 16 MB in the long run, in place of 10.)
 */
const LARGE_SHARE = 1 / 4;

/** A typed array, and the way to make one on a buffer. */
export interface TypedArrayConstructor<View extends ArrayBufferView> {
  /** Bytes of an element. */
  readonly BYTES_PER_ELEMENT: number;
  /** A view of `length` elements on `buffer`, from byte `byteOffset` on. */
  new (buffer: ArrayBuffer, byteOffset: number, length: number): View;
}

/** General-purpose allocation: any size, any alignment, in a space that may grow. */
export class Heap {
  /** Offset of the heap's first byte. */
  readonly base: number;
  /** Bytes in a page. */
  readonly pageSize: number;
  /** Bytes that the heap may grow to. */
  readonly maxSize: number;
  private readonly backing: Backing;
  private readonly bytes: ByteViews;
  /** The pages. */
  protected readonly buddy: BuddyAllocator;
  /** The slabs of all caches. */
  protected readonly pool: SlabPool;
  private readonly zero: boolean;
  /** The largest request that the fast path of `malloc` takes: -1 for a heap that zeroes or is watched, which has none. */
  protected readonly fastLimit: number;
  /** The size, in bytes, from which on the space does not grow before caches have given back what they hold idle. */
  private reclaimSize = 0;
  /** Where the arrays lie whose views growth may detach; a detached view does not know any more. */
  private readonly views = new WeakMap<ArrayBufferView, { offset: number; length: number }>();
  private readonly round = new CheckRound();
  /** The named caches, by number; also those of numbers given up. */
  private readonly namedCaches: SlabCache[] = [];

  /**
   * Makes a heap. Throws RangeError or TypeError for sizes that are not positive integers, an end beyond 4 GiB, no
   * room for a single page, or both a buffer and a memory. `makeParts` is for a heap whose tables lie elsewhere.
   */
  constructor(options: HeapOptions, makeParts: MakeHeapParts = privateParts) {
    const { zero = false } = options;
    const { backing, space } = heapSpace(options);
    this.bytes = new ByteViews(backing, () => this.base + this.size);
    if (zero && !this.bytes.exist) throw noBytesError("zero");
    this.backing = backing;
    this.base = space.base;
    this.pageSize = space.pageSize;
    this.maxSize = space.maxSize;
    this.zero = zero;
    const parts = makeParts(space, (order) => this.makeRoom(2 ** order, 2 ** order));
    this.fastLimit = zero || parts.isWatched === true ? -1 : SMALL_LIMIT;
    this.buddy = parts.buddy;
    this.pool = parts.pool;
  }

  /** Bytes in the heap now. */
  get size(): number {
    return this.buddy.size;
  }

  /**
   * The buffer with the heap's bytes, as it is now: growth of a memory replaces it. Throws `AllocError` `NO_BYTES` when
   * the heap has none, `DETACHED` when its buffer was transferred away.
   */
  get buffer(): ArrayBufferLike {
    const buffer = this.bytes.buffer();
    if (buffer === undefined) throw noBytesError("buffer");
    return buffer;
  }

  /**
   * Allocates `byteLength` bytes and returns their offset, a multiple of 16 and of `align` (bytes, a power of two).
   *
   * 0 bytes are an object of the smallest size. Throws `OutOfMemoryError` when there is no space and the heap cannot
   * grow, RangeError or TypeError for a length or alignment that is no such integer. O(1).
   */
  malloc(byteLength: number, align?: number): number {
    if (
      typeof byteLength === "number" &&
      byteLength >>> 0 === byteLength &&
      byteLength <= this.fastLimit &&
      align === undefined
    ) {
      const offset = this.pool.allocate(CLASSES[(byteLength + 15) >>> 4]);
      if (offset !== NO_SLOT_WORD) return offset >>> 0;
    }
    return this.mallocOrThrow(byteLength, align) >>> 0;
  }

  /** As `malloc`, but returns `NONE` when there is no space. */
  tryMalloc(byteLength: number, align?: number): number {
    if (isWord(byteLength) && byteLength <= this.fastLimit && align === undefined) {
      const offset = this.pool.allocate(CLASSES[(byteLength + 15) >>> 4]);
      if (offset !== NO_SLOT_WORD) return offset >>> 0;
    }
    return this.mallocUncommon(byteLength, align);
  }

  /**
   * Allocates `count` times `byteLength` bytes, set to zero where the heap has bytes, and returns their offset. (So may be the
   * rest of the last sixteen.)
   *
   * Throws as `malloc` does; a product that no heap could hold is out of memory.
   */
  calloc(count: number, byteLength: number): number {
    if (
      typeof count === "number" &&
      typeof byteLength === "number" &&
      count >>> 0 === count &&
      byteLength >>> 0 === byteLength
    ) {
      const total = count * byteLength;
      if (total <= this.fastLimit) {
        const offset = this.pool.allocate(CLASSES[(total + 15) >>> 4]);
        if (offset !== NO_SLOT_WORD) {
          if (!this.bytes.clearShort(offset, total)) this.clearOrFree(offset >>> 0, total);
          return offset >>> 0;
        }
      }
    }
    return this.callocUncommon(count, byteLength) >>> 0;
  }

  /**
   * Changes the allocation at `offset` to `byteLength` bytes and returns where it is now: at the same offset where the
   * size class or the free pages behind it allow, or where it gets smaller and there is no room elsewhere; else moved,
   * its bytes copied. The alignment of a moved allocation is that of `malloc`.
   *
   * Throws `AllocError` `NOT_ALLOCATED` when no allocation begins at `offset`, otherwise as `malloc` does; after an
   * error the old allocation is as it was.
   */
  realloc(offset: number, byteLength: number): number {
    if (!isWord(byteLength)) requireInteger("byteLength", byteLength, 0, MAX_REQUEST);
    const { pool, bytes } = this;
    // From slot to slot it goes here, by the class that is known already; all else in `move`.
    if (!pool.isObject(offset)) return this.reallocRun(offset, byteLength);
    const number = pool.cacheOf(offset);
    const usable = pool.slotSize(number);
    if (byteLength <= usable && (byteLength > usable / 2 || usable === GRANULE)) return offset;
    if (byteLength <= this.fastLimit && bytes.isAttached) {
      const moved = pool.allocate(CLASSES[(byteLength + 15) >>> 4]);
      if (moved !== NO_SLOT_WORD) {
        bytes.copy(moved >>> 0, offset, Math.min(usable, byteLength));
        pool.free(number, offset);
        return moved >>> 0;
      }
    }
    return this.move(offset, usable, byteLength);
  }

  /** As `realloc`, for what is no object. */
  private reallocRun(offset: number, byteLength: number): number {
    const usable = this.usableSize(offset);
    return this.resizeRun(offset, usable, byteLength) ? offset : this.move(offset, usable, byteLength);
  }

  /** As `realloc`, for an allocation of `usable` bytes that is to be moved. */
  private move(offset: number, usable: number, byteLength: number): number {
    this.bytes.requireAttached();
    const moved = this.tryMalloc(byteLength);
    if (moved === NONE && byteLength <= usable) return offset;
    if (moved === NONE) throw this.outOfMemory(byteLength);
    this.bytes.copy(moved, offset, Math.min(usable, byteLength));
    this.free(offset);
    return moved;
  }

  /**
   * Frees the allocation, or object of a named cache, at `offset`. O(1).
   *
   * Throws `AllocError` and changes nothing: `DOUBLE_FREE` when it was freed before, `INVALID_FREE` when the offset
   * was never handed out: inside an allocation, outside the heap, not a whole number.
   */
  free(offset: number): void {
    if (!this.pool.release(offset)) this.freeRun(offset);
  }

  /** Bytes that may be used at `offset`. Throws `AllocError` `NOT_ALLOCATED` when no allocation begins there. O(1). */
  usableSize(offset: number): number {
    if (!this.owns(offset)) {
      throw new AllocError("NOT_ALLOCATED", `no allocation begins at offset ${String(offset)}`, offset);
    }
    const number = this.pool.cacheAt(offset);
    return number === 0 ? this.buddy.sizeOf(offset) : this.pool.slotSize(number);
  }

  /** True when an allocation begins at `offset`. Never throws. O(1). */
  owns(offset: number): boolean {
    return this.pool.isObject(offset) || (this.pool.cacheAt(offset) === 0 && this.buddy.isAllocated(offset));
  }

  /** The name of the cache in whose slab `offset` lies, also where no object is; undefined elsewhere. Never throws. O(1). */
  cacheAt(offset: number): string | undefined {
    return this.pool.cacheName(this.pool.cacheAt(offset));
  }

  /**
   * Allocates a typed array of `length` elements in the heap's bytes.
   *
   * The view stays right when a buffer grows. Growth of a WebAssembly memory detaches every view on it: `refresh`
   * returns the same array on the new buffer. Throws `AllocError` `NO_BYTES` when the heap has none, otherwise as
   * `malloc` does.
   */
  array<View extends ArrayBufferView>(type: TypedArrayConstructor<View>, length: number): View {
    requireInteger("length", length, 0, Math.floor(MAX_REQUEST / type.BYTES_PER_ELEMENT));
    void this.buffer;
    const byteLength = length * type.BYTES_PER_ELEMENT;
    const offset = this.malloc(byteLength);
    // A spoilt magazine may hold anything.
    if (offset + byteLength > this.base + this.size || offset % GRANULE !== 0) {
      throw corrupted("S1", `offset ${offset} is no place for ${byteLength} bytes`);
    }
    const view = new type(this.buffer as ArrayBuffer, offset, length);
    if (this.backing.detachesViews) this.views.set(view, { offset, length });
    return view;
  }

  /** The array `view`, made by `array`, on the buffer as it is now; `view` itself while it is not detached. */
  refresh<View extends ArrayBufferView>(view: View): View {
    const place = this.views.get(view);
    if (place === undefined || view.buffer === this.buffer) return view;
    const fresh = new (view.constructor as TypedArrayConstructor<View>)(
      this.buffer as ArrayBuffer,
      place.offset,
      place.length,
    );
    this.views.set(fresh, place);
    return fresh;
  }

  /** Frees an array made by `array`, also when growth has detached it. Throws as `free` does. */
  freeArray(view: ArrayBufferView): void {
    const place = this.views.get(view);
    if (place === undefined && view.buffer !== this.buffer) {
      throw new AllocError("INVALID_FREE", "the array is not of this heap");
    }
    this.free(place?.offset ?? view.byteOffset);
    this.views.delete(view);
  }

  /**
   * Makes a cache of objects of one size beside the size classes. Slots are multiples of 16 bytes.
   *
   * Throws `AllocError` `IN_USE` when a cache of that name lives, otherwise as the constructor of `SlabCache` does.
   */
  createCache(options: SlabCacheOptions): SlabCache {
    const { pool } = this;
    if (this.cacheNumber(options.name) !== 0) {
      throw new AllocError("IN_USE", `cache "${options.name}" exists already`);
    }
    if (pool.isFull)
      throw new RangeError(`a heap has at most ${pool.cacheLimit - SLOT_SIZES.length} named caches`);
    const cache = this.makeCache(options);
    this.namedCaches[this.cacheNumber(cache.name)] = cache;
    return cache;
  }

  /**
   * The named cache that `createCache` made, or that an image brought. With `construct`, that is called for each slot of
   * the slabs that are made from now on: a cache whose slots were constructed when it was saved makes no slab without.
   *
   * Throws `AllocError` `NOT_ALLOCATED` when there is none of that name.
   */
  openCache(name: string, options: Pick<SlabCacheOptions, "construct"> = {}): SlabCache {
    const number = this.cacheNumber(name);
    if (number === 0) throw new AllocError("NOT_ALLOCATED", `there is no cache "${name}"`);
    if (options.construct !== undefined) this.pool.setConstructor(number, options.construct);
    return this.namedCaches[number];
  }

  /** Makes the cache that `createCache` has found to be allowed. */
  protected makeCache(options: SlabCacheOptions): SlabCache {
    return new SlabCache(this.buddy, options, { pool: this.pool });
  }

  /**
   * Grows the heap to `newSize` bytes, rounded up to whole pages. What is allocated stays where it is.
   *
   * Throws RangeError when `newSize` is not from `size` to `maxSize`, `OutOfMemoryError` when the buffer or memory
   * refuses.
   */
  grow(newSize: number): void {
    const wanted = roundUp(requireInteger("newSize", newSize, this.size, this.maxSize), this.pageSize);
    if (!this.backing.grow(this.base + wanted)) throw this.outOfMemory(wanted - this.size);
    this.buddy.grow(wanted);
  }

  /** Gives free magazines and empty slabs back to the pages, so that larger requests find room. O(caches + slabs). */
  shrink(): void {
    this.pool.shrinkAll();
  }

  /** Frees everything at once; caches stay, without objects. O(size of the tables). */
  reset(): void {
    this.pool.reset();
    this.buddy.reset();
  }

  /** Figures of this moment. O(orders + caches + slots that magazines could have held and have not). */
  stats(): HeapStats {
    const { pool, buddy } = this;
    const caches: SlabCacheStats[] = [];
    for (let number = SLOT_SIZES.length + 1; number <= pool.cacheCount; number++) {
      if (pool.isAlive(number)) caches.push(pool.stats(number));
    }
    // A heap may be too small for a slab of the largest classes: their requests find no memory.
    const classes = SLOT_SIZES.filter((slotSize) => pool.minSlabOrder(slotSize) <= buddy.maxOrder).map(
      (_, index) => pool.stats(index + 1),
    );
    return heapStats(
      buddy.stats(),
      this.maxSize,
      [...classes, ...caches],
      pool.largeObjects,
      pool.metadataBytes,
    );
  }

  /** The whole state as plain data for JSON: `docs/snapshot.md` describes it. O(size). */
  snapshot(): HeapSnapshot {
    return heapSnapshot(this.buddy, this.pool, this.stats());
  }

  /**
   * Checks that all tables agree. Throws `AllocError` `CORRUPTED` that names the invariant which does not hold. O(size).
   *
   * With `pages`, looks at the next so many only, and goes on from there the next time; between two steps anything may be
   * done. Returns true when the end of the heap was reached: then the next step begins again at the start. What a step does
   * not see: counters that are wrong, unless nothing was allocated or freed since the round began; slabs of a list that link
   * each other but that its head does not lead to. After an error, the next step looks at the same pages again. Throws
   * RangeError or TypeError when `pages` is no positive integer. O(pages looked at × their slots + caches + slots in magazines).
   */
  check(step?: CheckStep): boolean {
    return this.advance(step, (window) => this.pool.checkPages(window));
  }

  /** Does the next step of a check; `checkPool` is the pool's own part. */
  protected advance(step: CheckStep | undefined, checkPool: (window: CheckWindow) => void): boolean {
    const { pool, buddy, base, pageSize } = this;
    return this.round.advance(
      step,
      this.size / pageSize,
      (page) => pool.endOfSlab(page),
      (window) => {
        checkPool(window);
        buddy.checkPages(window);
        for (let page = window.from; page < window.end; page++) {
          const offset = base + page * pageSize;
          const isMarked = pool.isOwned(offset) || !buddy.isAllocated(offset);
          if (!isMarked) requireSame("H1", `the mark of the block at ${offset}`, false, true);
        }
        const { tally } = window;
        if (window.isLast && tally.isSettled(pool)) {
          const count = tally.slabs[LARGE_OBJECTS] ?? 0;
          requireSame("H2", "the count of large allocations", pool.largeObjects, count);
        }
      },
    );
  }

  /** What `read` makes of the heap's parts, while nobody changes them; for the layers above. */
  protected read<Result>(read: (parts: HeapParts) => Result): Result {
    const { buddy, pool } = this;
    return read({ buddy, pool });
  }

  /** The number of the named cache `name`, 0 when there is none. */
  protected cacheNumber(name: string): number {
    return this.pool.numberOf(name, SLOT_SIZES.length + 1);
  }

  /** The error of a request of `byteLength` bytes for which there is no space. */
  protected outOfMemory(byteLength: number): OutOfMemoryError {
    return this.buddy.outOfMemory(byteLength);
  }

  /** As `malloc`, without its fast path. */
  private mallocOrThrow(byteLength: number, align: number | undefined): number {
    const offset = this.mallocUncommon(byteLength, align);
    if (offset === NONE) throw this.outOfMemory(byteLength);
    return offset;
  }

  /** Sets the bytes of a new allocation to zero, and maybe those behind up to the next multiple of 16, which are its own. */
  protected clear(offset: number, byteLength: number): void {
    this.bytes.clear(offset, byteLength);
  }

  /** As `bytes.clear`, of an object; one whose bytes are gone is freed before that throws. */
  private clearOrFree(offset: number, byteLength: number): void {
    try {
      this.bytes.clear(offset, byteLength);
    } catch (error) {
      const number = this.pool.cacheOf(offset);
      this.pool.free(number, offset);
      this.pool.shrink(number);
      throw error;
    }
  }

  /** What the fast path of `calloc` leaves. */
  private callocUncommon(count: number, byteLength: number): number {
    requireInteger("count", count, 0, Number.MAX_SAFE_INTEGER);
    requireInteger("byteLength", byteLength, 0, Number.MAX_SAFE_INTEGER);
    const total = count * byteLength;
    if (total > MAX_REQUEST) throw this.outOfMemory(total);
    this.bytes.requireAttached();
    const offset = this.malloc(total);
    if (!this.zero) this.clear(offset, total);
    return offset;
  }

  /** What the fast path of `tryMalloc` leaves: wrong arguments, alignment, large requests, zeroing. */
  protected mallocUncommon(byteLength: number, align: number = GRANULE): number {
    requireInteger("byteLength", byteLength, 0, MAX_REQUEST);
    requirePowerOfTwo("align", align);
    const number = classFor(byteLength, Math.max(align, GRANULE), this.pageSize);
    const offset = number === 0 ? this.allocateRun(byteLength, align) : this.allocateSlot(number);
    if (offset !== NONE && this.zero) this.bytes.clear(offset, this.usableSize(offset));
    return offset;
  }

  /** Allocates a slot of cache `number`, and returns its offset, or `NONE` when there is no space. O(1). */
  protected allocateSlot(number: number): number {
    const offset = this.pool.allocate(number);
    return offset === NO_SLOT ? NONE : offset >>> 0;
  }

  /** Allocates a run of whole pages, and returns its offset, or `NONE` when there is no space. O(log pages). */
  protected allocateRun(byteLength: number, align: number): number {
    if (byteLength > this.maxSize) return NONE;
    const count = Math.max(1, Math.ceil(byteLength / this.pageSize));
    const alignPages = Math.max(1, align / this.pageSize);
    const options = alignPages === 1 ? undefined : { align };
    let offset = this.buddy.tryAllocatePages(count, options);
    if (offset === NONE && this.makeRoom(count, alignPages)) {
      offset = this.buddy.tryAllocatePages(count, options);
    }
    if (offset !== NONE) this.pool.markLarge(offset);
    return offset;
  }

  /** Frees the large allocation at `offset`. Throws as `free` does. O(log pages). */
  protected freeRun(offset: number): void {
    if (this.pool.cacheAt(offset) !== 0) throw this.pool.freeError(offset);
    // The mark goes first: what is allocated and nobody's can be told, what is marked and free cannot.
    if (this.buddy.isAllocated(offset)) this.pool.unmarkLarge(offset);
    this.buddy.freePages(offset);
  }

  /** Resizes a large allocation where it is; false when it should move. */
  protected resizeRun(offset: number, usable: number, byteLength: number): boolean {
    if (byteLength <= SMALL_LIMIT) return false;
    const count = Math.ceil(byteLength / this.pageSize);
    const { buddy } = this;
    // The last allocation of the space grows into new space; any other would leave a hole.
    const fits =
      buddy.resizePages(offset, count) ||
      (buddy.freeTailOffset <= offset + usable &&
        this.growTo(offset + count * this.pageSize) &&
        buddy.resizePages(offset, count));
    if (fits && this.zero && byteLength > usable)
      this.bytes.clear(offset + usable, count * this.pageSize - usable);
    return fits;
  }

  /**
   * Makes a run of `count` pages, aligned to `alignPages`, likelier: grows the space by what is missing behind its free
   * tail or, where that is not allowed, takes back what caches hold idle. False when neither changed anything.
   */
  private makeRoom(count: number, alignPages: number): boolean {
    const { buddy, pageSize } = this;
    const before = buddy.freeBytes;
    const grow = (): boolean =>
      this.growTo(roundUp(buddy.freeTailOffset, alignPages * pageSize) + count * pageSize);
    const isLarge = count * pageSize > this.size * LARGE_SHARE;
    if (isLarge || this.size >= this.reclaimSize) {
      this.reclaimSize = this.size * (1 + RECLAIM_SHARE);
      this.pool.shrinkAll();
      if (isLarge && buddy.stats().largestFreeBytes >= Math.max(count, alignPages) * pageSize) return true;
    }
    if (grow()) return true;
    this.pool.shrinkAll();
    // What came back may lie at the end, so that less growth is enough now.
    return grow() || buddy.freeBytes > before;
  }

  /** Grows the heap so that it reaches `endOffset`; false, changing nothing, when it may not. */
  private growTo(endOffset: number): boolean {
    const limit = this.base + this.maxSize;
    const end = Math.min(limit, roundUp(endOffset, Math.max(this.pageSize, this.backing.growthStep)));
    if (endOffset > limit || end <= this.base + this.size || !this.backing.grow(end)) return false;
    this.buddy.grow(end - this.base);
    return true;
  }
}

function noBytesError(what: string): AllocError {
  return new AllocError("NO_BYTES", `${what} needs a heap with a buffer or a memory`);
}
