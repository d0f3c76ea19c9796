import { Heap, NONE, SharedHeap } from "kmem";
import { loadHeap, saveHeap } from "kmem/image";
import { describe, expect, test } from "vitest";
import { expectPattern, expectSound, PAGE, stateOf, writePattern } from "../heap/helpers.ts";
import { makeSubject, type Subject, SUBJECT_NAMES } from "./subjects.ts";

function reopen({ heap, bytes, options }: Subject): Heap {
  return loadHeap(saveHeap(heap), bytes, options);
}

/** What a snapshot says, but for the size that a heap may grow to, which the loader chooses. */
function truthOf(heap: Heap): unknown {
  return { ...heap.snapshot(), maxSize: 0 };
}

describe.each(SUBJECT_NAMES)("a heap on %s", (name) => {
  test.each([
    [1, 0],
    [2, 1],
    [3, 30],
    [4, 400],
    [5, 3000],
  ])("seed %i, after %i operations: is opened as it was", (seed, steps) => {
    const subject = makeSubject(name, seed, steps);
    const { heap, live } = subject;
    const opened = reopen(subject);
    expect(truthOf(opened)).toEqual(truthOf(heap));
    expectSound(opened, live.length);
    for (const offset of live) expect(opened.usableSize(offset)).toBe(heap.usableSize(offset));
  });

  test("goes on: everything is freed once, and the space is whole again", () => {
    const subject = makeSubject(name, 6, 800);
    const opened = reopen(subject);
    const objects = opened.stats().objects;
    const more = [1, 100, 3000].map((byteLength) => opened.tryMalloc(byteLength)).filter((at) => at !== NONE);
    expectSound(opened, objects + more.length);
    for (const offset of more) expect(subject.live).not.toContain(offset);
    for (const offset of [...subject.live, ...more]) opened.free(offset);
    for (const offset of subject.live) expect(() => opened.free(offset)).toThrow(/^cannot free offset/);
    opened.shrink();
    expectSound(opened, 0);
    expect(opened.stats().heldBytes).toBe(0);
  });

  test("has the same image when it is saved again, and saving changes nothing", () => {
    const subject = makeSubject(name, 7, 500);
    const before = stateOf(subject.heap);
    const image = saveHeap(subject.heap);
    expect(stateOf(subject.heap)).toBe(before);
    expect(saveHeap(reopen(subject))).toEqual(image);
  });
});

test("the bytes are where they were", () => {
  const heap = new Heap({ buffer: new ArrayBuffer(64 * PAGE) });
  const offsets = [1, 50, 1000, 9000].map((byteLength) => ({ offset: heap.malloc(byteLength), byteLength }));
  for (const { offset, byteLength } of offsets) writePattern(heap, offset, byteLength, offset);
  const [image, bytes] = [saveHeap(heap), heap.buffer.slice(0)];
  const opened = loadHeap(image, bytes);
  for (const { offset, byteLength } of offsets) expectPattern(opened, offset, byteLength, offset);
  expect(opened.buffer).toBe(bytes);
});

test("an image may lie anywhere in its buffer", () => {
  const image = saveHeap(makeSubject("no bytes", 1, 100).heap);
  const odd = new Uint8Array(image.length + 3).subarray(3);
  odd.set(image);
  expect(saveHeap(loadHeap(odd))).toEqual(image);
});

test("an empty heap of 4 GiB is 28 bytes", () => {
  const image = saveHeap(new Heap({ size: 2 ** 32 }));
  expect(image).toHaveLength(28);
  expect(loadHeap(image, undefined, { maxSize: 2 ** 32 }).size).toBe(2 ** 32);
});

test("a heap that has grown is opened at its size, and grows as far as the loader says", () => {
  const heap = new Heap({ size: 4 * PAGE, maxSize: 64 * PAGE });
  heap.malloc(20 * PAGE);
  const image = saveHeap(heap);
  expect(loadHeap(image)).toMatchObject({ size: heap.size, maxSize: heap.size });
  const opened = loadHeap(image, undefined, { maxSize: 100 * PAGE });
  expect(opened).toMatchObject({ size: heap.size, maxSize: 100 * PAGE });
  opened.malloc(60 * PAGE);
  expectSound(opened, 2);
});

test("an array buffer may be longer than the heap was", () => {
  const heap = new Heap({ buffer: new ArrayBuffer(8 * PAGE) });
  const offset = heap.malloc(100);
  const opened = loadHeap(saveHeap(heap), new ArrayBuffer(20 * PAGE));
  expect(opened).toMatchObject({ size: 8 * PAGE, maxSize: 20 * PAGE });
  expect(opened.owns(offset)).toBe(true);
});

test("with `zero`, what is allocated later is zero, and what was stays as it is", () => {
  const heap = new Heap({ buffer: new ArrayBuffer(8 * PAGE) });
  const offset = heap.malloc(PAGE);
  new Uint8Array(heap.buffer).fill(7);
  const opened = loadHeap(saveHeap(heap), heap.buffer, { zero: true });
  expect(new Uint8Array(opened.buffer, offset, PAGE).every((byte) => byte === 7)).toBe(true);
  expect(new Uint8Array(opened.buffer, opened.malloc(100), 100).every((byte) => byte === 0)).toBe(true);
});

describe("named caches", () => {
  test("are opened by their names, with sizes, alignment and magazine as they were", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const made = heap.createCache({ name: "nodes", objectSize: 100, align: 64, magazineSize: 5 });
    const objects = Array.from({ length: 40 }, () => made.allocate());
    const opened = loadHeap(saveHeap(heap));
    const cache = opened.openCache("nodes");
    expect(cache).toMatchObject({ name: "nodes", objectSize: 100, slotSize: 128 });
    expect(cache.stats()).toMatchObject({ objects: 40, slabs: made.stats().slabs });
    for (const offset of objects) cache.free(offset);
    expect(cache.stats().magazineSlots).toBeLessThanOrEqual(5);
    expect(opened.createCache({ name: "more", objectSize: 8 }).allocate() % 16).toBe(0);
    expect(() => opened.createCache({ name: "nodes", objectSize: 8 })).toThrow(/exists already/);
    expectSound(opened, 1);
  });

  test("of a heap that made them are opened too: it is the same cache", () => {
    const heap = new Heap({ size: 64 * PAGE });
    const first = heap.createCache({ name: "a", objectSize: 8 });
    expect(heap.openCache("a")).toBe(first);
    first.destroy();
    expect(() => heap.openCache("a")).toThrow(
      expect.objectContaining({ code: "NOT_ALLOCATED", message: 'there is no cache "a"' }),
    );
    const second = heap.createCache({ name: "b", objectSize: 500 });
    expect(heap.openCache("b")).toBe(second);
    expect(heap.createCache({ name: "a", objectSize: 16 })).toBe(heap.openCache("a"));
  });

  test("with construct: it is given again, and is called for new slabs only", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(64 * PAGE) });
    heap.createCache({ name: "ready", objectSize: 1024, construct: () => undefined }).allocate();
    const opened = loadHeap(saveHeap(heap), heap.buffer);
    const constructed: number[] = [];
    const cache = opened.openCache("ready", { construct: (offset) => constructed.push(offset) });
    const slots = cache.stats().slots;
    const offsets = Array.from({ length: slots + 1 }, (_, index) => (index === 0 ? 0 : cache.allocate()));
    expect(constructed).toContain(offsets.at(-1));
    expect(constructed).not.toContain(offsets[1]);
  });

  test("with construct that is not given again: no slab is made without", () => {
    const heap = new Heap({ size: 64 * PAGE });
    heap.createCache({ name: "ready", objectSize: 1024, construct: () => undefined }).allocate();
    const opened = loadHeap(saveHeap(heap));
    const cache = opened.openCache("ready");
    for (let left = cache.stats().slots - 1; left > 0; left--) cache.allocate();
    const before = stateOf(opened);
    expect(() => cache.allocate()).toThrow(
      expect.objectContaining({
        code: "DETACHED",
        message: 'open cache "ready" with the construct that it was made with',
      }),
    );
    expect(stateOf(opened)).toBe(before);
    // What was not constructed when it was saved is not demanded when it is saved again, and what was, is.
    expect(saveHeap(opened)).toEqual(saveHeap(loadHeap(saveHeap(opened))));
  });

  test("a name of more than 4,096 units cannot be saved", () => {
    const heap = new Heap({ size: 64 * PAGE });
    heap.createCache({ name: "x".repeat(4096), objectSize: 8 });
    expect(loadHeap(saveHeap(heap)).openCache("x".repeat(4096)).objectSize).toBe(8);
    heap.createCache({ name: "x".repeat(4097), objectSize: 8 });
    expect(() => saveHeap(heap)).toThrow(
      new RangeError("the length of a cache's name must be an integer from 0 to 4096, got 4097"),
    );
  });
});

test("a shared heap is saved, and opened as one of a single thread", () => {
  const heap = SharedHeap.create({ size: 2 ** 20, trackOwners: true });
  const cache = heap.createCache({ name: "nodes", objectSize: 100 });
  const live = [cache.allocate(), heap.malloc(50), heap.malloc(30_000), heap.malloc(5000)];
  heap.free(live.splice(1, 1)[0]!);
  const opened = loadHeap(saveHeap(heap), heap.buffer);
  expectSound(opened, live.length);
  expect(opened.openCache("nodes").stats().objects).toBe(1);
  for (const offset of live) opened.free(offset);
  expectSound(opened, 0);
});
