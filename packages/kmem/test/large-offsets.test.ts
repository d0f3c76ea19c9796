/** Offsets at the places where 32-bit arithmetic goes wrong, and spaces far beyond them. */
import { AllocError, BuddyAllocator, Heap, NONE, SlabCache } from "kmem";
import { describe, expect, it } from "vitest";

const PAGE = 4096;
const KIB = 1024;
const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** The last page below 2 GiB, the first above it, and the last below 4 GiB. */
const EDGES = [2 * GIB - PAGE, 2 * GIB, 4 * GIB - PAGE];

function expectCode(code: string, call: () => unknown): void {
  expect(call).toThrow(AllocError);
  expect(call).toThrow(expect.objectContaining({ code }));
}

describe.each(EDGES)("a heap of the pages around offset %i", (edge) => {
  /** Pages half of which lie before `edge`, as far as 4 GiB reach. */
  function heapAround(pageCount = 8): Heap {
    const end = Math.min(4 * GIB, edge + (pageCount / 2) * PAGE);
    return new Heap({ size: pageCount * PAGE, base: end - pageCount * PAGE });
  }

  it("serves small objects on every page, each with the offset it lies at", () => {
    const heap = heapAround();
    const offsets: number[] = [];
    for (let offset = heap.tryMalloc(100); offset !== NONE; offset = heap.tryMalloc(100))
      offsets.push(offset);
    heap.check();
    expect(new Set(offsets).size).toBe(offsets.length);
    expect(offsets.filter((offset) => offset >= edge && offset < edge + PAGE).length).toBeGreaterThan(20);
    for (const offset of offsets) {
      expect(offset >= heap.base && offset + 112 <= heap.base + heap.size).toBe(true);
      expect(heap.owns(offset)).toBe(true);
      expect(heap.usableSize(offset)).toBe(112);
      expectCode("INVALID_FREE", () => heap.free(offset + 16));
      heap.free(offset);
    }
    heap.shrink();
    expect(heap.stats().heldBytes).toBe(0);
    heap.check();
  });

  it("serves runs of pages and changes them in place", () => {
    const heap = heapAround(64);
    const runs: number[] = [];
    for (let offset = heap.tryMalloc(8 * PAGE); offset !== NONE; offset = heap.tryMalloc(8 * PAGE))
      runs.push(offset);
    expect(runs.length).toBeGreaterThanOrEqual(7);
    const around = runs.filter((offset) => offset <= edge && edge < offset + 8 * PAGE);
    expect(around.length).toBe(1);
    for (const offset of runs) {
      expect(heap.realloc(offset, 3 * PAGE)).toBe(offset);
      expect(heap.usableSize(offset)).toBe(3 * PAGE);
      expectCode("NOT_ALLOCATED", () => heap.usableSize(offset + PAGE));
      expectCode("INVALID_FREE", () => heap.free(offset + PAGE));
      expect(heap.realloc(offset, 8 * PAGE)).toBe(offset);
      heap.check();
    }
    for (const offset of runs) heap.free(offset);
    for (const offset of runs) expectCode("DOUBLE_FREE", () => heap.free(offset));
    expect(heap.stats().heldBytes).toBe(0);
    heap.check();
  });

  it("serves a named cache, singly and in bulk, with offsets in signed words too", () => {
    const heap = heapAround();
    const cache = heap.createCache({ name: "nodes", objectSize: 48, align: 64 });
    const count = (6 * PAGE) / 64;
    for (const out of [
      new Int32Array(count),
      new Uint32Array(count),
      new Float64Array(count),
      Array<number>(count),
    ]) {
      cache.allocateBulk(out, count);
      const offsets = Array.from(out, (offset) => (out instanceof Int32Array ? offset >>> 0 : offset));
      expect(new Set(offsets).size).toBe(count);
      expect(offsets.every((offset) => offset % 64 === 0 && heap.owns(offset))).toBe(true);
      expect(Math.min(...offsets)).toBeGreaterThanOrEqual(heap.base);
      heap.check();
      const twice = [...offsets, offsets[0]!];
      expectCode("DOUBLE_FREE", () => cache.freeBulk(twice, twice.length));
      expect(cache.stats().objects).toBe(count);
      cache.freeBulk(out, count);
      expect(cache.stats().objects).toBe(0);
    }
    cache.destroy();
    heap.check();
  });

  it("describes itself in offsets that are not negative", () => {
    const heap = heapAround();
    for (let index = 0; index < 40; index++) heap.malloc(500);
    const { slabs, free, large } = heap.snapshot();
    const ranges = [...slabs, ...free, ...large].sort((a, b) => a.offset - b.offset);
    let end = heap.base;
    for (const { offset, byteLength } of ranges) {
      expect(offset).toBe(end);
      end = offset + byteLength;
    }
    expect(end).toBe(heap.base + heap.size);
  });
});

describe("a heap of 4 GiB", () => {
  it("hands out its first and its last byte, and nothing beyond", () => {
    const heap = new Heap({ size: 4 * GIB });
    const low = heap.malloc(2 * GIB - PAGE);
    const middle = heap.malloc(PAGE + 1, 2 * PAGE);
    const rest: number[] = [low, middle];
    let length = 2 * GIB;
    while (length >= PAGE) {
      const offset = heap.tryMalloc(length, PAGE);
      if (offset === NONE) length /= 2;
      else rest.push(offset);
    }
    expect(heap.stats().buddy.freePages).toBe(0);
    const last = Math.max(...rest);
    expect(last + heap.usableSize(last)).toBe(4 * GIB);
    expect(rest.every((offset) => offset >= 0 && offset < 4 * GIB)).toBe(true);
    expectCode("INVALID_FREE", () => heap.free(4 * GIB));
    expectCode("INVALID_FREE", () => heap.free(last - 4 * GIB));
    for (const offset of rest) heap.free(offset);
    heap.shrink();
    expect(heap.stats().buddy.largestFreeBytes).toBe(4 * GIB);
  });

  it("is one allocation, if it must be", () => {
    const heap = new Heap({ size: 4 * GIB });
    expect(heap.malloc(4 * GIB)).toBe(0);
    expect(heap.usableSize(0)).toBe(4 * GIB);
    expect(heap.tryMalloc(1)).toBe(NONE);
    expect(heap.realloc(0, GIB + 1)).toBe(0);
    expect(heap.malloc(2 * GIB)).toBe(2 * GIB);
    heap.free(0);
    heap.free(2 * GIB);
    expect(heap.stats().heldBytes).toBe(0);
  });

  it("refuses to end beyond 4 GiB", () => {
    expect(() => new Heap({ size: 4 * GIB + PAGE })).toThrow(RangeError);
    expect(() => new Heap({ size: 2 * PAGE, base: 4 * GIB - PAGE })).toThrow(RangeError);
    expect(() => new Heap({ size: PAGE, base: PAGE, maxSize: 4 * GIB })).toThrow(RangeError);
  });
});

describe("a slab cache below 4 GiB", () => {
  it("takes objects larger than 2 GiB", () => {
    const buddy = new BuddyAllocator({ size: 4 * GIB, pageSize: MIB });
    const cache = new SlabCache(buddy, { name: "huge", objectSize: 2 * GIB + 1 });
    const offset = cache.allocate();
    expect(offset).toBe(0);
    expect(cache.tryAllocate()).toBe(NONE);
    expectCode("INVALID_FREE", () => cache.free(2 * GIB));
    cache.free(offset);
    cache.check();
  });

  it("refuses a space that ends beyond", () => {
    const buddy = new BuddyAllocator({ size: MIB, base: 4 * GIB });
    expect(() => new SlabCache(buddy, { name: "far", objectSize: 16 })).toThrow(
      /^buddy's end must be an integer from 0 to 4294967296, got /,
    );
  });
});

describe("a buddy allocator", () => {
  it.each(EDGES)("works around offset %i of a space of 8 GiB", (edge) => {
    const buddy = new BuddyAllocator({ size: 8 * GIB });
    expect(buddy.allocateAt(edge, 0)).toBe(edge);
    expect(buddy.allocate(0, { from: edge, highest: false })).toBe(edge + PAGE);
    expect(buddy.allocate(0, { to: edge, highest: true })).toBe(edge - PAGE);
    buddy.reserve(edge + 2 * PAGE, 1);
    expect(buddy.resizePages(edge + 2 * PAGE, 5)).toBe(true);
    expect(buddy.sizeOf(edge + 2 * PAGE)).toBe(5 * PAGE);
    for (const offset of [edge, edge + PAGE, edge - PAGE, edge + 2 * PAGE]) buddy.free(offset);
    expectCode("DOUBLE_FREE", () => buddy.free(edge));
    expect(buddy.stats().largestFreeBytes).toBe(8 * GIB);
  });

  it("manages 2^26 pages of 64 KiB, 4 TiB, from end to end", () => {
    const pageSize = 64 * KIB;
    const size = 2 ** 26 * pageSize;
    const buddy = new BuddyAllocator({ size, pageSize });
    const { pageCount, metadataBytes, freeBlocks } = buddy.stats();
    expect(pageCount).toBe(2 ** 26);
    expect(metadataBytes / pageCount).toBeLessThanOrEqual(12);
    expect(freeBlocks.at(-1)).toBe(1);
    const low = buddy.allocate(0);
    const high = buddy.allocate(0, { highest: true, from: 0 });
    expect([low, high]).toEqual([0, size - pageSize]);
    const middle = buddy.allocateAt(size / 2, 24);
    const run = buddy.allocatePages(1_000_001);
    expect(run + 1_000_001 * pageSize).toBeLessThanOrEqual(size);
    expect(buddy.sizeOf(run)).toBe(1_000_001 * pageSize);
    expect(buddy.freeBytes).toBe(size - (2 + 2 ** 24 + 1_000_001) * pageSize);
    expectCode("INVALID_FREE", () => buddy.free(size / 2 + pageSize));
    expectCode("INVALID_FREE", () => buddy.free(size));
    for (const offset of [high, run, low, middle]) buddy.free(offset);
    expectCode("DOUBLE_FREE", () => buddy.free(high));
    expect(buddy.stats().freeBlocks).toEqual(freeBlocks);
  });

  it("works at the end of what numbers can name", () => {
    const base = 2 ** 53 - 16 * MIB;
    const buddy = new BuddyAllocator({ size: 16 * MIB, base, pageSize: MIB });
    const offsets = Array.from({ length: 16 }, () => buddy.allocate(0));
    expect(offsets.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 16 }, (_, page) => base + page * MIB),
    );
    for (const offset of offsets) buddy.free(offset);
    expect(buddy.stats().freeBlocks.at(-1)).toBe(1);
    buddy.check();
    expect(() => new BuddyAllocator({ size: 17 * MIB, base, pageSize: MIB })).toThrow(RangeError);
  });
});
