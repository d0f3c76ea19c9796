import { NONE, SharedHeap, type SharedHeapHandle } from "kmem";
import { describe, expect, test } from "vitest";
import { wasmMemory } from "../model/backings.ts";

const PAGE = 4096;

describe("objects of several threads", () => {
  test("made by one and freed by the other, more than a new magazine holds", () => {
    const first = SharedHeap.create({ size: 256 * PAGE });
    const second = SharedHeap.attach(first.handle);
    for (let count = 0; count < 1000; count++) {
      first.free(second.malloc(32));
      if (count % 10 === 0) first.check({ quiet: true });
    }
    first.shrink();
    second.shrink();
    expect(first.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
  });

  test("are told by both", () => {
    const first = SharedHeap.create({ size: 64 * PAGE });
    const second = SharedHeap.attach(first.handle);
    const [small, large] = [first.malloc(100), second.malloc(3 * PAGE)];
    for (const heap of [first, second]) {
      expect([heap.owns(small), heap.owns(large), heap.owns(large + PAGE)]).toEqual([true, true, false]);
      expect([heap.usableSize(small), heap.usableSize(large)]).toEqual([112, 3 * PAGE]);
      expect(heap.cacheAt(small)).toBe("malloc-112");
      expect(heap.stats()).toMatchObject({ objects: 2, largeObjects: 1 });
    }
  });

  test("moved by realloc of the other keep their bytes", () => {
    const first = SharedHeap.create({ size: 64 * PAGE });
    const second = SharedHeap.attach(first.handle);
    const offset = first.malloc(100);
    new Uint8Array(first.buffer, offset, 100).fill(9);
    const moved = second.realloc(offset, 5000);
    expect(first.owns(offset)).toBe(false);
    expect(new Uint8Array(first.buffer, moved, 100).every((byte) => byte === 9)).toBe(true);
  });

  test("keep slots of their own: no two threads take from one slab", () => {
    const first = SharedHeap.create({ size: 64 * PAGE });
    const second = SharedHeap.attach(first.handle);
    const slabs = [first, second].map((heap) => Math.floor(heap.malloc(16) / 8192));
    expect(slabs[0]).not.toBe(slabs[1]);
  });

  test("of zero are zero, whoever had the bytes before", () => {
    const first = SharedHeap.create({ size: 64 * PAGE, zero: true });
    const second = SharedHeap.attach(first.handle);
    for (const byteLength of [100, 3 * PAGE]) {
      const offset = first.malloc(byteLength);
      new Uint8Array(first.buffer, offset, byteLength).fill(7);
      second.free(offset);
      const again = second.malloc(byteLength);
      expect(new Uint8Array(second.buffer, again, byteLength).every((byte) => byte === 0)).toBe(true);
      first.free(again);
    }
  });
});

describe("a handle", () => {
  test.each([
    ["a buffer", { size: 64 * PAGE }],
    ["a growable buffer", { size: 64 * PAGE, maxSize: 128 * PAGE }],
    ["a memory", { memory: wasmMemory({ initial: 4, maximum: 8, shared: true }), maxSize: 8 * 65_536 }],
  ])("of a heap on %s goes through structuredClone", (_, options) => {
    const first = SharedHeap.create(options);
    const handle: SharedHeapHandle = structuredClone(first.handle);
    const second = SharedHeap.attach(handle);
    const offset = second.malloc(100);
    new Uint8Array(second.buffer, offset, 100).fill(5);
    expect(new Uint8Array(first.buffer, offset, 100).every((byte) => byte === 5)).toBe(true);
    first.free(offset);
    second.check({ quiet: true });
    expect(second.handle).toBe(handle);
  });

  test("gives each thread the first number there is, or the one that it asks for", () => {
    const first = SharedHeap.create({ size: 64 * PAGE, maxThreads: 4 });
    const numbers = [undefined, 3, undefined].map((threadId) => {
      const options = threadId === undefined ? {} : { threadId };
      return SharedHeap.attach(first.handle, options).threadId;
    });
    expect([first.threadId, ...numbers]).toEqual([0, 1, 3, 2]);
  });

  test("lets a heap begin behind the module's own data", () => {
    // Rounded up to a whole page; the bytes are made to reach as far.
    const first = SharedHeap.create({ size: 16 * PAGE, base: 2 * PAGE + 100 });
    const second = SharedHeap.attach(first.handle);
    expect([second.base, second.size, second.pageSize]).toEqual([3 * PAGE, 16 * PAGE, PAGE]);
    expect(second.malloc(1)).toBeGreaterThanOrEqual(3 * PAGE);
    second.check({ quiet: true });
  });
});

describe("growth", () => {
  test("by one thread is seen by the others", () => {
    const first = SharedHeap.create({ size: 4 * PAGE, maxSize: 64 * PAGE });
    const second = SharedHeap.attach(first.handle);
    const offset = second.malloc(20 * PAGE);
    expect(first.size).toBe(second.size);
    expect(first.size).toBeGreaterThanOrEqual(20 * PAGE);
    new Uint8Array(first.buffer, offset, 20 * PAGE).fill(1);
    first.grow(64 * PAGE);
    expect(second.size).toBe(64 * PAGE);
    expect(second.tryMalloc(64 * PAGE)).toBe(NONE);
    second.check({ quiet: true });
  });

  test("leaves arrays on a buffer as they are", () => {
    const first = SharedHeap.create({ size: 4 * PAGE, maxSize: 64 * PAGE });
    const second = SharedHeap.attach(first.handle);
    const view = first.array(Float32Array, 3);
    view.set([1, 2, 3]);
    second.grow(64 * PAGE);
    expect([...view]).toEqual([1, 2, 3]);
    expect(first.refresh(view)).toBe(view);
    second.freeArray(view);
    expect(first.stats().objects).toBe(0);
  });

  test("of a memory by one thread leaves another's arrays right, and refresh puts them on the whole", () => {
    const memory = wasmMemory({ initial: 1, maximum: 4, shared: true });
    const first = SharedHeap.create({ memory, maxSize: 4 * 65_536 });
    const second = SharedHeap.attach(first.handle);
    const view = first.array(Float64Array, 3);
    view.set([1, 2, 3]);
    second.malloc(2 * 65_536);
    // Growth of a shared memory takes no bytes away from views on the old buffer.
    expect([...view]).toEqual([1, 2, 3]);
    const fresh = first.refresh(view);
    expect(fresh.buffer).toBe(memory.buffer);
    fresh[0] = 9;
    expect(view[0]).toBe(9);
    first.freeArray(view);
    first.check({ quiet: true });
  });
});

describe("named caches", () => {
  test("are opened by name, and serve every thread", () => {
    const first = SharedHeap.create({ size: 64 * PAGE });
    const second = SharedHeap.attach(first.handle);
    const nodes = first.createCache({ name: "nodes ñ", objectSize: 40, align: 64 });
    const opened = second.openCache("nodes ñ");
    expect([opened.name, opened.objectSize, opened.slotSize]).toEqual(["nodes ñ", 40, 64]);
    const offset = opened.allocate();
    expect(offset % 64).toBe(0);
    nodes.free(offset);
    const offsets: number[] = [];
    nodes.allocateBulk(offsets, 50);
    opened.freeBulk(offsets, 50);
    expect(nodes.stats()).toMatchObject({ name: "nodes ñ", objects: 0 });
    first.check({ quiet: true });
  });

  test("have a new number after one of the same name was destroyed", () => {
    const first = SharedHeap.create({ size: 64 * PAGE, maxCaches: 2 });
    const second = SharedHeap.attach(first.handle);
    first.createCache({ name: "nodes", objectSize: 40 }).destroy();
    second.createCache({ name: "nodes", objectSize: 80 });
    expect(first.openCache("nodes").slotSize).toBe(80);
  });
});

describe("leaving", () => {
  test("gives everything back that was free, and the number", () => {
    const first = SharedHeap.create({ size: 64 * PAGE, maxThreads: 2 });
    for (let round = 0; round < 5; round++) {
      const second = SharedHeap.attach(first.handle);
      expect(second.threadId).toBe(1);
      for (let count = 0; count < 50; count++) second.free(second.malloc(16 * count));
      second[Symbol.dispose]();
    }
    first.shrink();
    expect(first.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
    first.check({ quiet: true });
  });

  test("leaves objects to the others", () => {
    const first = SharedHeap.create({ size: 64 * PAGE, trackOwners: true });
    const second = SharedHeap.attach(first.handle);
    const offset = second.malloc(100);
    second.detach();
    expect(first.freeOwnedBy(1)).toBe(0);
    expect(first.owns(offset)).toBe(true);
    first.free(offset);
  });

  test("lets reset empty the heap once nobody else is there", () => {
    const first = SharedHeap.create({ size: 64 * PAGE });
    const second = SharedHeap.attach(first.handle);
    second.malloc(100);
    second.detach();
    first.malloc(3 * PAGE);
    first.reset();
    expect(first.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
    first.free(first.malloc(100));
    first.check({ quiet: true });
  });
});

describe("a dead thread", () => {
  test("is reported with what it owned, which one call frees", () => {
    const first = SharedHeap.create({ size: 64 * PAGE, trackOwners: true, maxThreads: 2 });
    const second = SharedHeap.attach(first.handle);
    const kept = first.malloc(100);
    const [small, large, gone] = [second.malloc(100), second.malloc(3 * PAGE), second.malloc(50)];
    first.free(gone);
    const { slots, ...report } = first.recover(1);
    expect(report).toEqual({
      threadId: 1,
      heldLock: false,
      owned: { objects: 2, bytes: 112 + 3 * PAGE },
    });
    expect(slots).toBeGreaterThan(0);
    // Its number stays taken until its objects are freed.
    expect(() => SharedHeap.attach(first.handle)).toThrow("all 2 threads of the heap are attached");
    expect([small, large].every((offset) => first.owns(offset))).toBe(true);
    expect(first.freeOwnedBy(1)).toBe(2);
    expect([small, large, kept].map((offset) => first.owns(offset))).toEqual([false, false, true]);
    expect(SharedHeap.attach(first.handle).threadId).toBe(1);
    first.check({ quiet: true });
  });

  test("gives its number back at once where owners are not tracked", () => {
    const first = SharedHeap.create({ size: 64 * PAGE, maxThreads: 2 });
    SharedHeap.attach(first.handle).malloc(100);
    expect(first.recover(1).owned).toBe(undefined);
    expect(first.recover(1)).toEqual({ threadId: 1, heldLock: false, slots: 0, owned: undefined });
    expect(SharedHeap.attach(first.handle).threadId).toBe(1);
    expect(first.stats().objects).toBe(1);
  });
});
