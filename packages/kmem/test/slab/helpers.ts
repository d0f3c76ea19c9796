/** What the tests of the slab caches share. */
import { BuddyAllocator, type BuddyOptions, SlabCache, type SlabCacheOptions } from "kmem";
import { expect } from "vitest";

export const PAGE = 4096;

/** An allocator of `pageCount` pages. */
export function buddyOf(pageCount: number, options: Partial<BuddyOptions> = {}): BuddyAllocator {
  return new BuddyAllocator({ size: pageCount * PAGE, ...options });
}

/** A cache, by default with a magazine of one slot, so that slots go where a test can foresee. */
export function cacheOf(
  buddy: BuddyAllocator,
  objectSize: number,
  options: Partial<SlabCacheOptions> = {},
): SlabCache {
  return new SlabCache(buddy, { name: "objects", magazineSize: 1, objectSize, ...options });
}

/** `count` objects. */
export function allocateMany(cache: SlabCache, count: number): number[] {
  return Array.from({ length: count }, () => cache.allocate());
}

/** Checks a cache and its allocator, and the sums among its figures, with `objects` in use. */
export function expectSound(cache: SlabCache, buddy: BuddyAllocator, objects: number): void {
  cache.check();
  buddy.check();
  const stats = cache.stats();
  expect(stats).toMatchObject({
    name: cache.name,
    objectSize: cache.objectSize,
    slotSize: cache.slotSize,
    objects,
  });
  expect(stats.partialSlabs + stats.fullSlabs + stats.emptySlabs, "slabs of every kind").toBe(stats.slabs);
  expect(stats.objects + stats.magazineSlots, "objects and magazine").toBeLessThanOrEqual(stats.slots);
  expect(stats.slots * stats.slotSize, "slots fit their pages").toBeLessThanOrEqual(
    stats.pages * buddy.pageSize,
  );
}

/** Everything that can be asked of a cache and its allocator, to be compared before and after. */
export function stateOf(cache: SlabCache, buddy: BuddyAllocator): string {
  return JSON.stringify({ cache: cache.stats(), blocks: [...buddy.blocks()], buddy: buddy.stats() });
}
