/** How deep magazines become, and what becomes of the slots that they hold. */
import { describe, expect, test } from "vitest";
import { type BuddyAllocator, Heap, SlabCache } from "kmem";
import { magazineStart } from "../../src/slab/layout.ts";
import { allocateMany, buddyOf, expectSound, PAGE } from "./helpers.ts";

const PAGES = 4096;

/** A cache whose magazine is as deep as its objects let it become. */
function deepCache(objectSize: number, buddy = buddyOf(PAGES)): { buddy: BuddyAllocator; cache: SlabCache } {
  return { buddy, cache: new SlabCache(buddy, { name: "deep", objectSize }) };
}

/** Frees all of `offsets`; returns the most slots that waited in the magazine meanwhile. */
function mostWaiting(
  offsets: readonly number[],
  free: (offset: number) => void,
  magazineSlots: () => number,
): number {
  return offsets.reduce((most, offset) => {
    free(offset);
    return Math.max(most, magazineSlots());
  }, 0);
}

describe("a magazine", () => {
  test("holds 8 slots at first, and twice as many each time that it is full", () => {
    const { buddy, cache } = deepCache(64);
    const offsets = allocateMany(cache, 2048);
    cache.shrink();
    const limits = new Set<number>();
    const pool = cache["pool"];
    for (const offset of offsets) {
      cache.free(offset);
      limits.add(pool.words[3]! - magazineStart(pool.layout, 1));
    }
    // As many as the cache has slots, in the end.
    expect([...limits]).toEqual([8, 16, 32, 64, 128, 256, 512, 1024, 2048]);
    expect(cache.stats()).toMatchObject({ objects: 0, magazineSlots: 2048 });
    expectSound(cache, buddy, 0);
  });

  test.each([
    [16, 8191],
    [64, 4096],
    [1024, 256],
    [65536, 8],
  ])("of slots of %i bytes holds at most %i, and the rest goes to the slabs", (objectSize, most) => {
    const { buddy, cache } = deepCache(objectSize);
    const offsets = allocateMany(cache, Math.min(10_000, (PAGES * PAGE) / objectSize));
    const highest = mostWaiting(
      offsets,
      (offset) => cache.free(offset),
      () => cache.stats().magazineSlots,
    );
    expect(highest).toBe(most);
    expectSound(cache, buddy, 0);
  });

  test("gives its top slots back when it is full, and keeps the others in their order", () => {
    const { cache } = deepCache(1024);
    const offsets = allocateMany(cache, 257);
    cache.shrink();
    for (const offset of offsets) cache.free(offset);
    // 32 went to the slabs before the last came.
    expect(cache.stats().magazineSlots).toBe(256 - 32 + 1);
    const kept = [...offsets.slice(0, 256 - 32), offsets[256]!];
    expect(allocateMany(cache, kept.length)).toEqual(kept.toReversed());
  });

  test("is as deep as the space is large", () => {
    const { cache } = deepCache(16, buddyOf(64));
    const offsets = allocateMany(cache, 4000);
    for (const offset of offsets) cache.free(offset);
    expect(cache.stats().magazineSlots).toBeLessThanOrEqual(127);
  });
});

describe("a heap", () => {
  test.each([
    [16, 8191],
    [32, 8191],
    [48, 5461],
    [80, 4095],
    [1024, 4095],
    [1280, Math.floor(2 ** 22 / 1280)],
    [8192, 512],
  ])(
    "keeps up to 4,095 slots in a magazine, if they are 4 MiB, or 8,191 of 256 KiB; of %i bytes %i",
    (byteLength, most) => {
      const heap = new Heap({ size: 2 ** 25 });
      const offsets = Array.from({ length: Math.min(10_000, 2 ** 24 / byteLength) }, () =>
        heap.malloc(byteLength),
      );
      const highest = mostWaiting(
        offsets,
        (offset) => heap.free(offset),
        () => heap.stats().caches.find(({ slotSize }) => slotSize === byteLength)!.magazineSlots,
      );
      expect(highest).toBe(most);
      heap.check();
    },
  );

  test("counts no more of a magazine's table than has ever held a slot", () => {
    const heap = new Heap({ size: 2 ** 24 });
    const before = heap.stats().metadataBytes;
    const offsets = Array.from({ length: 600 }, () => heap.malloc(16));
    expect(heap.stats().metadataBytes).toBe(before);
    // All but one lie in the magazine, which may hold 1,024 by then: there was never place for more than its slots.
    for (const offset of offsets.slice(1)) heap.free(offset);
    const { magazineSlots } = heap.stats().caches[0]!;
    expect(magazineSlots).toBeGreaterThan(512);
    expect(heap.stats().metadataBytes).toBe(before + 4 * (magazineSlots - 8));
    // What has been touched stays so.
    for (let count = 0; count < 500; count++) heap.malloc(16);
    expect(heap.stats().metadataBytes).toBe(before + 4 * (magazineSlots - 8));
    heap.reset();
    heap.check();
  });

  test("takes what waits in magazines back before it grows", () => {
    const heap = new Heap({ size: 2 ** 20, maxSize: 2 ** 24 });
    const offsets = Array.from({ length: 2 ** 14 }, () => heap.malloc(32));
    for (const offset of offsets) heap.free(offset);
    const { size } = heap;
    const { magazineSlots } = heap.stats().caches.find(({ name }) => name === "malloc-32")!;
    expect(magazineSlots).toBeGreaterThan(1000);
    heap.malloc(2 ** 19);
    expect(heap.size).toBe(size);
    heap.check();
  });
});
