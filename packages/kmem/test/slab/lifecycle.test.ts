import { NONE, OutOfMemoryError, SlabCache } from "kmem";
import { describe, expect, test } from "vitest";
import { allocateMany, buddyOf, cacheOf, expectSound, PAGE, stateOf } from "./helpers.ts";

describe("destroy", () => {
  test("gives every page back", () => {
    const buddy = buddyOf(64);
    const cache = cacheOf(buddy, 256, { magazineSize: 127 });
    cache.freeBulk(allocateMany(cache, 500), 500);
    cache.destroy();
    expect(buddy.freeBytes).toBe(64 * PAGE);
    buddy.check();
  });

  test.each([1, 7])("refuses while %i objects live, and says how many", (count) => {
    const buddy = buddyOf(64);
    const cache = cacheOf(buddy, 256, { name: "inodes" });
    const offsets = allocateMany(cache, count);
    const before = stateOf(cache, buddy);
    expect(() => cache.destroy()).toThrow(
      expect.objectContaining({
        name: "AllocError",
        code: "IN_USE",
        message: `cache "inodes" has ${count} objects in use`,
      }),
    );
    expect(stateOf(cache, buddy)).toBe(before);
    cache.freeBulk(offsets, count);
    cache.destroy();
    expect(buddy.freeBytes).toBe(64 * PAGE);
  });

  test("a second time does nothing", () => {
    const buddy = buddyOf(4);
    const cache = cacheOf(buddy, 256);
    cache.destroy();
    cache.destroy();
    expect(buddy.freeBytes).toBe(4 * PAGE);
  });

  test("is what the end of a `using` scope does", () => {
    const buddy = buddyOf(4);
    const cache = cacheOf(buddy, 256);
    cache.free(cache.allocate());
    cache[Symbol.dispose]();
    expect(() => cache.stats()).toThrow(expect.objectContaining({ code: "DETACHED" }));
    expect(buddy.freeBytes).toBe(4 * PAGE);
  });
});

test.each([
  ["allocate", (cache: SlabCache) => cache.allocate()],
  ["tryAllocate", (cache: SlabCache) => cache.tryAllocate()],
  ["free", (cache: SlabCache) => cache.free(0)],
  ["allocateBulk", (cache: SlabCache) => cache.allocateBulk([], 3)],
  ["freeBulk", (cache: SlabCache) => cache.freeBulk([0, 256], 2)],
  ["shrink", (cache: SlabCache) => cache.shrink()],
  ["stats", (cache: SlabCache) => cache.stats()],
  ["check", (cache: SlabCache) => cache.check()],
])("%s of a destroyed cache throws DETACHED", (_, use) => {
  const buddy = buddyOf(4);
  const cache = cacheOf(buddy, 256);
  cache.free(cache.allocate());
  cache.destroy();
  const before = JSON.stringify([...buddy.blocks()]);
  expect(() => use(cache)).toThrow(
    expect.objectContaining({
      name: "AllocError",
      code: "DETACHED",
      message: expect.stringMatching(/^(the cache|cache "objects") was destroyed$/),
    }),
  );
  expect(JSON.stringify([...buddy.blocks()])).toBe(before);
});

describe("exhaustion", () => {
  test("is NONE from tryAllocate, again and again, changing nothing", () => {
    const buddy = buddyOf(2);
    const cache = cacheOf(buddy, 512);
    allocateMany(cache, 16);
    const before = stateOf(cache, buddy);
    expect([cache.tryAllocate(), cache.tryAllocate()]).toEqual([NONE, NONE]);
    expect(stateOf(cache, buddy)).toBe(before);
  });

  test("is an OutOfMemoryError from allocate, changing nothing", () => {
    const buddy = buddyOf(2);
    const cache = cacheOf(buddy, 512);
    allocateMany(cache, 16);
    const before = stateOf(cache, buddy);
    expect(() => cache.allocate()).toThrow(OutOfMemoryError);
    expect(stateOf(cache, buddy)).toBe(before);
  });

  test("ends when an object is freed", () => {
    const buddy = buddyOf(2);
    const cache = cacheOf(buddy, 512);
    const offsets = allocateMany(cache, 16);
    cache.free(offsets[9]);
    expect(cache.tryAllocate()).toBe(offsets[9]);
    expectSound(cache, buddy, 16);
  });

  test("ends when the allocator below grows", () => {
    const buddy = buddyOf(2, { maxSize: 4 * PAGE });
    const cache = cacheOf(buddy, 512);
    allocateMany(cache, 16);
    expect(cache.tryAllocate()).toBe(NONE);
    buddy.grow(3 * PAGE);
    expect(cache.allocate()).toBeGreaterThanOrEqual(2 * PAGE);
    expectSound(cache, buddy, 17);
  });
});

describe("two caches on one allocator", () => {
  function twoCaches() {
    const buddy = buddyOf(16);
    const nodes = cacheOf(buddy, 64, { name: "nodes" });
    const edges = cacheOf(buddy, 128, { name: "edges" });
    return { buddy, nodes, edges, node: nodes.allocate(), edge: edges.allocate() };
  }

  test("have pages of their own", () => {
    const { buddy, nodes, edges, node, edge } = twoCaches();
    expect(Math.floor(node / PAGE)).not.toBe(Math.floor(edge / PAGE));
    expectSound(nodes, buddy, 1);
    expectSound(edges, buddy, 1);
    expect(buddy.stats().allocatedPages).toBe(2);
  });

  test("freeing the other's object is INVALID_FREE and changes neither", () => {
    const { buddy, nodes, edges, node, edge } = twoCaches();
    const before = [stateOf(nodes, buddy), stateOf(edges, buddy)];
    expect(() => nodes.free(edge)).toThrow(
      expect.objectContaining({
        code: "INVALID_FREE",
        offset: edge,
        message: `cannot free offset ${edge}: it lies in no slab of cache "nodes"`,
      }),
    );
    expect(() => edges.free(node)).toThrow(expect.objectContaining({ code: "INVALID_FREE", offset: node }));
    expect([stateOf(nodes, buddy), stateOf(edges, buddy)]).toEqual(before);
  });

  test("pages that one gives back can be the other's", () => {
    const { buddy, nodes, edges, node, edge } = twoCaches();
    nodes.free(node);
    nodes.destroy();
    const offsets = allocateMany(edges, 15 * 32);
    expect(offsets.some((offset) => Math.floor(offset / PAGE) === Math.floor(node / PAGE))).toBe(true);
    expect(offsets).not.toContain(edge);
    expectSound(edges, buddy, 15 * 32 + 1);
  });
});

describe("what a cache cannot be made on", () => {
  test("a space that may grow beyond 4 GiB", () => {
    const buddy = buddyOf(16, { maxSize: 2 ** 32 + PAGE });
    expect(() => new SlabCache(buddy, { name: "far", objectSize: 16 })).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /^buddy's end must be an integer from 0 to 4294967296, got 4294971392/,
        ),
      }),
    );
  });

  test("a space that lies beyond 4 GiB", () => {
    const buddy = buddyOf(16, { base: 2 ** 40 });
    expect(() => new SlabCache(buddy, { name: "far", objectSize: 16 })).toThrow(/^buddy's end must be /);
  });

  test("a space that ends at 4 GiB is fine", () => {
    const buddy = buddyOf(16, { base: 2 ** 32 - 16 * PAGE });
    expect(cacheOf(buddy, 4096).allocate()).toBe(2 ** 32 - 16 * PAGE);
  });
});
