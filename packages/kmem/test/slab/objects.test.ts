import { BuddyAllocator, NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { allocateMany, buddyOf, cacheOf, expectSound, PAGE, stateOf } from "./helpers.ts";

describe("objects", () => {
  test.each([1, 2, 3, 5, 7, 8, 13, 16, 24, 31, 40, 48, 63, 64, 100, 192, 777, 1000, 2048, 4095, 4096])(
    "of %i bytes lie in the space, apart from each other",
    (objectSize) => {
      const buddy = buddyOf(16, { base: 3 * PAGE });
      const cache = cacheOf(buddy, objectSize);
      const count = Math.min(1000, Math.floor((8 * PAGE) / cache.slotSize));
      const offsets = allocateMany(cache, count).sort((a, b) => a - b);
      expect(offsets[0]).toBeGreaterThanOrEqual(buddy.base);
      for (let index = 1; index < count; index++) {
        expect(offsets[index] - offsets[index - 1]).toBeGreaterThanOrEqual(objectSize);
      }
      expect(offsets[count - 1] + objectSize).toBeLessThanOrEqual(buddy.base + buddy.size);
      expectSound(cache, buddy, count);
      for (const offset of offsets) cache.free(offset);
      expectSound(cache, buddy, 0);
      cache.shrink();
      expect(buddy.stats().allocatedPages).toBe(0);
    },
  );

  test("as large as the largest block take it all", () => {
    const buddy = buddyOf(16);
    const cache = cacheOf(buddy, 16 * PAGE);
    expect(cache.allocate()).toBe(0);
    expect(cache.tryAllocate()).toBe(NONE);
    expectSound(cache, buddy, 1);
    cache.free(0);
    expect(cache.allocate()).toBe(0);
  });

  test("of several pages, not a power of two", () => {
    const buddy = buddyOf(64);
    const cache = cacheOf(buddy, 5 * PAGE + 8);
    const offsets = allocateMany(cache, 4).sort((a, b) => a - b);
    for (let index = 1; index < 4; index++) {
      expect(offsets[index] - offsets[index - 1]).toBeGreaterThanOrEqual(5 * PAGE + 8);
    }
    expectSound(cache, buddy, 4);
  });

  test("are never handed out twice while they live", () => {
    const buddy = buddyOf(4);
    const cache = cacheOf(buddy, 16, { magazineSize: 127 });
    const live = new Set<number>();
    for (let offset = cache.tryAllocate(); offset !== NONE; offset = cache.tryAllocate()) {
      expect(live.has(offset)).toBe(false);
      live.add(offset);
    }
    expect(live.size).toBe((4 * PAGE) / 16);
    expectSound(cache, buddy, live.size);
  });

  test("above 2 GiB come back as positive offsets and can be freed", () => {
    const buddy = buddyOf(4, { base: 2 ** 32 - 4 * PAGE });
    const cache = cacheOf(buddy, 512);
    const offsets = allocateMany(cache, 32);
    expect(Math.min(...offsets)).toBe(2 ** 32 - 4 * PAGE);
    expect(Math.max(...offsets)).toBe(2 ** 32 - 512);
    expect(cache.tryAllocate()).toBe(NONE);
    for (const offset of offsets) cache.free(offset);
    expectSound(cache, buddy, 0);
  });
});

test.each([2 ** 16, 2 ** 30, 2 ** 31])("objects on pages of %i bytes can be freed", (pageSize) => {
  const buddy = new BuddyAllocator({ size: 2 ** 32, pageSize });
  const cache = cacheOf(buddy, 2 ** 30);
  const offsets = allocateMany(cache, 4);
  expect(offsets.toSorted((a, b) => a - b)).toEqual([0, 2 ** 30, 2 ** 31, 3 * 2 ** 30]);
  for (const offset of offsets) cache.free(offset);
  expectSound(cache, buddy, 0);
});

describe("alignment", () => {
  test.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 4],
    [7, 4],
    [8, 8],
    [12, 8],
    [100, 8],
    [4096, 8],
  ])("of %i bytes is %i by default", (objectSize, align) => {
    const cache = cacheOf(buddyOf(4), objectSize);
    expect(cache.slotSize).toBe(Math.ceil(objectSize / align) * align);
  });

  test.each([1, 2, 8, 16, 64, 256, 4096, 8192, 65536])("of %i holds for every object", (align) => {
    const buddy = buddyOf(64, { base: 16 * PAGE });
    for (const objectSize of [1, 24, 100]) {
      const cache = cacheOf(buddy, objectSize, { align });
      expect(cache.slotSize).toBe(Math.ceil(objectSize / align) * align);
      const offsets = allocateMany(cache, 3);
      expect(offsets.map((offset) => offset % align)).toEqual([0, 0, 0]);
      expectSound(cache, buddy, 3);
      for (const offset of offsets) cache.free(offset);
      cache.destroy();
    }
  });
});

describe("reuse", () => {
  test.each([1, 2, 16, 127])("the last freed is the next allocated, magazine of %i", (magazineSize) => {
    const cache = cacheOf(buddyOf(16), 64, { magazineSize });
    const offsets = allocateMany(cache, 100);
    for (const index of [3, 97, 50]) {
      cache.free(offsets[index]);
      expect(cache.allocate()).toBe(offsets[index]);
    }
  });

  test("as far as the magazine holds, in the reverse order of freeing", () => {
    const cache = cacheOf(buddyOf(16), 64, { magazineSize: 8 });
    const offsets = allocateMany(cache, 64);
    const freed = [60, 3, 41, 17].map((index) => offsets[index]);
    for (const offset of freed) cache.free(offset);
    expect(allocateMany(cache, 4)).toEqual(freed.toReversed());
  });
});

describe("construct", () => {
  /** A cache that counts how often each slot was constructed. */
  function countingCache(objectSize: number, magazineSize = 1) {
    const buddy = buddyOf(64);
    const counts = new Map<number, number>();
    const cache = cacheOf(buddy, objectSize, {
      magazineSize,
      construct: (offset) => counts.set(offset, (counts.get(offset) ?? 0) + 1),
    });
    return { buddy, cache, counts };
  }

  test("is called once for every slot when a slab is made, before any is handed out", () => {
    const { cache, counts } = countingCache(64);
    const first = cache.allocate();
    expect([...counts.keys()]).toEqual(Array.from({ length: 64 }, (_, slot) => slot * 64));
    expect([...counts.values()].every((count) => count === 1)).toBe(true);
    expect(counts.has(first)).toBe(true);
  });

  test("is not called again when a slot is used anew", () => {
    const { cache, counts } = countingCache(64, 4);
    for (let round = 0; round < 5; round++) {
      for (const offset of allocateMany(cache, 64)) cache.free(offset);
    }
    expect([...counts.values()]).toEqual(Array.from({ length: 64 }, () => 1));
  });

  test("is called again when its slab was given back and made anew", () => {
    const { cache, counts } = countingCache(1024);
    cache.free(cache.allocate());
    cache.shrink();
    cache.allocate();
    expect([...counts]).toEqual([
      [0, 2],
      [1024, 2],
      [2048, 2],
      [3072, 2],
    ]);
  });

  test("knows nothing of the space behind the last slot", () => {
    const { cache, counts } = countingCache(1000);
    cache.allocate();
    expect([...counts.keys()]).toEqual([0, 1000, 2000, 3000]);
  });

  test.each([0, 1, 3])("when it throws at slot %i, the error comes through and no slab is made", (failAt) => {
    const buddy = buddyOf(16);
    let calls = 0;
    let failing = true;
    const cache = cacheOf(buddy, 1024, {
      construct() {
        if (failing && calls++ === failAt) throw new RangeError("no such object");
      },
    });
    const before = stateOf(cache, buddy);
    expect(() => cache.allocate()).toThrow(new RangeError("no such object"));
    expect(stateOf(cache, buddy)).toBe(before);
    calls = 0;
    expect(() => cache.tryAllocate()).toThrow(new RangeError("no such object"));
    expect(stateOf(cache, buddy)).toBe(before);
    expectSound(cache, buddy, 0);
    failing = false;
    expect(cache.allocate() % 1024).toBe(0);
    expectSound(cache, buddy, 1);
  });

  test("when it throws for a later slab, the objects of the first stay", () => {
    const buddy = buddyOf(16);
    let failing = false;
    const cache = cacheOf(buddy, 1024, {
      construct() {
        if (failing) throw new Error("not now");
      },
    });
    const offsets = allocateMany(cache, 4);
    failing = true;
    expect(() => cache.allocate()).toThrow("not now");
    expectSound(cache, buddy, 4);
    expect(cache.stats()).toMatchObject({ slabs: 1, pages: 1 });
    for (const offset of offsets) cache.free(offset);
    expectSound(cache, buddy, 0);
  });
});
