/** What the random operations found, and what reading beside them did: one test a fault. */
import { BuddyAllocator, Heap, NONE, OutOfMemoryError } from "kmem";
import { DebugHeap } from "kmem/debug";
import { describe, expect, it } from "vitest";
import { wasmMemory } from "./backings.ts";

const PAGE = 4096;
const GIB = 2 ** 30;

function errorOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a heap that may grow", () => {
  it("grows rather than fail when only the empty slabs of its caches stand in the way", () => {
    const heap = new Heap({ size: 8 * PAGE, maxSize: 16 * PAGE });
    const offsets = Array.from({ length: 32 }, () => heap.malloc(1024));
    for (const offset of offsets) heap.free(offset);
    expect(heap.tryMalloc(16 * PAGE)).toBe(0);
  });
});

describe("pages smaller than 16 bytes", () => {
  it("are refused, for malloc could not align to 16 on them", () => {
    const error = errorOf(() => new Heap({ size: 32_768, base: 8, pageSize: 8 }));
    expect(error).toBeInstanceOf(RangeError);
  });
});

describe("requests larger than any heap", () => {
  it("are out of memory with small pages as with large ones", () => {
    const heap = new Heap({ size: 65_536, pageSize: 16 });
    expect(heap.tryMalloc(2 * GIB)).toBe(NONE);
    expect(errorOf(() => heap.calloc(2, GIB))).toBeInstanceOf(OutOfMemoryError);
  });

  it("report a fragmentation index for lack of memory, not one that says there is room", () => {
    const heap = new Heap({ size: 16 * PAGE });
    const error = errorOf(() => heap.calloc(2 ** 40 + 1, PAGE)) as OutOfMemoryError;
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(error.fragmentationIndex).not.toBe(-1000);
  });
});

describe("freeing what is no number", () => {
  it.each([null, "4096", [4096], true, undefined, {}])("%j throws and changes nothing", (offset) => {
    const heap = new Heap({ size: 16 * PAGE });
    for (let index = 0; index < 200; index++) heap.malloc(64);
    const before = JSON.stringify(heap.snapshot());
    expect(errorOf(() => heap.free(offset as unknown as number))).toBeInstanceOf(Error);
    expect(JSON.stringify(heap.snapshot())).toBe(before);
    heap.check();
  });

  it.each([null, "16384"])("%j throws and changes nothing where runs of pages lie", (offset) => {
    const heap = new Heap({ size: 16 * PAGE });
    for (let index = 0; index < 4; index++) heap.malloc(3 * PAGE);
    const before = JSON.stringify(heap.snapshot());
    expect(errorOf(() => heap.free(offset as unknown as number))).toBeInstanceOf(Error);
    expect(JSON.stringify(heap.snapshot())).toBe(before);
  });

  it.each([null, "4096", [4096]])("%j throws and changes nothing in a buddy allocator", (offset) => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    buddy.allocate(0);
    buddy.allocate(0);
    expect(errorOf(() => buddy.free(offset as unknown as number))).toBeInstanceOf(Error);
    expect(buddy.stats().allocatedPages).toBe(2);
  });
});

describe("objects without bytes, guarded without red zones", () => {
  it("have offsets of their own, each in its own place", () => {
    const debug = { redZone: 0, fill: false, quarantine: { objects: 1, bytes: 1 }, remember: 1 };
    const heap = DebugHeap.create({ buffer: new ArrayBuffer(4 * PAGE), pageSize: 1024, base: 1024, debug });
    const [, second, third] = [heap.malloc(1), heap.malloc(1), heap.malloc(0)];
    heap.free(second);
    const fourth = heap.malloc(0);
    heap.free(third);
    expect(heap.malloc(0)).not.toBe(fourth);
    heap.check();
  });
});

describe("a heap's tables", () => {
  it("are in proportion to its size, wherever it begins", () => {
    const low = new Heap({ size: 2 ** 20 }).stats().metadataBytes;
    const high = new Heap({ size: 2 ** 20, base: 4 * GIB - 2 ** 20 }).stats().metadataBytes;
    expect(high).toBeLessThanOrEqual(2 * low);
  });
});

describe("realloc to fewer bytes", () => {
  it("gives back the pages that a run does not need any more", () => {
    const heap = new Heap({ size: 16 * PAGE });
    const offset = heap.malloc(16 * PAGE);
    expect(heap.realloc(offset, 9 * PAGE)).toBe(offset);
    expect(heap.usableSize(offset)).toBe(9 * PAGE);
  });

  it("succeeds in a full heap when the object already has the slot it needs", () => {
    const heap = new Heap({ size: 8 * PAGE });
    let last: number = NONE;
    for (let offset = heap.tryMalloc(16); offset !== NONE; offset = heap.tryMalloc(16)) last = offset;
    expect(heap.realloc(last, 4)).toBe(last);
  });

  it("succeeds in a full heap for a run that becomes small", () => {
    const heap = new Heap({ size: 8 * PAGE });
    const offset = heap.malloc(8 * PAGE);
    expect(heap.owns(heap.realloc(offset, 100))).toBe(true);
  });
});

describe("realloc in a heap that zeroes", () => {
  it("gives zeros behind the old bytes, moved or not", () => {
    const heap = new Heap({ memory: wasmMemory({ initial: 4 }), maxSize: 4 * 65_536, zero: true });
    const offset = heap.malloc(3 * PAGE);
    const behind = heap.malloc(3 * PAGE);
    new Uint8Array(heap.buffer, behind, 3 * PAGE).fill(255);
    heap.free(behind);
    const moved = heap.realloc(offset, 6 * PAGE);
    expect(new Uint8Array(heap.buffer, moved + 3 * PAGE, 3 * PAGE).every((byte) => byte === 0)).toBe(true);
  });
});
