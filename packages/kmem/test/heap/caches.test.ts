import { Heap, NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { expectSound, PAGE, stateOf } from "./helpers.ts";

describe("named caches", () => {
  test("live beside the size classes in the same pages", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const inodes = heap.createCache({ name: "inodes", objectSize: 600 });
    const offsets = [inodes.allocate(), heap.malloc(600), inodes.allocate()];
    expect(new Set(offsets.map((offset) => Math.floor(offset / PAGE))).size).toBe(2);
    expect(heap.usableSize(offsets[0])).toBe(608);
    expect(inodes.stats()).toMatchObject({ name: "inodes", objectSize: 600, slotSize: 608, objects: 2 });
    expect(heap.stats().caches.at(-1)).toEqual(inodes.stats());
    expectSound(heap, 3);
  });

  test.each([
    [1, undefined, 16],
    [17, undefined, 32],
    [17, 8, 32],
    [100, 64, 128],
    [100, 2 * PAGE, 2 * PAGE],
  ])("of %i bytes aligned to %s have slots of %i", (objectSize, align, slotSize) => {
    const heap = new Heap({ size: 64 * PAGE });
    const cache = heap.createCache({ name: "c", objectSize, ...(align === undefined ? {} : { align }) });
    expect(cache.slotSize).toBe(slotSize);
    for (let count = 1; count <= 5; count++) expect(cache.allocate() % (align ?? 16)).toBe(0);
    expectSound(heap, 5);
  });

  test("tell by cacheAt in whose slab an offset lies, free slots and leftover bytes included", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const inodes = heap.createCache({ name: "inodes", objectSize: 600 });
    const first = inodes.allocate();
    const large = heap.malloc(3 * PAGE);
    const small = heap.malloc(100);
    expect(heap.cacheAt(first - (first % PAGE) + PAGE - 1)).toBe("inodes");
    expect(heap.cacheAt(small)).toBe("malloc-112");
    expect([large, 64 * PAGE, -1, NaN, 63 * PAGE].map((offset) => heap.cacheAt(offset))).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
    inodes.free(first);
    expect(heap.cacheAt(first)).toBe("inodes");
    heap.shrink();
    expect(heap.cacheAt(first)).toBeUndefined();
  });

  test("a name is taken once", () => {
    const heap = new Heap({ size: 64 * PAGE });
    heap.createCache({ name: "inodes", objectSize: 600 });
    const before = stateOf(heap);
    expect(() => heap.createCache({ name: "inodes", objectSize: 32 })).toThrow(
      expect.objectContaining({ code: "IN_USE", message: 'cache "inodes" exists already' }),
    );
    expect(stateOf(heap)).toBe(before);
  });

  test("a name is free again after destroy", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const first = heap.createCache({ name: "inodes", objectSize: 600 });
    first.free(first.allocate());
    first.destroy();
    const second = heap.createCache({ name: "inodes", objectSize: 32 });
    expect(second.slotSize).toBe(32);
    second.allocate();
    expect(() => first.allocate()).toThrow(expect.objectContaining({ code: "DETACHED" }));
    expect(() => first.free(0)).toThrow(expect.objectContaining({ code: "DETACHED" }));
    first.destroy();
    expect(heap.stats().caches.filter(({ name }) => name === "inodes")).toHaveLength(1);
    expectSound(heap, 1);
  });

  test("a name is not taken by a cache that could not be made", () => {
    const heap = new Heap({ size: 64 * PAGE });
    expect(() => heap.createCache({ name: "inodes", objectSize: 0 })).toThrow(RangeError);
    heap.createCache({ name: "inodes", objectSize: 8 });
    expectSound(heap, 0);
  });

  test("heap.free frees their objects", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const cache = heap.createCache({ name: "inodes", objectSize: 600 });
    const offset = cache.allocate();
    heap.free(offset);
    expect(cache.stats().objects).toBe(0);
    expect(() => cache.free(offset)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
    expectSound(heap, 0);
  });

  test("do not free what malloc or another cache handed out", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const cache = heap.createCache({ name: "a", objectSize: 64 });
    const other = heap.createCache({ name: "b", objectSize: 64 });
    const offsets = [heap.malloc(64), heap.malloc(3 * PAGE), other.allocate()];
    const before = stateOf(heap);
    for (const offset of offsets) {
      expect(() => cache.free(offset)).toThrow(
        expect.objectContaining({
          code: "INVALID_FREE",
          message: `cannot free offset ${offset}: it lies in no slab of cache "a"`,
        }),
      );
    }
    expect(stateOf(heap)).toBe(before);
  });

  test("construct each slot, also after the heap was reset", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(64 * PAGE) });
    const cache = heap.createCache({
      name: "ready",
      objectSize: 64,
      construct: (offset) => new Uint8Array(heap.buffer, offset, 64).fill(0xcc),
    });
    expect(new Uint8Array(heap.buffer, cache.allocate(), 64).every((byte) => byte === 0xcc)).toBe(true);
    new Uint8Array(heap.buffer).fill(0);
    heap.reset();
    expect(new Uint8Array(heap.buffer, cache.allocate(), 64).every((byte) => byte === 0xcc)).toBe(true);
  });

  test("grow the heap when they need to", () => {
    const heap = new Heap({ size: PAGE, maxSize: 64 * PAGE });
    const cache = heap.createCache({ name: "inodes", objectSize: 2048 });
    for (let count = 0; count < 128; count++) cache.allocate();
    expect(cache.tryAllocate()).toBe(NONE);
    expect(heap.size).toBe(64 * PAGE);
    expectSound(heap, 128);
  });

  test("take back what others hold unused before they give up", () => {
    const heap = new Heap({ size: 4 * PAGE });
    const cache = heap.createCache({ name: "pages", objectSize: PAGE });
    for (const byteLength of [16, 64, 256, 1024]) heap.free(heap.malloc(byteLength));
    for (let count = 0; count < 4; count++) cache.allocate();
    expect(cache.tryAllocate()).toBe(NONE);
    expectSound(heap, 4);
  });

  test("many, made and destroyed, leave no trace", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const before = stateOf(heap);
    const { metadataBytes: _before, ...statsBefore } = heap.stats();
    for (let round = 0; round < 2000; round++) {
      const cache = heap.createCache({ name: `cache ${round}`, objectSize: 1 + (round % 5000) });
      cache.free(cache.allocate());
      cache.destroy();
    }
    const { metadataBytes: _after, ...statsAfter } = heap.stats();
    expect(statsAfter).toEqual(statsBefore);
    expect(JSON.stringify(heap.snapshot())).toBe(JSON.stringify(JSON.parse(before).snapshot));
    expectSound(heap, 0);
  });

  test("as many as a heap can have, then a RangeError", () => {
    const heap = new Heap({ size: 64 * PAGE });
    let count = 0;
    const makeOne = (): void => {
      heap.createCache({ name: `cache ${count}`, objectSize: 16 });
      count++;
    };
    expect(() => {
      for (let round = 0; round < 5000; round++) makeOne();
    }).toThrow(/^a heap has at most \d+ named caches$/);
    expect(count).toBe(8 + 64 / 16);
    expect(() => makeOne()).toThrow(new RangeError(`a heap has at most ${count} named caches`));
    expectSound(heap, 0);
  });
});
