import { Heap, NONE, OutOfMemoryError } from "kmem";
import { describe, expect, test } from "vitest";
import {
  exhaust,
  expectPattern,
  expectSound,
  PAGE,
  stateOf,
  WASM_PAGE,
  wasmMemory,
  writePattern,
} from "./helpers.ts";

describe("growing on demand", () => {
  test("goes as far as maxSize, and no further than needed", () => {
    const heap = new Heap({ size: 4 * PAGE, maxSize: 32 * PAGE });
    const first = heap.malloc(4 * PAGE);
    expect(heap.size).toBe(4 * PAGE);
    const second = heap.malloc(5 * PAGE);
    expect(heap.size).toBe(9 * PAGE);
    expect([first, second]).toEqual([0, 4 * PAGE]);
    expect(heap.tryMalloc(24 * PAGE)).toBe(NONE);
    expect(heap.size).toBe(9 * PAGE);
    expect(heap.malloc(23 * PAGE)).toBe(9 * PAGE);
    expect(heap.size).toBe(32 * PAGE);
    expectSound(heap, 3);
  });

  test("uses the free tail before new space", () => {
    const heap = new Heap({ size: 4 * PAGE, maxSize: 32 * PAGE });
    heap.malloc(3 * PAGE);
    expect(heap.malloc(6 * PAGE)).toBe(3 * PAGE);
    expect(heap.size).toBe(9 * PAGE);
  });

  test("does not come for an allocation that gets larger and is not the last", () => {
    const heap = new Heap({ size: 16 * PAGE, maxSize: 64 * PAGE });
    const first = heap.malloc(10 * PAGE);
    const second = heap.malloc(3 * PAGE);
    const small = heap.malloc(1);
    expect([second, small - (small % PAGE)]).toEqual([12 * PAGE, 15 * PAGE]);
    heap.free(first);
    expect(heap.realloc(second, 5 * PAGE)).toBe(0);
    expect(heap.size).toBe(16 * PAGE);
    expectSound(heap, 2);
  });

  test("comes after what caches hold idle, each time that the space is a 64th larger", () => {
    const heap = new Heap({ size: PAGE, maxSize: 2048 * PAGE });
    let pages = 0;
    for (let round = 0; round < 4; round++) {
      // Slots of this size keep their slabs when they are free.
      const objects = Array.from({ length: 200 }, () => heap.malloc(2000));
      pages = heap.size / PAGE;
      for (const offset of objects) heap.free(offset);
      expect(heap.stats().heldBytes).toBeGreaterThan(50 * PAGE);
      // Several, so that none is so large a part of the space that it asks for what is idle by itself.
      for (let count = 0; count < 20; count++) heap.malloc(4 * PAGE);
      expect(heap.size / PAGE).toBeLessThanOrEqual(pages + 16);
    }
  });

  test("keeps the contents", () => {
    const heap = new Heap({ memory: wasmMemory(1, 8) });
    const offset = heap.malloc(1000);
    writePattern(heap, offset, 1000, 1);
    heap.malloc(6 * WASM_PAGE);
    expectPattern(heap, offset, 1000, 1);
    expectSound(heap, 2);
  });

  test("by hand", () => {
    const heap = new Heap({ size: 4 * PAGE, maxSize: 32 * PAGE });
    heap.grow(10 * PAGE + 1);
    expect(heap.size).toBe(11 * PAGE);
    heap.grow(11 * PAGE);
    expect(heap.size).toBe(11 * PAGE);
    expectSound(heap, 0);
    expect(heap.malloc(8 * PAGE)).toBe(0);
  });
});

describe("backings", () => {
  test("a buffer gives its length, in whole pages", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(5 * PAGE + 100) });
    expect([heap.base, heap.size, heap.maxSize]).toEqual([0, 5 * PAGE, 5 * PAGE]);
    expect(heap.tryMalloc(6 * PAGE)).toBe(NONE);
  });

  test("a buffer from a base on leaves what lies before alone", () => {
    const buffer = new ArrayBuffer(8 * PAGE);
    const heap = new Heap({ buffer, base: 1000 });
    expect([heap.base, heap.size]).toEqual([PAGE, 7 * PAGE]);
    expect(Math.min(...exhaust(heap, PAGE))).toBe(PAGE);
    expectSound(heap, 7);
  });

  test("a part of a buffer, by size", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(8 * PAGE), size: 3 * PAGE, base: PAGE });
    expect([heap.base, heap.size]).toEqual([PAGE, 3 * PAGE]);
    heap.grow(7 * PAGE);
    expect(heap.size).toBe(7 * PAGE);
  });

  test.each([
    ["ArrayBuffer", () => new ArrayBuffer(2 * PAGE, { maxByteLength: 10 * PAGE })],
    ["SharedArrayBuffer", () => new SharedArrayBuffer(2 * PAGE, { maxByteLength: 10 * PAGE })],
  ])("a resizable %s grows to its maximum", (_, make) => {
    const buffer = make();
    const heap = new Heap({ buffer });
    expect(heap.maxSize).toBe(10 * PAGE);
    const view = heap.array(Uint8Array, 10).fill(3);
    const big = heap.malloc(9 * PAGE);
    expect(buffer.byteLength).toBe(10 * PAGE);
    expect(heap.buffer).toBe(buffer);
    expect([...view], "views stay right").toEqual(Array.from({ length: 10 }, () => 3));
    expect(heap.refresh(view)).toBe(view);
    expect(heap.tryMalloc(PAGE)).toBe(NONE);
    expect(heap.owns(big)).toBe(true);
    expectSound(heap, 2);
  });

  test("a resizable buffer grows no further than maxSize", () => {
    const buffer = new ArrayBuffer(2 * PAGE, { maxByteLength: 10 * PAGE });
    const heap = new Heap({ buffer, maxSize: 5 * PAGE });
    expect(heap.maxSize).toBe(5 * PAGE);
    expect(heap.tryMalloc(6 * PAGE)).toBe(NONE);
    expect(heap.malloc(5 * PAGE)).toBe(0);
    expect(buffer.byteLength).toBe(5 * PAGE);
  });

  test("a WebAssembly memory grows by its own pages, within its maximum", () => {
    const memory = wasmMemory(1, 3);
    const heap = new Heap({ memory });
    expect(heap.size).toBe(WASM_PAGE);
    heap.malloc(WASM_PAGE);
    heap.malloc(PAGE);
    expect(memory.buffer.byteLength).toBe(2 * WASM_PAGE);
    expect(heap.buffer).toBe(memory.buffer);
    expect(heap.tryMalloc(2 * WASM_PAGE)).toBe(NONE);
    expect(memory.buffer.byteLength).toBe(2 * WASM_PAGE);
    expectSound(heap, 2);
  });

  test("a WebAssembly memory above its data: the base is a module's __heap_base", () => {
    const heap = new Heap({ memory: wasmMemory(2, 4), base: 66_576 });
    expect(heap.base).toBe(17 * PAGE);
    expect(heap.size).toBe(2 * WASM_PAGE - 17 * PAGE);
    heap.malloc(2 * WASM_PAGE);
    expect(heap.buffer.byteLength).toBeGreaterThanOrEqual(heap.base + heap.size);
    expectSound(heap, 1);
  });

  test("a memory that refuses to grow by hand is out of memory, nothing changed", () => {
    const heap = new Heap({ memory: wasmMemory(1, 2) });
    const before = stateOf(heap);
    expect(() => heap.grow(3 * WASM_PAGE)).toThrow(OutOfMemoryError);
    expect(stateOf(heap)).toBe(before);
    heap.grow(2 * WASM_PAGE);
    expectSound(heap, 0);
  });

  test("without bytes, `buffer` throws NO_BYTES", () => {
    expect(() => new Heap({ size: PAGE }).buffer).toThrow(
      expect.objectContaining({
        code: "NO_BYTES",
        message: "buffer needs a heap with a buffer or a memory",
      }),
    );
  });

  test.each([
    ["calloc", (heap: Heap) => heap.calloc(10, 10)],
    ["calloc of pages", (heap: Heap) => heap.calloc(5, PAGE)],
    ["array", (heap: Heap) => heap.array(Uint8Array, 10)],
    ["realloc", (heap: Heap) => heap.realloc(0, 5 * PAGE)],
  ])("%s on bytes that were transferred away throws DETACHED, changing nothing", (_, use) => {
    const buffer = new ArrayBuffer(16 * PAGE);
    const heap = new Heap({ buffer });
    expect(heap.malloc(3 * PAGE)).toBe(0);
    heap.malloc(PAGE);
    structuredClone(buffer, { transfer: [buffer] });
    const before = stateOf(heap);
    expect(() => use(heap)).toThrow(expect.objectContaining({ name: "AllocError", code: "DETACHED" }));
    expect(stateOf(heap)).toBe(before);
  });
});

describe("reset", () => {
  test("frees everything and keeps size, caches and names", () => {
    const heap = new Heap({ size: 8 * PAGE, maxSize: 64 * PAGE });
    const cache = heap.createCache({ name: "nodes", objectSize: 48 });
    for (let byteLength = 1; byteLength < 20_000; byteLength *= 2) heap.malloc(byteLength);
    const node = cache.allocate();
    const { size } = heap;
    heap.reset();
    expect(heap.size).toBe(size);
    expect(heap.stats()).toMatchObject({
      objects: 0,
      usedBytes: 0,
      heldBytes: 0,
      largeObjects: 0,
      largeBytes: 0,
    });
    expect(heap.owns(node)).toBe(false);
    expectSound(heap, 0);
    cache.allocate();
    heap.malloc(100);
    expectSound(heap, 2);
    expect(() => heap.createCache({ name: "nodes", objectSize: 8 })).toThrow(/already/);
  });

  test("of an untouched heap changes nothing", () => {
    const heap = new Heap({ size: 13 * PAGE, base: 3 * PAGE });
    const before = stateOf(heap);
    heap.reset();
    expect(stateOf(heap)).toBe(before);
  });

  test("after a destroyed cache keeps it destroyed", () => {
    const heap = new Heap({ size: 16 * PAGE });
    const cache = heap.createCache({ name: "nodes", objectSize: 48 });
    cache.destroy();
    heap.reset();
    expect(() => cache.allocate()).toThrow(expect.objectContaining({ code: "DETACHED" }));
    expectSound(heap, 0);
  });
});

describe("shrink", () => {
  test("gives back every page that holds no object", () => {
    const heap = new Heap({ size: 256 * PAGE });
    const offsets: number[] = [];
    for (let count = 0; count < 2000; count++) offsets.push(heap.malloc(16 + (count % 500)));
    for (const offset of offsets) heap.free(offset);
    heap.shrink();
    expect(heap.stats()).toMatchObject({ heldBytes: 0, objects: 0 });
    expect(heap.stats().buddy.largestFreeBytes).toBe(256 * PAGE);
    expectSound(heap, 0);
  });

  test("leaves objects where they are", () => {
    const heap = new Heap({ size: 256 * PAGE });
    const offsets = Array.from({ length: 100 }, (_, index) => heap.malloc(100 * index));
    for (const offset of offsets.slice(10)) heap.free(offset);
    heap.shrink();
    expect(offsets.slice(0, 10).every((offset) => heap.owns(offset))).toBe(true);
    expectSound(heap, 10);
  });
});

describe("figures", () => {
  test("of an empty heap", () => {
    const heap = new Heap({ size: 16 * PAGE, maxSize: 32 * PAGE });
    expect(heap.stats()).toMatchObject({
      size: 16 * PAGE,
      maxSize: 32 * PAGE,
      pageSize: PAGE,
      usedBytes: 0,
      objects: 0,
      largeObjects: 0,
      largeBytes: 0,
      heldBytes: 0,
    });
    expectSound(heap, 0);
  });

  test("count small, large and named, whatever is done", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const cache = heap.createCache({ name: "nodes", objectSize: 40 });
    const small = heap.malloc(100);
    const large = heap.malloc(3 * PAGE + 1);
    const node = cache.allocate();
    expect(heap.stats()).toMatchObject({
      usedBytes: 112 + 4 * PAGE + 48,
      objects: 3,
      largeObjects: 1,
      largeBytes: 4 * PAGE,
      heldBytes: 6 * PAGE,
    });
    expectSound(heap, 3);
    heap.realloc(large, 9 * PAGE);
    expect(heap.stats()).toMatchObject({ largeObjects: 1, largeBytes: 9 * PAGE });
    for (const offset of [small, large, node]) heap.free(offset);
    expectSound(heap, 0);
  });

  test("list the size classes by rising size, then the named caches", () => {
    const heap = new Heap({ size: 64 * PAGE });
    heap.createCache({ name: "b", objectSize: 16 });
    heap.createCache({ name: "a", objectSize: 16 });
    const { caches } = heap.stats();
    const sizes = caches.slice(0, -2).map(({ slotSize }) => slotSize);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(caches[0]).toMatchObject({ name: "malloc-16", slotSize: 16 });
    expect(caches.slice(-2).map(({ name }) => name)).toEqual(["b", "a"]);
  });

  test.each([16, 18, 20, 24, 28, 30])(
    "tables of a heap of 2^%i bytes are at most 3 % and 64 KiB",
    (exponent) => {
      const size = 2 ** exponent;
      const { metadataBytes } = new Heap({ size }).stats();
      expect(metadataBytes).toBeLessThanOrEqual(size * 0.03 + 65536);
      expect(metadataBytes).toBeGreaterThan(size / 128);
    },
  );
});
