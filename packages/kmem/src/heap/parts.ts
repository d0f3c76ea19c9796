/**
 * What a heap is made of: a buddy allocator and a pool of caches on it, whose tables may lie anywhere.
 */
import { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import type { MakeRoom } from "../slab/depot.ts";
import { MAX_CACHE_COUNT } from "../slab/layout.ts";
import { SlabPool } from "../slab/slab-pool.ts";
import { GRANULE, SLOT_SIZES } from "./size-classes.ts";
import type { HeapSpace } from "./space.ts";

/** What a heap is made of. */
export interface HeapParts {
  readonly buddy: BuddyAllocator;
  readonly pool: SlabPool;
  /** True where every request is to come by `mallocUncommon`. Default false. */
  readonly isWatched?: boolean;
}

/** Makes the parts for a space; `makeRoom` is for the pool to call when there is no block of an order. */
export type MakeHeapParts = (space: HeapSpace, makeRoom: MakeRoom) => HeapParts;

/**
 * The most caches of a heap: the size classes, and named ones in proportion to its pages, so that tables stay a small
 * part of the space.
 */
export function cacheLimit(maxPageCount: number): number {
  return Math.min(MAX_CACHE_COUNT, SLOT_SIZES.length + 8 + Math.floor(maxPageCount / 16));
}

/** Parts in memory of their own, with a pool of the class `Pool`. */
export function partsWith(Pool: typeof SlabPool): MakeHeapParts {
  return (space, makeRoom) => {
    const buddy = new BuddyAllocator(space);
    const pool = new Pool(buddy, GRANULE, cacheLimit(space.maxSize / space.pageSize), makeRoom);
    addSizeClasses(pool);
    return { buddy, pool };
  };
}

/** Parts in memory of their own. */
export const privateParts: MakeHeapParts = partsWith(SlabPool);

/**
 * Makes the caches of `malloc`, which are the first of their pool. `constructFor` gives what is to be called for each
 * slot of a size when its slab is made.
 */
export function addSizeClasses(
  pool: SlabPool,
  constructFor: (slotSize: number) => ((offset: number) => void) | undefined = () => undefined,
): void {
  for (const slotSize of SLOT_SIZES) {
    const construct = constructFor(slotSize);
    pool.addCache({ name: `malloc-${slotSize}`, objectSize: slotSize, slotSize, construct });
  }
}
