/** A heap's state as plain data: the two truth maps, spelled out. */
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import type { SlabPool } from "../slab/slab-pool.ts";
import type { HeapStats } from "./stats.ts";

/** A slab in a snapshot. */
export interface SlabSnapshot {
  /** Offset of the slab's first byte. */
  offset: number;
  /** Its length in bytes. */
  byteLength: number;
  /** The name of its cache. */
  cache: string;
  /** Bytes of a slot; slot n begins at `offset + n * slotSize`. */
  slotSize: number;
  /** A character a slot, in order: "1" in use, "0" free. */
  slots: string;
}

/** A stretch of the space that is no slab. */
export interface RangeSnapshot {
  /** Offset of the first byte. */
  offset: number;
  /** Length in bytes. */
  byteLength: number;
}

/** The state of a heap. Sizes and offsets in bytes; every list by rising offset. */
export interface HeapSnapshot {
  /** What this document is. */
  format: "kmem-heap";
  /** The version of the format. */
  version: 1;
  /** Offset of the heap's first byte. */
  base: number;
  /** Bytes in the heap. */
  size: number;
  /** Bytes that it may grow to. */
  maxSize: number;
  /** Bytes in a page. */
  pageSize: number;
  /** The caches that have slabs or a name of their own. */
  caches: {
    /** The cache's name. */
    name: string;
    /** Bytes asked for an object. */
    objectSize: number;
    /** Bytes of a slot. */
    slotSize: number;
  }[];
  /** Every slab. */
  slabs: SlabSnapshot[];
  /** Every large allocation. */
  large: RangeSnapshot[];
  /** Every free block. */
  free: RangeSnapshot[];
}

/** Describes the heap that `buddy` and `pool` make up. O(size). */
export function heapSnapshot(buddy: BuddyAllocator, pool: SlabPool, stats: HeapStats): HeapSnapshot {
  const { base, pageSize } = buddy;
  const slabs: SlabSnapshot[] = [];
  const large: RangeSnapshot[] = [];
  const free: RangeSnapshot[] = [];
  for (const { offset, byteLength, free: isFree } of buddy.blocks()) {
    const number = isFree ? 0 : pool.cacheAt(offset);
    if (number === 0) {
      (isFree ? free : large).push({ offset, byteLength });
      continue;
    }
    const slotSize = pool.slotSize(number);
    let slots = "";
    for (let at = offset; at + slotSize <= offset + byteLength; at += slotSize)
      slots += pool.isObject(at) ? "1" : "0";
    slabs.push({ offset, byteLength, cache: pool.cacheName(number), slotSize, slots });
  }
  const caches = stats.caches.map(({ name, objectSize, slotSize }) => ({ name, objectSize, slotSize }));
  const { size, maxSize } = stats;
  return { format: "kmem-heap", version: 1, base, size, maxSize, pageSize, caches, slabs, large, free };
}
