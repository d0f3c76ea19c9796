/** A heap of which one allocation in so many is guarded: which, where it lies, and what is found. */
import { type AllocError, NONE } from "kmem";
import { describe, expect, it } from "vitest";
import { errorOf, make, PAGE } from "./helpers.ts";

describe("sampling", () => {
  it("guards one in so many, of malloc and of caches, and finds what is done to those", () => {
    const { heap, bytes } = make({ debug: { sample: 16, track: 1 } });
    const cache = heap.createCache({ name: "nodes", objectSize: 40 });
    const found: string[] = [];
    for (let count = 0; count < 2000; count++) {
      const offset = count % 2 === 0 ? heap.malloc(40) : cache.allocate();
      const isGuarded = heap.cacheAt(offset) === undefined;
      const before = found.length;
      bytes[offset + 40] = 7;
      const free = (): void => (count % 2 === 0 ? heap.free(offset) : cache.free(offset));
      try {
        free();
      } catch (error) {
        found.push((error as AllocError).code);
        free();
      }
      if (found.length > before) expect(isGuarded).toBe(true);
    }
    expect(new Set(found)).toEqual(new Set(["OVERFLOW"]));
    expect(found.length).toBe(heap.stats().guardedAllocations);
    expect(found.length).toBeGreaterThan(80);
    expect(found.length).toBeLessThan(170);
    cache.destroy();
    heap.check();
    heap.shrink();
    expect(heap.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
  });

  it.each([
    { what: "plain" },
    { what: "large", byteLength: 9000 },
    { what: "aligned", align: 64 },
    { what: "zeroed", zero: true },
    { what: "limited", debug: { limitBytes: 2 ** 17 } },
    { what: "in random slots", debug: { randomSlots: true } },
    { what: "in random slots, zeroed", zero: true, debug: { randomSlots: true } },
  ])("counts each request once: $what", ({ byteLength = 40, align, zero = false, debug }) => {
    const { heap } = make({ zero, debug: { sample: 64, track: 0, ...debug } });
    for (let count = 0; count < 6400; count++) {
      heap.free(count % 2 === 0 ? heap.malloc(byteLength, align) : heap.tryMalloc(byteLength, align));
    }
    expect(heap.stats().objects).toBe(0);
    // 100 on average; the sum of 100 even gaps from 1 to 127 has a standard deviation of 4 in a hundred.
    expect(heap.stats().guardedAllocations).toBeGreaterThan(82);
    expect(heap.stats().guardedAllocations).toBeLessThan(118);
    heap.check();
  });

  it("counts callocs as well, but no objects of named caches that are not guarded", () => {
    const { heap } = make({ debug: { sample: 64, track: 0 } });
    const cache = heap.createCache({ name: "plain", objectSize: 40, debug: false });
    for (let count = 0; count < 6400; count++) {
      heap.free(heap.calloc(2, 20));
      for (let other = 0; other < 5; other++) cache.free(cache.allocate());
    }
    expect(heap.stats().guardedAllocations).toBeGreaterThan(82);
    expect(heap.stats().guardedAllocations).toBeLessThan(118);
    heap.check();
  });

  it("uses the pages that are to leave the quarantine for the next guarded allocation", () => {
    const { heap, bytes } = make({ debug: { sample: 2, track: 0, quarantine: { objects: 2 } } });
    const isGuarded = (offset: number): boolean => offset % PAGE === 16 || offset % PAGE === 32;
    const next = (byteLength = 1000): number => {
      for (;;) {
        const offset = heap.malloc(byteLength);
        if (isGuarded(offset)) return offset;
      }
    };
    const first = next();
    const second = next();
    heap.free(first);
    heap.free(second);
    const large = next(5000);
    expect(Math.abs(large - first)).toBeGreaterThan(PAGE - 32);
    expect(heap.stats().quarantinedObjects).toBe(2);
    bytes[first] = 7;
    const error = errorOf(() => next());
    expect([error.code, error.offset]).toEqual(["USE_AFTER_FREE", first]);
    expect(heap.stats().quarantinedObjects).toBe(2);
    expect(Math.abs(next() - first)).toBe(16);
    expect(heap.stats().quarantinedObjects).toBe(1);
    heap.check();
  });

  it("lets small guarded objects share pages, and counts each as one", () => {
    const { heap } = make({ debug: { sample: 2, track: 0, quarantine: { objects: 4 } } });
    const offsets: number[] = [];
    while (offsets.length < 40) offsets.push(heap.malloc(40));
    const guarded = offsets.filter((offset) => heap.cacheAt(offset) === undefined);
    expect(guarded.length).toBe(heap.stats().guardedAllocations);
    // A page has eight places here.
    expect(guarded.length).toBeGreaterThan(8);
    expect(new Set(guarded.map((offset) => Math.floor(offset / PAGE))).size).toBe(
      Math.ceil(guarded.length / 8),
    );
    expect(heap.stats()).toMatchObject({
      objects: 40,
      largeObjects: guarded.length,
      largeBytes: guarded.length * 512,
      usedBytes: guarded.length * 512 + (40 - guarded.length) * 48,
    });
    heap.check();
    for (const offset of guarded) heap.free(offset);
    expect(heap.stats()).toMatchObject({
      objects: 40 - guarded.length,
      largeObjects: 0,
      largeBytes: 0,
      usedBytes: (40 - guarded.length) * 48,
      quarantinedObjects: 4,
      quarantinedBytes: 4 * 512,
    });
    heap.shrink();
    expect(heap.stats()).toMatchObject({ heldBytes: PAGE, quarantinedObjects: 0 });
  });

  it("refuses whatever is not an object in the pages that small guarded ones share", () => {
    const { heap } = make({ debug: { sample: 2, redZone: 0, fill: false, quarantine: { objects: 0 } } });
    const offsets = Array.from({ length: 12 }, () => heap.malloc(40));
    const guarded = offsets.filter((offset) => heap.cacheAt(offset) === undefined);
    const first = Math.min(...guarded);
    const run = first - (first % PAGE);
    // The first comes later in its place the second time, so that the place is nobody's to free.
    heap.free(first);
    for (const offset of [first, run, run + 512, run + 1024, run + 8]) {
      if (guarded.includes(offset) && offset !== first) continue;
      const { code } = errorOf(() => heap.free(offset));
      expect(["INVALID_FREE", "DOUBLE_FREE"]).toContain(code);
      expect(heap.owns(offset)).toBe(false);
      expect(errorOf(() => heap.usableSize(offset)).code).toBe("NOT_ALLOCATED");
      expect(errorOf(() => heap.realloc(offset, 100)).code).toBe("NOT_ALLOCATED");
    }
    heap.check();
    for (const offset of offsets) if (offset !== first) heap.free(offset);
    heap.shrink();
    expect(heap.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
  });

  it("gives the pages that small guarded ones share back under pressure, and forgets them with a reset", () => {
    const { heap } = make({ debug: { sample: 2, track: 0 } });
    const allocateAll = (): number => {
      const offsets = Array.from({ length: 100 }, () => heap.malloc(40));
      return offsets.filter((offset) => heap.cacheAt(offset) === undefined).length;
    };
    expect(allocateAll()).toBeGreaterThan(30);
    heap.reset();
    expect(heap.stats()).toMatchObject({ objects: 0, usedBytes: 0, heldBytes: 0, largeObjects: 0 });
    expect(allocateAll()).toBeGreaterThan(30);
    heap.reset();
    const offset = heap.malloc(62 * PAGE);
    heap.free(offset);
    const small = Array.from({ length: 20 }, () => heap.malloc(40));
    for (const each of small) heap.free(each);
    expect(heap.malloc(62 * PAGE)).toBeLessThan(2 * PAGE);
    heap.check();
  });

  it("counts a small guarded one for the limit by what it holds", () => {
    const { heap } = make({ debug: { sample: 2, track: 0, limitBytes: 8192, quarantine: { objects: 0 } } });
    let offset = heap.tryMalloc(400);
    while (offset !== NONE) offset = heap.tryMalloc(400);
    const { guardedAllocations, objects, usedBytes } = heap.stats();
    expect(guardedAllocations).toBeGreaterThan(4);
    expect(usedBytes).toBe(guardedAllocations * 512 + (objects - guardedAllocations) * 448);
    expect(usedBytes).toBeLessThanOrEqual(8192);
    expect(usedBytes).toBeGreaterThan(8192 - 512);
  });

  it("guards as it can: without pages to spare, a request is served as any other", () => {
    const { heap } = make({ debug: { sample: 2 } });
    const offsets: number[] = [];
    for (let offset = heap.tryMalloc(3000); offset !== NONE; offset = heap.tryMalloc(3000))
      offsets.push(offset);
    expect(offsets.length).toBeGreaterThan(55);
    for (const offset of offsets) heap.free(offset);
    heap.check();
  });

  it("knows the pages of what is guarded from those of large allocations", () => {
    const { heap } = make({ debug: { sample: 2, redZone: 0, fill: false } });
    const offsets = Array.from({ length: 12 }, () => heap.malloc(9000));
    for (const offset of offsets) {
      const inside = offset - (offset % PAGE);
      if (inside !== offset) expect(errorOf(() => heap.free(inside)).code).toBe("INVALID_FREE");
      heap.free(offset);
      expect(errorOf(() => heap.free(offset)).code).toBe("DOUBLE_FREE");
    }
    heap.check();
  });
});
