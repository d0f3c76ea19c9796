/** What a heap does just at the bounds of its rules, where one more or one less would do something else. */
import { Heap, NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { bytesAt, exhaust, MAX_SMALL, PAGE, WASM_PAGE, wasmMemory } from "./helpers.ts";

/** How many of these bytes are not `value`. */
function othersThan(value: number, bytes: Uint8Array): number {
  return bytes.filter((byte) => byte !== value).length;
}

describe("the largest size class", () => {
  test("serves requests of just its size, aligned ones too", () => {
    const heap = new Heap({ size: 64 * PAGE });
    expect(heap.cacheAt(heap.malloc(MAX_SMALL))).toBe("malloc-8192");
    expect(heap.cacheAt(heap.malloc(MAX_SMALL, 32))).toBe("malloc-8192");
    expect(heap.cacheAt(heap.malloc(100, PAGE))).toBe("malloc-4096");
    expect(heap.cacheAt(heap.malloc(100, 2 * PAGE))).toBeUndefined();
  });

  test("takes over a run that is made just as small", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const offset = heap.realloc(heap.malloc(3 * PAGE), MAX_SMALL);
    expect(heap.cacheAt(offset)).toBe("malloc-8192");
  });

  test("leaves its name to whoever wants it", () => {
    const heap = new Heap({ size: 64 * PAGE });
    expect(heap.createCache({ name: "malloc-8192", objectSize: 24 }).slotSize).toBe(32);
  });
});

describe("realloc", () => {
  test("keeps a slot for more than half of it, and moves for half", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const offset = heap.malloc(64);
    expect(heap.realloc(offset, 33)).toBe(offset);
    expect(heap.usableSize(heap.realloc(offset, 32))).toBe(32);
  });

  test("to all that is usable succeeds in a full heap where it would rather move", () => {
    const heap = new Heap({ size: 8 * PAGE });
    const offset = heap.malloc(PAGE, 2 * PAGE);
    exhaust(heap, PAGE);
    expect(heap.realloc(offset, PAGE)).toBe(offset);
  });
});

describe("a heap that zeroes", () => {
  test("clears what a run gains in place, and no byte before or behind", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE), zero: true });
    const [run, gap, behind] = [heap.malloc(3 * PAGE), heap.malloc(3 * PAGE), heap.malloc(3 * PAGE)];
    expect([gap, behind]).toEqual([run + 4 * PAGE, run + 8 * PAGE]);
    new Uint8Array(heap.buffer).fill(0xff);
    heap.free(gap);
    expect(heap.realloc(run, 5 * PAGE)).toBe(run);
    expect(othersThan(0xff, bytesAt(heap, run, 3 * PAGE))).toBe(0);
    expect(othersThan(0, bytesAt(heap, run + 3 * PAGE, 2 * PAGE))).toBe(0);
    expect(othersThan(0xff, bytesAt(heap, run + 5 * PAGE, 11 * PAGE - run))).toBe(0);
  });

  test("clears nothing when a run gets smaller, or when it cannot grow", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE), zero: true });
    const [run, behind] = [heap.malloc(5 * PAGE), heap.malloc(3 * PAGE)];
    new Uint8Array(heap.buffer).fill(0xff);
    expect(heap.realloc(run, 4 * PAGE)).toBe(run);
    expect(() => heap.realloc(behind, 15 * PAGE)).toThrow(expect.objectContaining({ code: "OUT_OF_MEMORY" }));
    expect(heap.realloc(run, 4 * PAGE)).toBe(run);
    expect(othersThan(0xff, new Uint8Array(heap.buffer))).toBe(0);
  });
});

describe("growth", () => {
  test("makes room for the alignment that is asked for, and no more", () => {
    const heap = new Heap({ size: 5 * PAGE, maxSize: 32 * PAGE });
    heap.malloc(5 * PAGE);
    expect(heap.malloc(3 * PAGE, 8 * PAGE)).toBe(8 * PAGE);
    expect(heap.size).toBe(11 * PAGE);
  });

  test("takes back what caches keep first, each time the space has grown by a sixty-fourth", () => {
    const heap = new Heap({ size: 200 * PAGE, maxSize: 512 * PAGE });
    const slabs = (): number => heap.stats().caches[0]!.slabs;
    const keepSlab = (): void => heap.free(heap.malloc(16));
    heap.malloc(198 * PAGE);
    keepSlab();
    heap.malloc(3 * PAGE);
    expect([slabs(), heap.size]).toEqual([0, 201 * PAGE]);
    keepSlab();
    expect([slabs(), heap.size]).toEqual([1, 202 * PAGE]);
    // That took one page more; the next growth comes too soon after it, the one after that does not.
    heap.malloc(2 * PAGE);
    expect([slabs(), heap.size]).toEqual([1, 204 * PAGE]);
    heap.malloc(2 * PAGE);
    expect([slabs(), heap.size]).toEqual([0, 206 * PAGE]);
  });

  test("does not come to pass for a request of more than a quarter of the space that finds room in what caches keep", () => {
    const heap = new Heap({ size: 64 * PAGE, maxSize: 256 * PAGE });
    const slots = Array.from({ length: 200 }, () => heap.malloc(1024));
    heap.malloc(8 * PAGE);
    for (const slot of slots) heap.free(slot);
    expect(heap.stats().buddy.largestFreeBytes).toBeLessThan(32 * PAGE);
    const size = heap.size;
    heap.malloc(32 * PAGE);
    expect(heap.size).toBe(size);
    heap.check();
  });
  test("is all that takes their empty slabs from caches of large slots; others keep two", () => {
    const heap = new Heap({ size: 4096 * PAGE });
    const emptySlabsAfter = (byteLength: number): number => {
      // Twice as many as a magazine holds.
      const slots = Array.from({ length: 8190 }, () => heap.malloc(byteLength));
      for (const slot of slots) heap.free(slot);
      return heap.stats().caches.find(({ slotSize }) => slotSize === byteLength)?.emptySlabs ?? NaN;
    };
    // Slots that wait in the magazine keep some slabs from being empty.
    expect(emptySlabsAfter(448)).toBe(2);
    expect(emptySlabsAfter(512)).toBeGreaterThan(8);
    heap.malloc(4000 * PAGE);
    expect(heap.stats().caches.every(({ slabs }) => slabs === 0)).toBe(true);
    heap.check();
  });

  test("in place is for the last run alone: behind another it would leave a hole", () => {
    const heap = new Heap({ size: 8 * PAGE, maxSize: 64 * PAGE });
    const [first, last] = [heap.malloc(3 * PAGE), heap.malloc(4 * PAGE)];
    expect([first, last]).toEqual([0, 4 * PAGE]);
    expect(heap.realloc(first, 20 * PAGE)).toBe(8 * PAGE);
    expect(heap.size).toBe(28 * PAGE);
    expect(heap.realloc(8 * PAGE, 30 * PAGE)).toBe(8 * PAGE);
    expect([heap.size, heap.usableSize(8 * PAGE)]).toEqual([38 * PAGE, 30 * PAGE]);
  });

  test("that is refused tells how many bytes were asked for", () => {
    const heap = new Heap({ memory: wasmMemory(1, 2), maxSize: 4 * WASM_PAGE });
    expect(() => heap.grow(3 * WASM_PAGE)).toThrow(
      expect.objectContaining({ code: "OUT_OF_MEMORY", requestedBytes: 2 * WASM_PAGE }),
    );
  });

  test("of a memory takes the whole of its pages", () => {
    const heap = new Heap({ memory: wasmMemory(1, 4), maxSize: 4 * WASM_PAGE });
    heap.malloc(WASM_PAGE + 1);
    expect(heap.size % WASM_PAGE).toBe(0);
    expect(heap.size).toBe(heap.buffer.byteLength);
  });
});

describe("arrays", () => {
  test("that are no heap's are refreshed to themselves", () => {
    const heap = new Heap({ memory: wasmMemory(1, 4) });
    const view = new Uint8Array(4);
    expect(heap.refresh(view)).toBe(view);
  });

  test("that growth has detached are freed once", () => {
    const heap = new Heap({ memory: wasmMemory(1, 4) });
    const view = heap.array(Uint8Array, 100);
    heap.grow(2 * WASM_PAGE);
    heap.freeArray(view);
    const message = "the array is not of this heap";
    expect(() => heap.freeArray(view)).toThrow(expect.objectContaining({ code: "INVALID_FREE", message }));
  });

  test("of a buffer that is gone tell so", () => {
    const buffer = new ArrayBuffer(16 * PAGE);
    const heap = new Heap({ buffer });
    structuredClone(buffer, { transfer: [buffer] });
    const message = "the heap's buffer was transferred or shrunk";
    expect(() => heap.buffer).toThrow(expect.objectContaining({ code: "DETACHED", message, offset: NONE }));
  });
});
