/** What heaps for debugging do where two of their rules meet. */
import { AllocError } from "kmem";
import { expect, test } from "vitest";
import { errorOf, firstLine, make } from "./helpers.ts";

test("a cache that was destroyed may be destroyed again, and used no more", () => {
  const { heap } = make();
  const cache = heap.createCache({ name: "nodes", objectSize: 40 });
  cache.free(cache.allocate());
  cache.destroy();
  cache.destroy();
  expect(errorOf(() => cache.allocate()).code).toBe("DETACHED");
  expect(errorOf(() => cache.shrink()).code).toBe("DETACHED");
});

test("a guarded object outside of slabs, whose constructor throws, is not there", () => {
  const { heap } = make({ debug: { sample: 0 } });
  let mayConstruct = true;
  const cache = heap.createCache({
    name: "nodes",
    objectSize: 40,
    debug: { sample: 1 },
    construct: () => {
      if (!mayConstruct) throw new Error("cannot construct");
    },
  });
  const offset = cache.allocate();
  mayConstruct = false;
  expect(() => cache.allocate()).toThrow("cannot construct");
  expect(cache.stats().objects).toBe(1);
  cache.free(offset);
  heap.check();
});

test("an object of a cache is not freed by another cache, where both lie outside of slabs", () => {
  const { heap } = make({ debug: { sample: 0 } });
  const nodes = heap.createCache({ name: "nodes", objectSize: 40, debug: { sample: 1 } });
  const edges = heap.createCache({ name: "edges", objectSize: 40, debug: { sample: 1 } });
  const offset = nodes.allocate();
  const error = errorOf(() => edges.free(offset));
  expect(error.code).toBe("INVALID_FREE");
  expect(firstLine(error)).toContain('cache "edges"');
  nodes.free(offset);
  expect(errorOf(() => nodes.free(offset)).code).toBe("DOUBLE_FREE");
});

test("what nobody tracked leaks from nowhere in particular", () => {
  const { heap } = make({ debug: { track: 0 } });
  heap.malloc(100);
  heap.malloc(20);
  const leaks = heap.leaks();
  expect(leaks).toHaveLength(1);
  expect(leaks[0]).toMatchObject({ site: undefined, objects: 2, bytes: 120 });
});

test("a leak scope tells what lives of it, and then throws", () => {
  const { heap } = make({ debug: "traced" });
  const scope = heap.leakScope("loading");
  heap.malloc(100);
  expect(scope.leaks().reduce((sum, { objects }) => sum + objects, 0)).toBe(1);
  expect(errorOf(() => scope[Symbol.dispose]()).code).toBe("LEAKED");
});

test("a seed of 0 gives random slots like any other", () => {
  const offsets = (seed: number): number[] => {
    const { heap } = make({ debug: { sample: 0, randomSlots: true, seed } });
    return Array.from({ length: 20 }, () => heap.malloc(64));
  };
  expect(new Set(offsets(0)).size).toBe(20);
  expect(offsets(0)).toEqual(offsets(0));
  expect(offsets(0)).not.toEqual(offsets(1));
});

test("usableSize and realloc of what is no allocation change nothing", () => {
  const { heap } = make();
  const offset = heap.malloc(100);
  expect(errorOf(() => heap.usableSize(offset + 16)).code).toBe("NOT_ALLOCATED");
  expect(errorOf(() => heap.realloc(offset + 16, 10)).code).toBe("NOT_ALLOCATED");
  expect(heap.usableSize(offset)).toBe(100);
});

test("a realloc whose old allocation was overrun gives the new one back", () => {
  const { heap, bytes } = make();
  const offset = heap.malloc(100);
  bytes[offset + 100] = 7;
  const before = heap.stats().objects;
  expect(errorOf(() => heap.realloc(offset, 300))).toBeInstanceOf(AllocError);
  expect(heap.stats().objects).toBe(before);
});

test("a free slot that was never used, and is written, is found by check(), and told of by its size", () => {
  const { heap, bytes } = make();
  const offset = heap.malloc(100);
  bytes[offset - 16 + 160 + 5] = 7;
  const error = errorOf(() => heap.check());
  expect([error.code, firstLine(error)]).toEqual([
    "USE_AFTER_FREE",
    `write to freed memory: byte 5 of the free slot of 160 bytes at offset ${offset + 144} is 0x07, not 0xdd`,
  ]);
  heap.check();
});

test("without red zones, an allocation may fill its slot to the end, and its patterns are looked at all the same", () => {
  const { heap, bytes } = make({ debug: { redZone: 0 } });
  const offsets = Array.from({ length: 40 }, (_, index) => heap.malloc(48 + index));
  for (const [index, offset] of offsets.entries()) {
    expect([...bytes.subarray(offset, offset + 48 + index)].every((byte) => byte === 0xcd)).toBe(true);
    heap.free(offset);
  }
  bytes[offsets[3]! + 2] = 7;
  expect(errorOf(() => heap.check()).code).toBe("USE_AFTER_FREE");
});

test("a realloc that meets what was written in quarantine gives the new allocation back", () => {
  const { heap, bytes } = make({ debug: { quarantine: { objects: 1 } } });
  const freed = heap.malloc(100);
  heap.free(freed);
  bytes[freed] = 7;
  const offset = heap.malloc(100);
  expect(errorOf(() => heap.realloc(offset, 3000)).code).toBe("USE_AFTER_FREE");
  expect(heap.stats().objects).toBe(1);
  expect(heap.usableSize(offset)).toBe(100);
  heap.check();
});

test("what stands for an offset no more is forgotten by a reset, and the latest is remembered", () => {
  const { heap } = make({ debug: { quarantine: { objects: 0 }, remember: 1000, track: 0 } });
  const offsets = Array.from({ length: 5 }, () => {
    const offset = heap.malloc(100);
    heap.free(offset);
    return offset;
  });
  expect(new Set(offsets).size).toBe(2);
  const lives = heap.malloc(100);
  heap.reset();
  const error = errorOf(() => heap.free(lives));
  expect([error.code, error.message]).toEqual([
    "DOUBLE_FREE",
    expect.stringContaining("freed by reset() after allocation 6"),
  ]);
  heap.check();
});

test("openCache gives a cache of the heap, and takes no construct", () => {
  const { heap } = make();
  const cache = heap.createCache({ name: "nodes", objectSize: 40 });
  expect(heap.openCache("nodes")).toBe(cache);
  expect(() => heap.openCache("nodes", { construct: () => {} })).toThrow("construct must be left out");
});
