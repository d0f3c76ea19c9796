import {
  AllocError,
  BuddyAllocator,
  Heap,
  NONE,
  OutOfMemoryError,
  type OutOfMemoryFacts,
  SlabCache,
} from "kmem";
import { describe, expect, test } from "vitest";
import { expectAllocError, PAGE } from "./helpers.ts";

/** Expects an OutOfMemoryError that carries and tells `facts`, and the allocator unchanged. */
function expectOutOfMemory(
  allocator: Parameters<typeof expectAllocError>[0],
  request: () => unknown,
  facts: OutOfMemoryFacts,
): void {
  let thrown: unknown;
  const spied = (): unknown => {
    try {
      return request();
    } catch (error) {
      thrown = error;
      expect(error).toBeInstanceOf(OutOfMemoryError);
      throw new AllocError("OUT_OF_MEMORY", "as expected", NONE);
    }
  };
  expectAllocError(allocator, spied, { code: "OUT_OF_MEMORY", message: "as expected", offset: NONE });
  expect(thrown).toMatchObject({
    ...facts,
    name: "OutOfMemoryError",
    code: "OUT_OF_MEMORY",
    offset: NONE,
    message:
      `out of memory: asked for ${facts.requestedBytes} bytes, ${facts.freeBytes} are free, ` +
      `${facts.largestFreeBytes} in the largest block, fragmentation index ${facts.fragmentationIndex}`,
  });
}

/** 16 pages of which every other one is free. */
function checkered(): BuddyAllocator {
  const buddy = new BuddyAllocator({ size: 16 * PAGE });
  const pages = Array.from({ length: 16 }, () => buddy.allocate(0));
  for (const page of pages.filter((_, index) => index % 2 === 1)) buddy.free(page);
  return buddy;
}

describe("BuddyAllocator", () => {
  test("nothing is free", () => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    buddy.allocate(4);
    expect([buddy.tryAllocate(0), buddy.tryAllocatePages(1)]).toEqual([NONE, NONE]);
    const facts = { requestedBytes: PAGE, freeBytes: 0, largestFreeBytes: 0, fragmentationIndex: 0 };
    expectOutOfMemory(buddy, () => buddy.allocate(0), facts);
  });

  test("free pages are scattered: the index tells fragmentation", () => {
    const buddy = checkered();
    expect(buddy.tryAllocate(1)).toBe(NONE);
    const facts = { freeBytes: 8 * PAGE, largestFreeBytes: PAGE };
    // 8 blocks of a page: 1000 - floor((1000 + floor(8000 / 2^order)) / 8).
    const index = [375, 625, 750];
    expectOutOfMemory(buddy, () => buddy.allocate(1), {
      ...facts,
      requestedBytes: 2 * PAGE,
      fragmentationIndex: index[0],
    });
    expectOutOfMemory(buddy, () => buddy.allocate(2), {
      ...facts,
      requestedBytes: 4 * PAGE,
      fragmentationIndex: index[1],
    });
    expectOutOfMemory(buddy, () => buddy.allocate(3), {
      ...facts,
      requestedBytes: 8 * PAGE,
      fragmentationIndex: index[2],
    });
  });

  test("too little is free: the index tells lack of memory", () => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    buddy.reserve(0, 15 * PAGE);
    expectOutOfMemory(buddy, () => buddy.allocate(3), {
      requestedBytes: 8 * PAGE,
      freeBytes: PAGE,
      largestFreeBytes: PAGE,
      // One block: 1000 - (1000 + 1000 / 8).
      fragmentationIndex: -125,
    });
  });

  test("a run of pages", () => {
    const buddy = checkered();
    expectOutOfMemory(buddy, () => buddy.allocatePages(3), {
      requestedBytes: 3 * PAGE,
      freeBytes: 8 * PAGE,
      largestFreeBytes: PAGE,
      fragmentationIndex: 625,
    });
  });

  test("a block is free, but not within the range asked for: the index is -1000", () => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    buddy.reserve(0, 8 * PAGE);
    expect(buddy.tryAllocate(1, { to: 8 * PAGE })).toBe(NONE);
    expectOutOfMemory(buddy, () => buddy.allocate(1, { to: 8 * PAGE }), {
      requestedBytes: 2 * PAGE,
      freeBytes: 8 * PAGE,
      largestFreeBytes: 8 * PAGE,
      fragmentationIndex: -1000,
    });
  });

  test("more pages than any space has carry an index of lack of memory", () => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    expectOutOfMemory(buddy, () => buddy.allocatePages(2 ** 26), {
      requestedBytes: 2 ** 26 * PAGE,
      freeBytes: 16 * PAGE,
      largestFreeBytes: 16 * PAGE,
      fragmentationIndex: 0,
    });
  });
});

describe("SlabCache", () => {
  test("no page for another slab: what is asked for is the smallest slab", () => {
    const buddy = checkered();
    const cache = new SlabCache(buddy, { name: "objects", objectSize: PAGE + 1 });
    expect(cache.tryAllocate()).toBe(NONE);
    expectOutOfMemory({ cache, buddy }, () => cache.allocate(), {
      requestedBytes: 2 * PAGE,
      freeBytes: 8 * PAGE,
      largestFreeBytes: PAGE,
      fragmentationIndex: 375,
    });
  });
});

describe("Heap", () => {
  test.each([
    ["one byte more than a page", PAGE + 1],
    ["a large allocation", 3 * PAGE],
    ["a large allocation of no whole pages", 3 * PAGE + 5],
  ])("tells what was asked for: %s", (_, byteLength) => {
    const heap = new Heap({ size: 2 * PAGE });
    heap.malloc(PAGE);
    expect(heap.tryMalloc(byteLength)).toBe(NONE);
    expect(() => heap.malloc(byteLength)).toThrow(
      expect.objectContaining({
        requestedBytes: byteLength,
        freeBytes: PAGE,
        largestFreeBytes: PAGE,
        message: expect.stringContaining(`asked for ${byteLength} bytes, `),
      }),
    );
  });

  test("tells what was asked for: a small allocation", () => {
    const heap = new Heap({ size: PAGE });
    heap.malloc(PAGE);
    expect(() => heap.malloc(100)).toThrow(expect.objectContaining({ requestedBytes: 100, freeBytes: 0 }));
  });

  test("a failing request changes nothing once unused slabs were taken back", () => {
    const heap = new Heap({ size: 16 * PAGE });
    heap.malloc(3 * PAGE);
    heap.malloc(100);
    for (const request of [16 * PAGE, 2 ** 32]) {
      expect(heap.tryMalloc(request)).toBe(NONE);
      const before = JSON.stringify([heap.snapshot(), heap.stats()]);
      expect(() => heap.malloc(request)).toThrow(OutOfMemoryError);
      expect(JSON.stringify([heap.snapshot(), heap.stats()])).toBe(before);
    }
    heap.check();
  });

  test("is an AllocError and an Error, told apart by class and code", () => {
    const heap = new Heap({ size: PAGE });
    let thrown: unknown;
    try {
      heap.malloc(2 * PAGE);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(OutOfMemoryError);
    expect(thrown).toBeInstanceOf(AllocError);
    expect(thrown).toBeInstanceOf(Error);
    expect(thrown).toMatchObject({ code: "OUT_OF_MEMORY" });
  });
});
