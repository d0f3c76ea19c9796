/** Heaps that grow on demand: how large they get, what stays, and what a refusal leaves behind. */
import { Heap, NONE, OutOfMemoryError } from "kmem";
import { describe, expect, it } from "vitest";
import { wasmMemory } from "./model/backings.ts";
import { fillPayload, verifyPayload } from "./model/payload.ts";
import { Random } from "./model/random.ts";

const PAGE = 4096;
const MIB = 2 ** 20;
const WASM_PAGE = 65536;
/** Bytes that a cache's first slab takes at most: that of the largest class. */
const FIRST_SLAB_BYTES = (slotSize: number): number => Math.max(PAGE, 2 ** Math.ceil(Math.log2(slotSize)));

/** An operation of a load: allocate `byteLength` bytes, or, where it is negative, free the object at that share. */
interface Step {
  byteLength: number;
  place: number;
}

/** Small and large requests and random frees, up to about `liveBytes` bytes at once. */
function mixedLoad(seed: number, stepCount: number, liveBytes: number): Step[] {
  const random = new Random(seed, "growth");
  const live: number[] = [];
  let bytes = 0;
  return Array.from({ length: stepCount }, () => {
    if (live.length > 0 && (bytes > liveBytes || random.chance(0.4))) {
      const index = random.below(live.length);
      bytes -= live[index]!;
      live[index] = live.at(-1)!;
      live.pop();
      return { byteLength: NONE, place: index };
    }
    const byteLength = random.chance(0.9) ? random.upTo(1024) : random.upTo(100_000);
    live.push(byteLength);
    bytes += byteLength;
    return { byteLength, place: 0 };
  });
}

/** Plays `load`; false when an allocation finds no room. */
function play(heap: Heap, load: Step[]): boolean {
  const live: number[] = [];
  for (const { byteLength, place } of load) {
    if (byteLength === NONE) {
      heap.free(live[place]!);
      live[place] = live.at(-1)!;
      live.pop();
      continue;
    }
    const offset = heap.tryMalloc(byteLength);
    if (offset === NONE) return false;
    live.push(offset);
  }
  return true;
}

/** The smallest number of bytes that a heap of fixed size needs for `load`. */
function smallestFixedSize(load: Step[]): number {
  let tooFew = 0;
  let enough = (64 * MIB) / PAGE;
  while (enough - tooFew > 1) {
    const pageCount = Math.floor((tooFew + enough) / 2);
    if (play(new Heap({ size: pageCount * PAGE }), load)) enough = pageCount;
    else tooFew = pageCount;
  }
  return enough * PAGE;
}

describe("a heap that grows page by page", () => {
  it.each([1, 2, 3, 4, 5, 6])("ends no larger than a fixed one, plus a slab a class (load %i)", (seed) => {
    const load = mixedLoad(seed, 6000, MIB / 2);
    const heap = new Heap({ size: PAGE, maxSize: 64 * MIB });
    expect(play(heap, load)).toBe(true);
    heap.check();
    const { caches } = heap.stats();
    const usedClasses = caches.filter(({ slabs }) => slabs > 0);
    expect(usedClasses.length).toBeGreaterThan(10);
    const slabBytes = usedClasses.reduce((sum, { slotSize }) => sum + FIRST_SLAB_BYTES(slotSize), 0);
    expect(heap.size).toBeLessThanOrEqual(smallestFixedSize(load) + slabBytes);
  });

  it("grows by no more than the pages that are asked for", () => {
    const heap = new Heap({ size: PAGE, maxSize: MIB });
    expect(heap.malloc(5 * PAGE)).toBe(0);
    expect(heap.size).toBe(5 * PAGE);
    expect(heap.malloc(3 * PAGE)).toBe(5 * PAGE);
    expect(heap.size).toBe(8 * PAGE);
    expect(heap.malloc(16)).toBeGreaterThanOrEqual(8 * PAGE);
    expect(heap.size).toBe(9 * PAGE);
  });

  it("merges new space with the free space before it", () => {
    const heap = new Heap({ size: 8 * PAGE, maxSize: 64 * PAGE });
    const offset = heap.malloc(3 * PAGE);
    const large = heap.malloc(10 * PAGE);
    expect(large).toBe(offset + 3 * PAGE);
    expect(heap.size).toBe(13 * PAGE);
    heap.free(large);
    heap.free(offset);
    heap.grow(16 * PAGE);
    expect(heap.stats().buddy.largestFreeBytes).toBe(16 * PAGE);
    heap.grow(64 * PAGE);
    expect(heap.stats().buddy.freeBlocks.at(-1)).toBe(1);
    heap.check();
  });

  it("keeps every object where it is, and its bytes", () => {
    const buffer = new ArrayBuffer(PAGE, { maxByteLength: 4 * MIB });
    const heap = new Heap({ buffer });
    const random = new Random(21);
    const objects: { offset: number; byteLength: number }[] = [];
    while (heap.size < 3 * MIB) {
      const byteLength = random.upTo(20_000);
      const offset = heap.malloc(byteLength);
      fillPayload(heap.buffer, offset, byteLength, objects.length);
      objects.push({ offset, byteLength });
    }
    expect(buffer.byteLength).toBe(heap.size);
    for (const [id, { offset, byteLength }] of objects.entries()) {
      verifyPayload(heap.buffer, offset, byteLength, id);
      heap.free(offset);
    }
    heap.shrink();
    expect(heap.stats().heldBytes).toBe(0);
    heap.check();
  });

  // A loop copies the small ones, the engine the large ones; both have seen the buffer as it was before.
  it.each([40, 200, 3000])("moves %i bytes into space that it has grown by for them", (byteLength) => {
    const heap = new Heap({ buffer: new ArrayBuffer(8 * PAGE, { maxByteLength: MIB }) });
    const offset = heap.calloc(1, byteLength);
    fillPayload(heap.buffer, offset, byteLength, 1);
    const before = heap.size;
    heap.malloc(heap.size - heap.stats().heldBytes);
    expect(heap.size).toBe(before);
    const moved = heap.realloc(offset, 6 * PAGE);
    expect(moved).toBeGreaterThanOrEqual(before);
    verifyPayload(heap.buffer, moved, byteLength, 1);
    heap.check();
  });

  it("enlarges its last allocation in place", () => {
    const heap = new Heap({ size: 4 * PAGE, maxSize: 64 * PAGE });
    const offset = heap.malloc(3 * PAGE);
    expect(heap.realloc(offset, 40 * PAGE)).toBe(offset);
    expect(heap.size).toBe(40 * PAGE);
    heap.check();
  });
});

describe("growth of a WebAssembly.Memory", () => {
  it("goes on within the maximum; at the maximum a refusal changes nothing", () => {
    const memory = wasmMemory({ initial: 1, maximum: 4 });
    const heap = new Heap({ memory, maxSize: 16 * WASM_PAGE });
    const first = heap.malloc(WASM_PAGE);
    const second = heap.malloc(2 * WASM_PAGE);
    expect(memory.buffer.byteLength).toBe(3 * WASM_PAGE);
    fillPayload(heap.buffer, first, WASM_PAGE, 1);
    fillPayload(heap.buffer, second, 2 * WASM_PAGE, 2);
    const before = JSON.stringify([heap.snapshot(), heap.stats()]);
    expect(heap.tryMalloc(2 * WASM_PAGE)).toBe(NONE);
    expect(() => heap.malloc(2 * WASM_PAGE)).toThrow(OutOfMemoryError);
    expect(() => heap.grow(5 * WASM_PAGE)).toThrow(OutOfMemoryError);
    expect(() => heap.realloc(second, 4 * WASM_PAGE)).toThrow(OutOfMemoryError);
    expect(JSON.stringify([heap.snapshot(), heap.stats()])).toBe(before);
    expect(memory.buffer.byteLength).toBe(3 * WASM_PAGE);
    heap.malloc(WASM_PAGE);
    expect(memory.buffer.byteLength).toBe(4 * WASM_PAGE);
    verifyPayload(heap.buffer, first, WASM_PAGE, 1);
    verifyPayload(heap.buffer, second, 2 * WASM_PAGE, 2);
    heap.check();
  });

  it("leaves the bytes below the base alone", () => {
    const memory = wasmMemory({ initial: 1, maximum: 8 });
    fillPayload(memory.buffer, 0, 1000, 3);
    const heap = new Heap({ memory, base: 1000, maxSize: 6 * WASM_PAGE, zero: true });
    expect(heap.base).toBe(PAGE);
    for (let index = 0; index < 40; index++) {
      const offset = heap.malloc(8000);
      expect(offset).toBeGreaterThanOrEqual(PAGE);
      fillPayload(heap.buffer, offset, 8000, index);
    }
    verifyPayload(memory.buffer, 0, 1000, 3);
    heap.check();
  });

  it("detaches arrays; refresh makes them anew on the same bytes, and a detached one can be freed", () => {
    const memory = wasmMemory({ initial: 1, maximum: 16 });
    const heap = new Heap({ memory, maxSize: 16 * WASM_PAGE });
    const floats = heap.array(Float32Array, 100).fill(1.5);
    const bytes = heap.array(Uint8Array, 10).fill(7);
    expect(heap.refresh(floats)).toBe(floats);
    const { byteOffset } = floats;
    heap.grow(2 * WASM_PAGE);
    expect(floats.length).toBe(0);
    const fresh = heap.refresh(floats);
    expect([fresh.byteOffset, fresh.length, fresh[0], fresh[99]]).toEqual([byteOffset, 100, 1.5, 1.5]);
    heap.grow(3 * WASM_PAGE);
    expect(heap.refresh(fresh)[99]).toBe(1.5);
    heap.freeArray(fresh);
    expect(heap.owns(byteOffset)).toBe(false);
    heap.freeArray(bytes);
    expect(heap.stats().objects).toBe(0);
  });

  it("does not touch arrays on a resizable buffer: they stay right by themselves", () => {
    const heap = new Heap({ buffer: new SharedArrayBuffer(PAGE, { maxByteLength: MIB }) });
    const words = heap.array(Uint32Array, 50).fill(9);
    heap.grow(MIB);
    expect(heap.refresh(words)).toBe(words);
    expect(words[49]).toBe(9);
    words[0] = 8;
    expect(new Uint32Array(heap.buffer, words.byteOffset, 1)[0]).toBe(8);
    heap.freeArray(words);
    heap.check();
  });
});
