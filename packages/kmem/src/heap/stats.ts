/** The figures of a heap, put together from those of its parts. */
import type { BuddyStats } from "../buddy/buddy-allocator.ts";
import type { SlabCacheStats } from "../slab/stats.ts";

/** Figures of a heap at one moment. */
export interface HeapStats {
  /** Bytes in the heap. */
  size: number;
  /** Bytes that it may grow to. */
  maxSize: number;
  /** Bytes in a page. */
  pageSize: number;
  /** Bytes of slots in use and of large allocations: what the allocations may use, not what was asked for. */
  usedBytes: number;
  /** Allocations, small and large, objects of named caches included. */
  objects: number;
  /** Allocations that are runs of pages. */
  largeObjects: number;
  /** Bytes of the runs of large allocations. */
  largeBytes: number;
  /** Bytes of pages that slabs and large allocations hold. */
  heldBytes: number;
  /** Bytes of the heap's tables, for the space of this size and the caches made so far. */
  metadataBytes: number;
  /** Figures of every cache: the size classes by size, then the named caches. */
  caches: SlabCacheStats[];
  /** Figures of the pages below. */
  buddy: BuddyStats;
}

/** Adds up a heap's figures. O(caches). */
export function heapStats(
  buddy: BuddyStats,
  maxSize: number,
  caches: SlabCacheStats[],
  largeObjects: number,
  poolBytes: number,
): HeapStats {
  const { size, pageSize } = buddy;
  const sum = (figure: (cache: SlabCacheStats) => number): number =>
    caches.reduce((total, cache) => total + figure(cache), 0);
  const heldBytes = buddy.allocatedPages * pageSize;
  const largeBytes = heldBytes - sum(({ pages }) => pages) * pageSize;
  return {
    size,
    maxSize,
    pageSize,
    usedBytes: largeBytes + sum(({ objects, slotSize }) => objects * slotSize),
    objects: largeObjects + sum(({ objects }) => objects),
    largeObjects,
    largeBytes,
    heldBytes,
    metadataBytes: buddy.metadataBytes + poolBytes,
    caches,
    buddy,
  };
}
