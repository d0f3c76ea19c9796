import { Heap, NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { CLASS_OF, GRANULE, MAX_SLOT_SIZE, SLOT_SIZES } from "../../src/heap/size-classes.ts";
import { exhaust, expectSound, MAX_SMALL, PAGE } from "./helpers.ts";

describe("size classes", () => {
  test("are multiples of 16, in 16-byte steps up to 128, then four to a doubling; and one for a page and a header", () => {
    expect(SLOT_SIZES.slice(0, 16)).toEqual([
      16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512,
    ]);
    expect(SLOT_SIZES.at(-1)).toBe(MAX_SLOT_SIZE);
    expect(MAX_SLOT_SIZE).toBe(MAX_SMALL);
    const regular = SLOT_SIZES.filter((size) => size !== 4480);
    expect(regular).toHaveLength(SLOT_SIZES.length - 1);
    for (const [index, size] of regular.entries()) {
      expect(size % 16).toBe(0);
      if (index >= 8) expect(size).toBe(regular[index - 4] * 2);
    }
  });

  test("every request from 1 to 8192 gets the smallest that holds it", () => {
    for (let byteLength = 1; byteLength <= MAX_SMALL; byteLength++) {
      const slotSize = SLOT_SIZES[CLASS_OF[(byteLength + GRANULE - 1) >>> 4] - 1];
      const smallest = SLOT_SIZES.find((size) => size >= byteLength);
      if (slotSize !== smallest)
        expect.fail(`${byteLength} bytes get a slot of ${slotSize}, not ${smallest}`);
    }
    expect(CLASS_OF).toHaveLength(MAX_SMALL / 16 + 1);
  });

  test("above 64 bytes waste at most a fifth of the slot, as malloc serves them", () => {
    const heap = new Heap({ size: 2 ** 22 });
    let worst = 0;
    for (let byteLength = 1; byteLength <= MAX_SMALL; byteLength++) {
      const offset = heap.malloc(byteLength);
      const usable = heap.usableSize(offset);
      if (usable < byteLength) expect.fail(`${byteLength} bytes got ${usable}`);
      if (usable % 16 !== 0) expect.fail(`a slot of ${usable} bytes`);
      if (byteLength > 64) worst = Math.max(worst, (usable - byteLength) / usable);
      else if (usable - byteLength > 15) expect.fail(`${byteLength} bytes got ${usable}`);
      heap.free(offset);
    }
    expect(worst).toBeLessThanOrEqual(0.2);
    expectSound(heap, 0);
  });

  test("requests above 8192 bytes get whole pages, none to spare", () => {
    const heap = new Heap({ size: 2 ** 20 });
    for (const [byteLength, pages] of [
      [8193, 3],
      [3 * PAGE, 3],
      [3 * PAGE + 1, 4],
      [100_000, 25],
    ]) {
      const offset = heap.malloc(byteLength);
      expect(heap.usableSize(offset)).toBe(pages * PAGE);
      expect(heap.stats()).toMatchObject({ largeObjects: 1, largeBytes: pages * PAGE });
      heap.free(offset);
    }
  });
});

describe("malloc", () => {
  test("of 0 bytes is an object of the smallest size, a new one each time", () => {
    const heap = new Heap({ size: 16 * PAGE });
    const offsets = Array.from({ length: 300 }, () => heap.malloc(0));
    expect(new Set(offsets).size).toBe(300);
    expect(offsets.every((offset) => heap.usableSize(offset) === 16)).toBe(true);
    expectSound(heap, 300);
    for (const offset of offsets) heap.free(offset);
    expectSound(heap, 0);
  });

  test("every result is a multiple of 16, also from a base that is none", () => {
    for (const base of [0, 1, 8, 100, PAGE + 8]) {
      const heap = new Heap({ size: 2 ** 20, base });
      expect(heap.base).toBe(Math.ceil(base / PAGE) * PAGE);
      for (let byteLength = 0; byteLength < 20_000; byteLength += 61) {
        let offset = heap.tryMalloc(byteLength);
        if (offset === NONE) {
          heap.reset();
          offset = heap.malloc(byteLength);
        }
        if (offset % 16 !== 0) expect.fail(`${byteLength} bytes lie at ${offset}`);
        if (byteLength % 3 === 0) heap.free(offset);
      }
      heap.check();
    }
  });

  test("allocations lie in the heap and do not overlap", () => {
    const heap = new Heap({ size: 2 ** 21, base: 5 * PAGE });
    const ranges: [number, number][] = [];
    for (let byteLength = 1; byteLength < 20_000; byteLength = Math.ceil(byteLength * 1.07)) {
      ranges.push([heap.malloc(byteLength), byteLength]);
    }
    ranges.sort(([a], [b]) => a - b);
    expect(ranges[0][0]).toBeGreaterThanOrEqual(heap.base);
    for (let index = 1; index < ranges.length; index++) {
      const [offset, byteLength] = ranges[index - 1];
      expect(offset + byteLength).toBeLessThanOrEqual(ranges[index][0]);
    }
    const [last, lastLength] = ranges.at(-1)!;
    expect(last + lastLength).toBeLessThanOrEqual(heap.base + heap.size);
    expectSound(heap, ranges.length);
    for (const [offset] of ranges) heap.free(offset);
    expectSound(heap, 0);
  });

  test.each(Array.from({ length: 19 }, (_, exponent) => 2 ** exponent))("align %i", (align) => {
    const heap = new Heap({ size: 2 ** 22, base: 3 * PAGE });
    const offsets: number[] = [];
    for (const byteLength of [0, 1, 16, 24, 100, 129, 1000, 4000, 4097, 8192, 8193, 30_000]) {
      const offset = heap.malloc(byteLength, align);
      expect(offset % Math.max(align, 16), `${byteLength} bytes`).toBe(0);
      expect(heap.usableSize(offset)).toBeGreaterThanOrEqual(byteLength);
      offsets.push(offset);
    }
    expectSound(heap, offsets.length);
    for (const offset of offsets) heap.free(offset);
    expectSound(heap, 0);
    heap.shrink();
    expect(heap.stats().heldBytes).toBe(0);
  });

  test("an alignment that no place has is NONE", () => {
    const heap = new Heap({ size: 16 * PAGE, base: PAGE });
    expect(heap.tryMalloc(1, 2 ** 31)).toBe(NONE);
    expect(heap.tryMalloc(1, 2 ** 52)).toBe(NONE);
    expectSound(heap, 0);
  });

  test("the last freed of a class is the next allocated", () => {
    const heap = new Heap({ size: 2 ** 20 });
    const offsets = Array.from({ length: 50 }, () => heap.malloc(100));
    heap.free(offsets[20]);
    heap.free(offsets[7]);
    expect([heap.malloc(112), heap.malloc(97)]).toEqual([offsets[7], offsets[20]]);
  });

  test("fills a heap to the last slot, and again after all was freed", () => {
    const heap = new Heap({ size: 8 * PAGE });
    const first = exhaust(heap, 64);
    expect(first).toHaveLength((8 * PAGE) / 64);
    expectSound(heap, first.length);
    for (const offset of first) heap.free(offset);
    expect(exhaust(heap, 1024)).toHaveLength((8 * PAGE) / 1024);
    heap.check();
  });

  test("takes back what other classes hold unused before it gives up", () => {
    const heap = new Heap({ size: 8 * PAGE });
    for (const byteLength of [16, 64, 256, 1024, 2048]) heap.free(heap.malloc(byteLength));
    expect(heap.stats().heldBytes).toBeGreaterThan(0);
    expect(heap.tryMalloc(8 * PAGE)).toBe(0);
    expectSound(heap, 1);
  });

  test("a heap of a single page serves what fits a page", () => {
    const heap = new Heap({ size: PAGE });
    expect(heap.tryMalloc(PAGE + 1)).toBe(NONE);
    expect(heap.tryMalloc(MAX_SMALL)).toBe(NONE);
    expect(heap.malloc(PAGE)).toBe(0);
    expectSound(heap, 1);
  });

  test.each([16, 64, 512, 65536])("pages of %i bytes", (pageSize) => {
    const heap = new Heap({ size: 2 ** 20, pageSize });
    const offsets = [1, 16, 100, 1000, 8192, 8193, 70_000].map((byteLength) => heap.malloc(byteLength));
    expect(offsets.every((offset) => offset % 16 === 0)).toBe(true);
    expectSound(heap, 7);
    for (const offset of offsets) heap.free(offset);
    expectSound(heap, 0);
  });

  test("at the end of 4 GiB", () => {
    const heap = new Heap({ size: 64 * PAGE, base: 2 ** 32 - 64 * PAGE });
    const offsets = [heap.malloc(5000), heap.malloc(5 * PAGE), ...exhaust(heap, 16)];
    expect(Math.min(...offsets)).toBe(2 ** 32 - 64 * PAGE);
    expect(offsets).toContain(2 ** 32 - 16);
    expectSound(heap, offsets.length);
    for (const offset of offsets) {
      expect(heap.owns(offset)).toBe(true);
      heap.free(offset);
    }
    expectSound(heap, 0);
  });
});

describe("owns and usableSize", () => {
  test("know small, large and aligned allocations", () => {
    const heap = new Heap({ size: 2 ** 20 });
    for (const [byteLength, align, usable] of [
      [1, 1, 16],
      [100, 16, 112],
      [8192, 16, 8192],
      [8193, 16, 3 * PAGE],
      [10, 2 * PAGE, PAGE],
    ]) {
      const offset = heap.malloc(byteLength, align);
      expect(heap.owns(offset)).toBe(true);
      expect(heap.usableSize(offset)).toBe(usable);
      heap.free(offset);
      expect(heap.owns(offset)).toBe(false);
    }
  });

  test("know only the first byte of an allocation", () => {
    const heap = new Heap({ size: 2 ** 20 });
    const small = heap.malloc(64);
    const large = heap.malloc(5 * PAGE);
    for (const inside of [small + 1, small + 16, small + 63, large + 1, large + PAGE, large + 5 * PAGE - 1]) {
      expect(heap.owns(inside), `owns(${inside})`).toBe(false);
    }
  });

  test("do not know a slab as an allocation", () => {
    const heap = new Heap({ size: 2 ** 20 });
    const offsets = Array.from({ length: 256 }, () => heap.malloc(16));
    heap.free(0);
    expect(offsets).toContain(0);
    expect(heap.owns(0)).toBe(false);
  });

  test.each([
    ["-1", -1],
    ["a fraction", 0.5],
    ["NaN", NaN],
    ["Infinity", Infinity],
    ["-Infinity", -Infinity],
    ["the end of the heap", 16 * PAGE],
    ["2^32", 2 ** 32],
    ["2^53", 2 ** 53],
    ["undefined", undefined],
    ["null", null],
    ["a string", "0"],
    ["an array", [0]],
    ["a boolean", false],
    ["a bigint", 0n],
    ["an object", {}],
  ])("owns of %s is false and does not throw", (_, value) => {
    const small = new Heap({ size: 16 * PAGE });
    for (let count = 0; count < 256; count++) small.malloc(16);
    const large = new Heap({ size: 16 * PAGE });
    large.malloc(16 * PAGE);
    expect(small.owns(0)).toBe(true);
    expect(small.owns(value as number)).toBe(false);
    expect(large.owns(0)).toBe(true);
    expect(large.owns(value as number)).toBe(false);
  });
});
