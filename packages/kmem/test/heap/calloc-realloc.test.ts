import { AllocError, Heap, NONE, OutOfMemoryError } from "kmem";
import { describe, expect, test } from "vitest";
import { bytesAt, exhaust, expectPattern, expectSound, PAGE, stateOf, writePattern } from "./helpers.ts";

/** A heap on bytes that are not zero. */
function dirtyHeap(pageCount: number, zero = false): Heap {
  const buffer = new ArrayBuffer(pageCount * PAGE);
  new Uint8Array(buffer).fill(0xaa);
  return new Heap({ buffer, zero });
}

/** Lets a heap make its views on its bytes, which it does when it first needs them: from then on `realloc` goes the shorter way. */
function makeViews(heap: Heap): void {
  heap.free(heap.calloc(1, 100));
}

describe("calloc", () => {
  test.each([
    [1, 1],
    [3, 5],
    [7, 100],
    [16, 16],
    [3, 16],
    [1, 1024],
    [1, 1025],
    [1, 8192],
    [100, 100],
    [3, PAGE],
  ])(
    "of %i times %i sets those bytes to zero, and at most the rest of their last sixteen",
    (count, byteLength) => {
      const heap = dirtyHeap(16);
      const offset = heap.calloc(count, byteLength);
      const total = count * byteLength;
      expect(bytesAt(heap, offset, total).every((byte) => byte === 0)).toBe(true);
      const end = offset + Math.ceil(total / 16) * 16;
      expect(end).toBeLessThanOrEqual(offset + heap.usableSize(offset));
      const all = new Uint8Array(heap.buffer);
      expect(all.subarray(0, offset).every((byte) => byte === 0xaa)).toBe(true);
      expect(all.subarray(end).every((byte) => byte === 0xaa)).toBe(true);
      expectSound(heap, 1);
    },
  );

  test("of any length up to some hundred bytes sets those to zero, and nothing but the rest of their last sixteen", () => {
    const heap = dirtyHeap(16);
    const all = new Uint8Array(heap.buffer);
    for (let byteLength = 0; byteLength <= 400; byteLength++) {
      all.fill(0xaa);
      const offset = heap.calloc(1, byteLength);
      const zeros = all.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
      expect(zeros, `of ${byteLength}`).toBe(Math.ceil(byteLength / 16) * 16);
      expect(
        bytesAt(heap, offset, byteLength).every((byte) => byte === 0),
        `${byteLength}`,
      ).toBe(true);
      heap.free(offset);
    }
  });

  test("of memory used before is zero again", () => {
    const heap = dirtyHeap(16);
    const first = heap.calloc(8, 8);
    bytesAt(heap, first, 64).fill(0xff);
    heap.free(first);
    const second = heap.calloc(8, 8);
    expect(second).toBe(first);
    expect(bytesAt(heap, second, 64)).toEqual(new Uint8Array(64));
  });

  test.each([
    [0, 0],
    [0, 100],
    [100, 0],
    [0, Number.MAX_SAFE_INTEGER],
  ])("of %i times %i is an object of the smallest size", (count, byteLength) => {
    const heap = dirtyHeap(16);
    expect(heap.usableSize(heap.calloc(count, byteLength))).toBe(16);
    expectSound(heap, 1);
  });

  test("without bytes allocates all the same", () => {
    const heap = new Heap({ size: 16 * PAGE });
    expect(heap.usableSize(heap.calloc(10, 10))).toBe(112);
    expectSound(heap, 1);
  });

  test.each([
    [2 ** 16, 2 ** 16 + 1],
    [2 ** 26, 2 ** 27],
    [2 ** 32, 2 ** 32],
    [2 ** 53 - 1, 2 ** 53 - 1],
    [3, 2 ** 52 + 1],
    [2 ** 40 + 1, 4096],
  ])("of %i times %i, more than any heap holds, is out of memory", (count, byteLength) => {
    const heap = dirtyHeap(16);
    const before = stateOf(heap);
    expect(() => heap.calloc(count, byteLength)).toThrow(
      expect.objectContaining({
        name: "OutOfMemoryError",
        code: "OUT_OF_MEMORY",
        freeBytes: 16 * PAGE,
        largestFreeBytes: 16 * PAGE,
      }),
    );
    expect(stateOf(heap)).toBe(before);
  });

  test("too large, carries an index that says memory lacks, never that a block would do", () => {
    const heap = new Heap({ size: 16 * PAGE });
    for (const pages of [2 ** 20, 2 ** 31 + 1, 2 ** 32 + 1, 2 ** 40 + 1]) {
      let index = NaN;
      try {
        heap.calloc(pages, PAGE);
      } catch (error) {
        index = (error as OutOfMemoryError).fragmentationIndex;
      }
      // One free block that is too small: 1000 - (1000 + 1000 * share of the request) / 1, at most 0.
      expect(index, `${pages} pages`).toBeLessThanOrEqual(0);
      expect(index, `${pages} pages`).toBeGreaterThan(-1000);
    }
  });
});

describe("realloc", () => {
  test("within the size class stays where it is", () => {
    const heap = dirtyHeap(16);
    const offset = heap.malloc(100);
    writePattern(heap, offset, 100, 1);
    for (const byteLength of [101, 112, 100, 97]) expect(heap.realloc(offset, byteLength)).toBe(offset);
    expectPattern(heap, offset, 97, 1);
    expectSound(heap, 1);
  });

  test.each([16, 9, 8, 5, 1, 0])("of the smallest class to %i bytes stays where it is", (byteLength) => {
    const heap = dirtyHeap(16);
    const offset = heap.malloc(16);
    expect(heap.realloc(offset, byteLength)).toBe(offset);
    expectSound(heap, 1);
  });

  test("to a larger class moves, its bytes copied", () => {
    const heap = dirtyHeap(64);
    let offset = heap.malloc(10);
    let length = 10;
    writePattern(heap, offset, length, 3);
    for (const byteLength of [20, 50, 300, 5000, 9000, 50_000]) {
      const moved = heap.realloc(offset, byteLength);
      expectPattern(heap, moved, length, 3);
      expect(heap.usableSize(moved)).toBeGreaterThanOrEqual(byteLength);
      if (moved !== offset) expect(heap.owns(offset)).toBe(false);
      offset = moved;
      length = byteLength;
      writePattern(heap, offset, length, 3);
      expectSound(heap, 1);
    }
  });

  test("to any much smaller size copies just so many bytes", () => {
    const heap = dirtyHeap(64);
    for (let byteLength = 1; byteLength <= 300; byteLength++) {
      const offset = heap.malloc(1000);
      writePattern(heap, offset, 1000, byteLength);
      const moved = heap.realloc(offset, byteLength);
      expect(moved).not.toBe(offset);
      expectPattern(heap, moved, byteLength, byteLength);
      heap.free(moved);
    }
    expectSound(heap, 0);
  });

  test("to a much smaller size leaves what lies around its new place as it was", () => {
    const heap = dirtyHeap(64);
    makeViews(heap);
    const offset = heap.malloc(1000);
    const [left, hole, right] = [heap.malloc(100), heap.malloc(100), heap.malloc(100)];
    expect([hole, right]).toEqual([left + 112, left + 224]);
    writePattern(heap, offset, 1000, 21);
    for (const neighbour of [left, right]) writePattern(heap, neighbour, 112, 19);
    heap.free(hole);
    expect(heap.realloc(offset, 100)).toBe(hole);
    expectPattern(heap, hole, 100, 21);
    for (const neighbour of [left, right]) expectPattern(heap, neighbour, 112, 19);
    expectSound(heap, 3);
  });

  test("to a much smaller size gives the room back, its bytes copied", () => {
    const heap = dirtyHeap(64);
    let offset = heap.malloc(50_000);
    writePattern(heap, offset, 50_000, 5);
    for (const byteLength of [20_000, 8000, 1000, 100, 10]) {
      offset = heap.realloc(offset, byteLength);
      expectPattern(heap, offset, byteLength, 5);
      expect(heap.usableSize(offset)).toBeLessThan(2 * Math.max(byteLength, 16));
      expectSound(heap, 1);
    }
  });

  test("of a run grows into the free pages behind it", () => {
    const heap = dirtyHeap(64);
    const offset = heap.malloc(3 * PAGE);
    writePattern(heap, offset, 3 * PAGE, 7);
    for (const pages of [4, 7, 20, 64]) {
      expect(heap.realloc(offset, pages * PAGE)).toBe(offset);
      expect(heap.usableSize(offset)).toBe(pages * PAGE);
      expectSound(heap, 1);
    }
    expectPattern(heap, offset, 3 * PAGE, 7);
  });

  test("of a run shrinks in place, the pages behind free again", () => {
    const heap = dirtyHeap(64);
    const offset = heap.malloc(64 * PAGE);
    writePattern(heap, offset, 64 * PAGE, 9);
    for (const pages of [40, 19, 5, 3]) {
      expect(heap.realloc(offset, pages * PAGE)).toBe(offset);
      expect(heap.stats()).toMatchObject({ largeBytes: pages * PAGE, heldBytes: pages * PAGE });
      expectSound(heap, 1);
    }
    expectPattern(heap, offset, 3 * PAGE, 9);
  });

  test("of a run whose neighbour is in use moves, its bytes copied", () => {
    const heap = dirtyHeap(64);
    const first = heap.malloc(4 * PAGE);
    const second = heap.malloc(4 * PAGE);
    expect(second).toBe(first + 4 * PAGE);
    writePattern(heap, first, 4 * PAGE, 11);
    writePattern(heap, second, 4 * PAGE, 13);
    const moved = heap.realloc(first, 5 * PAGE);
    expect(moved).not.toBe(first);
    expectPattern(heap, moved, 4 * PAGE, 11);
    expectPattern(heap, second, 4 * PAGE, 13);
    expect(heap.owns(first)).toBe(false);
    expectSound(heap, 2);
  });

  test("of the last run grows the heap under it", () => {
    const buffer = new ArrayBuffer(8 * PAGE, { maxByteLength: 64 * PAGE });
    const heap = new Heap({ buffer });
    const offset = heap.malloc(8 * PAGE);
    writePattern(heap, offset, 8 * PAGE, 15);
    expect(heap.realloc(offset, 30 * PAGE)).toBe(offset);
    expect(heap.size).toBe(30 * PAGE);
    expectPattern(heap, offset, 8 * PAGE, 15);
    expectSound(heap, 1);
  });

  test.each([
    ["small", 100, 200, false],
    ["small, by the shorter way", 100, 200, true],
    ["small to large", 100, 5 * PAGE, true],
    ["large", 3 * PAGE, 9 * PAGE, true],
    ["beyond any heap", 100, 2 ** 32, true],
  ])("that finds no space keeps the old block and its bytes: %s", (_, from, to, hasViews) => {
    const heap = dirtyHeap(16);
    if (hasViews) makeViews(heap);
    const offset = heap.malloc(from);
    writePattern(heap, offset, from, 17);
    exhaust(heap, PAGE);
    exhaust(heap, 16);
    const before = stateOf(heap);
    expect(() => heap.realloc(offset, to)).toThrow(OutOfMemoryError);
    expect(stateOf(heap)).toBe(before);
    expectPattern(heap, offset, from, 17);
    heap.check();
  });

  test.each([
    ["small", 2048, 10, false],
    ["small, by the shorter way", 2048, 10, true],
    ["large to small", 5 * PAGE, 100, true],
    ["large", 9 * PAGE, 3 * PAGE, true],
  ])("to a smaller size works in a full heap: %s", (_, from, to, hasViews) => {
    const heap = dirtyHeap(16);
    if (hasViews) makeViews(heap);
    const offset = heap.malloc(from);
    writePattern(heap, offset, to, 23);
    exhaust(heap, PAGE);
    exhaust(heap, 16);
    expectPattern(heap, heap.realloc(offset, to), to, 23);
    heap.check();
  });

  test("of an object of a named cache moves it out of the cache", () => {
    const heap = dirtyHeap(16);
    const cache = heap.createCache({ name: "nodes", objectSize: 48 });
    const offset = cache.allocate();
    writePattern(heap, offset, 48, 19);
    const moved = heap.realloc(offset, 500);
    expectPattern(heap, moved, 48, 19);
    expect(cache.stats().objects).toBe(0);
    expectSound(heap, 1);
  });

  test("without bytes moves offsets only", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const offset = heap.malloc(100);
    const moved = heap.realloc(offset, 10_000);
    expect([heap.owns(offset), heap.owns(moved)]).toEqual([false, true]);
    expectSound(heap, 1);
  });

  test.each([
    ["freed", (heap: Heap) => heap.free(0)],
    ["never allocated", (heap: Heap) => heap.reset()],
  ])("of an offset that was %s throws NOT_ALLOCATED", (_, make) => {
    const heap = new Heap({ size: 64 * PAGE });
    expect(heap.malloc(3 * PAGE)).toBe(0);
    make(heap);
    const before = stateOf(heap);
    expect(() => heap.realloc(0, 100)).toThrow(
      expect.objectContaining({
        code: "NOT_ALLOCATED",
        message: "no allocation begins at offset 0",
        offset: 0,
      }),
    );
    expect(stateOf(heap)).toBe(before);
  });
});

describe("the zero option", () => {
  test.each([1, 16, 100, 8192, 8193, 5 * PAGE])(
    "sets the %i bytes of every allocation to zero",
    (byteLength) => {
      const heap = dirtyHeap(64, true);
      for (let round = 0; round < 2; round++) {
        for (const offset of [
          heap.malloc(byteLength),
          heap.malloc(byteLength, 64),
          heap.calloc(1, byteLength),
        ]) {
          expect(bytesAt(heap, offset, byteLength)).toEqual(new Uint8Array(byteLength));
          bytesAt(heap, offset, byteLength).fill(0xff);
          heap.free(offset);
        }
      }
      expectSound(heap, 0);
    },
  );

  test("without it, memory comes as it was left", () => {
    const heap = dirtyHeap(16);
    expect(bytesAt(heap, heap.malloc(100), 100).every((byte) => byte === 0xaa)).toBe(true);
  });

  test("realloc keeps what was written", () => {
    const heap = dirtyHeap(16, true);
    const offset = heap.malloc(100);
    writePattern(heap, offset, 100, 21);
    expectPattern(heap, heap.realloc(offset, 3000), 100, 21);
  });

  test.each([
    ["within the size class", 100, 112],
    ["into the pages behind a run", 3 * PAGE, 5 * PAGE],
    ["by moving to a larger class", 100, 3000],
    ["by moving to a run", 100, 5 * PAGE],
  ])("realloc %s adds bytes that are zero", (_, from, to) => {
    const heap = dirtyHeap(64, true);
    const offset = heap.realloc(heap.malloc(from), to);
    expect(bytesAt(heap, offset, to)).toEqual(new Uint8Array(to));
  });

  test("needs bytes", () => {
    expect(() => new Heap({ size: 16 * PAGE, zero: true })).toThrow(
      new AllocError("NO_BYTES", "zero needs a heap with a buffer or a memory"),
    );
  });

  test("is NONE on exhaustion, like any other", () => {
    const heap = dirtyHeap(2, true);
    exhaust(heap, PAGE);
    expect(heap.tryMalloc(1)).toBe(NONE);
  });
});
