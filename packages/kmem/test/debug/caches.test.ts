/** Named caches of a heap for debugging: looked at as their heap is, more, less, or not at all. */
import { DebugCache } from "kmem/debug";
import { describe, expect, it } from "vitest";
import { errorOf, make } from "./helpers.ts";

describe("caches", () => {
  it("keep their constructed state, and are looked at around it", () => {
    const { heap, bytes } = make();
    const cache = heap.createCache({
      name: "vectors",
      objectSize: 24,
      construct: (offset) => bytes.fill(9, offset, offset + 24),
    });
    expect(cache).toBeInstanceOf(DebugCache);
    expect(cache.objectSize).toBe(24);
    const offset = cache.allocate();
    expect([...bytes.subarray(offset, offset + 24)]).toEqual(Array.from({ length: 24 }, () => 9));
    cache.free(offset);
    cache.shrink();
    expect(cache.allocate()).toBe(offset);
    expect(bytes[offset]).toBe(9);
    bytes[offset + 24] = 1;
    expect(errorOf(() => cache.free(offset)).code).toBe("OVERFLOW");
    cache.free(offset);
    bytes[offset + 24] = 1;
    expect(errorOf(() => heap.check()).code).toBe("OVERFLOW");
    heap.check();
  });

  it("may be looked at less than their heap, or not at all", () => {
    const { heap, bytes } = make();
    const cache = heap.createCache({ name: "plain", objectSize: 32, debug: false });
    expect(cache.slotSize).toBe(32);
    const offset = cache.allocate();
    bytes.fill(7, offset, offset + 32);
    cache.free(offset);
    expect(cache.allocate()).toBe(offset);
    expect(bytes[offset]).toBe(7);
    heap.free(offset);
    expect(errorOf(() => heap.free(offset)).message).toMatch(/the slot is free already/);
    cache.destroy();
    heap.check();
  });

  it("may be looked at more than their heap: their objects lie outside of slabs", () => {
    const { heap, bytes } = make({ debug: "off" });
    const cache = heap.createCache({ name: "guarded", objectSize: 32, debug: { sample: 1 } });
    const offsets = [cache.allocate(), cache.allocate(), cache.allocate()];
    expect(cache.stats().objects).toBe(3);
    expect(offsets.map((offset) => heap.cacheAt(offset))).toEqual([undefined, undefined, undefined]);
    bytes[offsets[0]! + 32] = 7;
    expect(errorOf(() => cache.free(offsets[0]!)).code).toBe("OVERFLOW");
    cache.free(offsets[0]!);
    expect(errorOf(() => cache.free(offsets[0]!)).code).toBe("DOUBLE_FREE");
    expect(errorOf(() => cache.destroy()).code).toBe("IN_USE");
    heap.free(offsets[1]!);
    cache.freeBulk(offsets, 0);
    expect(errorOf(() => cache.freeBulk([offsets[2]!, offsets[1]!], 2)).code).toBe("DOUBLE_FREE");
    expect(heap.owns(offsets[2]!)).toBe(true);
    cache.freeBulk([offsets[2]!], 1);
    cache.destroy();
    heap.check();
  });

  it("of a constructed kind, outside of slabs, are constructed each time", () => {
    const { heap, bytes } = make({ debug: "off" });
    let constructs = 0;
    const cache = heap.createCache({
      name: "guarded",
      objectSize: 32,
      debug: { sample: 1 },
      construct: (offset) => {
        constructs++;
        if (constructs === 3) throw new Error("cannot construct");
        bytes.fill(9, offset, offset + 32);
      },
    });
    const [first, second] = [cache.allocate(), cache.allocate()];
    expect([bytes[first], bytes[second + 31]]).toEqual([9, 9]);
    expect(() => cache.allocate()).toThrow("cannot construct");
    cache.freeBulk([first, second], 2);
    cache.destroy();
    expect(heap.stats().objects).toBe(0);
  });

  it("free in bulk all or none", () => {
    const { heap, bytes } = make();
    const cache = heap.createCache({ name: "nodes", objectSize: 40 });
    const out: number[] = [];
    cache.allocateBulk(out, 5);
    bytes[out[4]! - 1] = 0;
    expect(errorOf(() => cache.freeBulk(out, 5)).code).toBe("OVERFLOW");
    expect(cache.stats().objects).toBe(5);
    expect(errorOf(() => cache.freeBulk([...out, out[0]! + 16], 6)).code).toBe("INVALID_FREE");
    expect(cache.stats().objects).toBe(5);
    cache.freeBulk(Int32Array.from(out), 5);
    expect(cache.stats().objects).toBe(0);
    cache.destroy();
    heap.check();
  });
});
