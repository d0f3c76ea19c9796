/** What the check of a pool says where caches, large allocations and threads share it. */
import { BuddyAllocator, Heap, SharedHeap, SlabCache } from "kmem";
import { expect, test } from "vitest";
import type { SlabPool } from "../../src/slab/slab-pool.ts";

const PAGE = 4096;

/** Flips the in-use bit of the slot at `offset`. */
function flipInUse(pool: SlabPool, offset: number): void {
  const granule = offset / pool.granule;
  pool.words[pool.layout.inUse + (granule >>> 5)]! ^= 1 << (granule & 31);
}

/** The first offset that lies in its slab, free. */
function firstInDepot(pool: SlabPool): number {
  let offset = 0;
  while (!pool.isInDepot(offset)) offset += pool.granule;
  return offset;
}

test("a cache's own check() looks at its pool", () => {
  const buddy = new BuddyAllocator({ size: 16 * PAGE });
  const cache = new SlabCache(buddy, { name: "objects", objectSize: 64 });
  const offset = cache.allocate();
  cache.check();
  flipInUse(cache["pool"], offset);
  expect(() => cache.check()).toThrow(/^S1 broken: /);
});

test("a mark of a large allocation whose pages are free", () => {
  const heap = new Heap({ size: 16 * PAGE });
  const offset = heap.malloc(3 * PAGE);
  heap["buddy"].free(offset);
  expect(() => heap.check()).toThrow(`S7 broken: the large allocation at ${offset} is false, expected true`);
});

test("a slot in the magazine of another cache", () => {
  const heap = new Heap({ size: 64 * PAGE });
  const [small, large] = [heap.malloc(16), heap.malloc(32)];
  heap.free(large);
  const pool = heap["pool"];
  const top = pool.words[2 * 2]!;
  pool.words[top] = small + 1;
  expect(() => heap.check()).toThrow(`S1 broken: the cache of ${small} in magazine 2 is 1, expected 2`);
});

test("while others are at work, an object is none in the depot; on its way it may be anywhere", () => {
  const heap = SharedHeap.create({ size: 64 * PAGE });
  const first = heap.malloc(16);
  const pool = heap["sharedPool"];
  // Freed, it lies in the magazine; with its bit set again, it is as one that is just being allocated.
  heap.free(first);
  flipInUse(pool, first);
  heap.check();
  expect(() => heap.check({ quiet: true })).toThrow(/^S\d broken: /);
  flipInUse(pool, first);
  heap.check({ quiet: true });
  const free = firstInDepot(pool);
  flipInUse(pool, free);
  const index = free >>> pool["wordShift"];
  expect(() => heap.check()).toThrow(`S1 broken: free and in-use word ${index} is `);
});

test("a thread's current slab that is another cache's", () => {
  const heap = SharedHeap.create({ size: 64 * PAGE });
  const [small, other] = [heap.malloc(16), heap.malloc(512)];
  const pool = heap["sharedPool"];
  heap.check({ quiet: true });
  const currents = pool.layout.currents;
  const number = pool.cacheAt(small);
  expect(pool.words[currents + number]).not.toBe(0);
  const page = pool["slabPage"](other >>> pool["pageShift"]);
  pool.words[currents + number] = page + 1;
  expect(() => heap.check({ quiet: true })).toThrow(
    `S4 broken: current page ${page} of cache ${number} is false, expected true`,
  );
});
