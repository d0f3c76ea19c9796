/**
 * A cache of objects of one size: the public face of the slab allocator.
 *
 * A cache of its own, made on a buddy allocator, has a pool to itself; the caches of a heap share one. The work is
 * done in `slab-pool.ts`.
 */
import { roundUp } from "../bits/integers.ts";
import { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import {
  AllocError,
  argumentError,
  freeError,
  NONE,
  type OutOfMemoryError,
  requireInteger,
  requirePowerOfTwo,
} from "../errors.ts";
import type { CheckStep } from "../inspect/check-round.ts";
import { MAX_MAGAZINE_SIZE } from "./layout.ts";
import { NO_SLOT, SlabPool } from "./slab-pool.ts";
import type { SlabCacheStats } from "./stats.ts";

/** The end of the space that slab caches reach, in bytes: offsets are 32-bit. */
const MAX_END_OFFSET = 2 ** 32;

/** What a cache is for. */
export interface SlabCacheOptions {
  /** The name, for people. */
  name: string;
  /** Bytes of an object, from 1 to the largest block. */
  objectSize: number;
  /**
   * Every object's offset is a multiple of this many bytes, a power of two. Default: the largest power of two up to
   * `objectSize`, at most 8; in a heap's cache at least 16.
   */
  align?: number;
  /**
   * Called once for each slot when its slab is made, with the slot's offset: puts an object into the state in which
   * users take it and leave it (object caching). It must not use the cache; when it throws, no slab is made.
   */
  construct?: (offset: number) => void;
  /**
   * The most free slots that the magazine in front of the slabs holds, 1 to 8,191; at most 127 in small spaces, shared heaps, and
   * the caches of a heap that has many. Default: by object size.
   */
  magazineSize?: number;
}

/** Where a cache of a heap lives. */
export interface SlabCacheHome {
  readonly pool: SlabPool;
  /** The number of the cache that is meant, where the pool has it already. */
  readonly number?: number;
  /** Bytes of a slot, a multiple of the granule and of the alignment, where it is to hold more than an object. */
  readonly slotSize?: number | undefined;
}

/** Objects of one size, in slabs of slots on blocks from a buddy allocator. */
export class SlabCache {
  /** The cache's name. */
  readonly name: string;
  /** Bytes asked for an object. */
  readonly objectSize: number;
  /** Bytes that a slot takes. */
  readonly slotSize: number;
  /** The slabs. */
  protected readonly pool: SlabPool;
  /** The cache's number in the pool; 0 once it is destroyed: the number may then be another cache's. */
  protected number: number;

  /**
   * Makes a cache on `buddy`. `home` is for a heap, whose caches share a pool of slabs, and may have been made before.
   *
   * Throws RangeError or TypeError for a size or alignment that no block can hold, or a space that ends beyond
   * 4 GiB.
   */
  constructor(buddy: BuddyAllocator, options: SlabCacheOptions, home?: SlabCacheHome) {
    const { name, objectSize, construct, magazineSize } = options;
    if (!(buddy instanceof BuddyAllocator)) throw argumentError("buddy", "a BuddyAllocator", buddy);
    if (typeof name !== "string") throw argumentError("name", "a string", name);
    const maxBytes = buddy.pageSize * 2 ** buddy.maxOrder;
    requireInteger("objectSize", objectSize, 1, maxBytes);
    const align = options.align ?? Math.min(8, 2 ** Math.floor(Math.log2(objectSize)));
    requireInteger("align", requirePowerOfTwo("align", align), 1, maxBytes);
    if (magazineSize !== undefined) requireInteger("magazineSize", magazineSize, 1, MAX_MAGAZINE_SIZE);
    if (construct !== undefined && typeof construct !== "function") {
      throw argumentError("construct", "a function", construct);
    }
    const slotSize =
      home?.number === undefined
        ? (home?.slotSize ??
          roundUp(objectSize, home === undefined ? align : Math.max(align, home.pool.granule)))
        : home.pool.slotSize(home.number);
    this.name = name;
    this.objectSize = objectSize;
    this.slotSize = slotSize;
    this.pool = home?.pool ?? ownPool(buddy, slotSize);
    if (this.pool.minSlabOrder(slotSize) > buddy.maxOrder) {
      throw argumentError("objectSize", `one whose slab fits a block of ${maxBytes} bytes`, objectSize);
    }
    this.number = home?.number ?? this.pool.addCache({ name, objectSize, slotSize, magazineSize, construct });
  }

  /** Allocates an object and returns its offset. Throws `OutOfMemoryError` when there is no space. O(1). */
  allocate(): number {
    const offset = this.pool.allocate(this.number);
    if (offset === NO_SLOT) throw this.outOfMemory();
    return offset >>> 0;
  }

  /** As `allocate`, but returns `NONE` when there is no space. */
  tryAllocate(): number {
    const offset = this.pool.allocate(this.number);
    if (offset !== NO_SLOT) return offset >>> 0;
    this.requireAlive();
    return NONE;
  }

  /**
   * Frees the object at `offset`. O(1).
   *
   * Throws `AllocError` and changes nothing: `DOUBLE_FREE` when the slot there is free already, `INVALID_FREE` when
   * the offset is inside a slot or not in a slab of this cache.
   */
  free(offset: number): void {
    if (this.pool.cacheOf(offset) !== this.number || this.number === 0) this.freeElsewhere(offset);
    else this.pool.free(this.number, offset);
  }

  /**
   * Allocates `n` objects and writes their offsets to `out[0]` up to `out[n - 1]`: all of them, or none and an
   * `OutOfMemoryError`. O(n).
   */
  allocateBulk(out: number[] | Int32Array | Uint32Array | Float64Array, n: number): void {
    requireInteger("n", n, 0, Array.isArray(out) ? Number.MAX_SAFE_INTEGER : out.length);
    let index = 0;
    try {
      for (; index < n; index++) out[index] = this.allocate();
    } catch (error) {
      while (index-- > 0) this.free(out[index] >>> 0);
      throw error;
    }
  }

  /**
   * Frees the objects at `offsets[0]` up to `offsets[n - 1]`: all of them, or none and the error that `free` throws
   * of the first that is wrong. O(n).
   */
  freeBulk(offsets: ArrayLike<number>, n: number): void {
    requireInteger("n", n, 0, offsets.length);
    // Offsets beyond 2^31 come back negative from an Int32Array.
    const isSigned = offsets instanceof Int32Array;
    this.pool.freeBulk(this.number, n, (index) => {
      const offset = isSigned ? offsets[index] >>> 0 : offsets[index];
      this.requireOwn(offset);
      return offset;
    });
  }

  /** Gives the magazine's slots back to their slabs and every empty slab to the buddy allocator. O(slabs). */
  shrink(): void {
    this.requireAlive();
    this.pool.shrink(this.number);
  }

  /**
   * Gives everything back; the cache cannot be used afterwards. A second call does nothing.
   *
   * Throws `AllocError` `IN_USE` that says how many objects live, changing nothing, when any do.
   */
  destroy(): void {
    if (this.number === 0) return;
    const { objects } = this.stats();
    if (objects > 0) throw new AllocError("IN_USE", `cache "${this.name}" has ${objects} objects in use`);
    this.pool.removeCache(this.number);
    this.number = 0;
  }

  /** `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Figures of this moment. O(1). */
  stats(): SlabCacheStats {
    this.requireAlive();
    return this.pool.stats(this.number);
  }

  /**
   * Checks every invariant of the slabs, or with `pages` of those that lie in the next so many pages; throws `AllocError`
   * `CORRUPTED` that names the broken one. Returns true when the end of the space was reached. As `BuddyAllocator.check`.
   * O(slots looked at + slots in magazines).
   */
  check(step?: CheckStep): boolean {
    this.requireAlive();
    return this.pool.check(step);
  }

  /** Throws `AllocError` `DETACHED` once the cache is destroyed. */
  protected requireAlive(): void {
    if (!this.pool.isAlive(this.number))
      throw new AllocError("DETACHED", `cache "${this.name}" was destroyed`);
  }

  /** The error of an `allocate` for which there is no space. */
  protected outOfMemory(): OutOfMemoryError {
    this.requireAlive();
    const { buddy } = this.pool;
    return buddy.outOfMemory(buddy.pageSize * 2 ** this.pool.minSlabOrder(this.slotSize));
  }

  /** Frees what lies in no slab of this cache: refused. */
  protected freeElsewhere(offset: number): void {
    throw this.foreign(offset);
  }

  private requireOwn(offset: number): void {
    if (this.pool.cacheOf(offset) !== this.number || this.number === 0) throw this.foreign(offset);
  }

  /** Why this cache cannot free `offset`, at which no slot of it begins. */
  protected foreign(offset: number): Error {
    this.requireAlive();
    if (this.pool.cacheAt(offset) === this.number) return this.pool.freeError(offset);
    return freeError("INVALID_FREE", offset, `it lies in no slab of cache "${this.name}"`);
  }
}

/**
 * A pool for one cache. Its granule divides the slot size, and a page has 32 granules, so that a slab may be a page.
 * Slots of odd size would reach the last byte before 4 GiB, whose offset as a word is `NO_SLOT`: refused.
 */
function ownPool(buddy: BuddyAllocator, slotSize: number): SlabPool {
  const isOdd = slotSize % 2 === 1 || buddy.pageSize === MAX_END_OFFSET;
  requireInteger("buddy's end", buddy.base + buddy.maxSize, 0, isOdd ? MAX_END_OFFSET - 1 : MAX_END_OFFSET);
  const divisor = slotSize % 65536 === 0 ? 65536 : slotSize & -slotSize;
  const granule = Math.min(divisor, Math.max(1, buddy.pageSize / 32));
  return new SlabPool(buddy, granule, 1, undefined);
}
