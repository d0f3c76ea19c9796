import { BuddyAllocator, Heap, SharedHeap, SlabCache } from "kmem";
import { DebugHeap } from "kmem/debug";
import { describe, expect, test } from "vitest";
import { CheckRound } from "../../src/inspect/check-round.ts";

const PAGE = 4096;

/** Does steps of `pages` up to the end of a round, and returns how many they were. */
function stepsOfRound(allocator: { check(step: { pages: number }): boolean }, pages: number): number {
  let count = 1;
  while (!allocator.check({ pages })) count++;
  return count;
}

/** A heap of 256 pages with small and large allocations throughout. */
function fullHeap(): { heap: Heap; offsets: number[] } {
  const heap = new Heap({ size: 256 * PAGE });
  const offsets: number[] = [];
  for (let size = 16; offsets.length < 200; size = (size * 5) % 3001) offsets.push(heap.malloc(size));
  for (let index = 0; index < 4; index++) offsets.push(heap.malloc(9000));
  return { heap, offsets };
}

describe("a step looks at its pages alone", () => {
  test("a round has as many steps as its pages need, and the next begins at the start", () => {
    const buddy = new BuddyAllocator({ size: 10 * PAGE });
    expect(stepsOfRound(buddy, 3)).toBe(4);
    expect(stepsOfRound(buddy, 10)).toBe(1);
    expect(stepsOfRound(buddy, 1e9)).toBe(1);
    expect(stepsOfRound(buddy, 1)).toBe(10);
  });

  test("what is wrong on a page is found by the step that comes to it, again and again until it is mended", () => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    for (let page = 0; page < 16; page++) buddy.allocate(0);
    buddy["pages"][9] = 0;
    expect(buddy.check({ pages: 8 })).toBe(false);
    const wrong = expect.objectContaining({ code: "CORRUPTED" });
    expect(() => buddy.check({ pages: 4 })).toThrow(wrong);
    expect(() => buddy.check({ pages: 4 })).toThrow(wrong);
    buddy["pages"][9] = buddy["pages"][8]!;
    expect(buddy.check({ pages: 4 })).toBe(false);
    expect(buddy.check({ pages: 4 })).toBe(true);
  });

  test("a whole check leaves the round under way where it is", () => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    expect(buddy.check({ pages: 12 })).toBe(false);
    expect(buddy.check()).toBe(true);
    expect(buddy.check({ pages: 4 })).toBe(true);
  });

  test("a step ends with the slab that it comes to", () => {
    const round = new CheckRound();
    const windows: number[][] = [];
    const step = (): boolean =>
      round.advance(
        { pages: 3 },
        10,
        (page) => Math.ceil(page / 4) * 4,
        ({ from, end }) => windows.push([from, end]),
      );
    expect([step(), step(), step(), step()]).toEqual([false, false, true, false]);
    expect(windows).toEqual([
      [0, 4],
      [4, 8],
      [8, 10],
      [0, 4],
    ]);
  });
});

describe("between two steps anything may be done", () => {
  test("a heap's objects come and go", () => {
    const { heap, offsets } = fullHeap();
    for (let turn = 0; turn < 300; turn++) {
      heap.check({ pages: 1 + (turn % 5) });
      const index = (turn * 7) % offsets.length;
      heap.free(offsets[index]!);
      offsets[index] = heap.malloc((turn * 37) % 5000);
    }
    heap.check();
  });

  test("a heap grows, and is emptied at once", () => {
    const heap = new Heap({ size: 4 * PAGE, maxSize: 64 * PAGE });
    expect(heap.check({ pages: 3 })).toBe(false);
    heap.malloc(32 * PAGE);
    expect(heap.check({ pages: 3 })).toBe(false);
    expect(stepsOfRound(heap, 10)).toBeGreaterThan(2);
    expect(heap.check({ pages: 9 })).toBe(false);
    heap.reset();
    stepsOfRound(heap, 9);
    heap.check();
  });

  test("another thread's attachment changes a shared heap", () => {
    const first = SharedHeap.create({ size: 512 * PAGE });
    const second = SharedHeap.attach(first.handle);
    const offsets: number[] = [];
    for (let turn = 0; turn < 200; turn++) {
      first.check({ pages: 2 });
      offsets.push(second.malloc(16 + ((turn * 97) % 2000)));
      if (offsets.length > 40) first.free(offsets.shift()!);
      second.check({ pages: 3, quiet: true });
    }
    first.check({ quiet: true });
  });
});

describe("counters are compared at the end of a round in which nothing changed", () => {
  test.each([
    ["Heap", (heap: Heap) => heap],
    ["SlabCache", (heap: Heap) => heap.createCache({ name: "c", objectSize: 64 })],
  ])("of a %s", (_, of) => {
    const heap = new Heap({ size: 64 * PAGE });
    heap.malloc(100);
    const subject = of(heap);
    heap.free(heap.malloc(64));
    const { words, layout } = heap["pool"];
    // The free slots of the cache that serves 100 bytes.
    const at = heap["pool"]["cache"](heap["pool"].cacheAt(0)) + 6;
    expect(at).toBeGreaterThan(layout.caches);
    words[at]!++;
    expect(() => stepsOfRound(subject, 5)).toThrow(/^S5 broken: cache \d+, counter 3 is \d+, expected \d+$/);
    words[at]!--;
    stepsOfRound(subject, 5);
  });

  test("of a BuddyAllocator", () => {
    const buddy = new BuddyAllocator({ size: 64 * PAGE });
    buddy.allocate(2);
    const lists = buddy["lists"];
    lists.counts[2]!++;
    expect(() => stepsOfRound(buddy, 5)).toThrow("F3 broken: the count of order 2 is 2, expected 1");
    lists.counts[2]!--;
    stepsOfRound(buddy, 5);
  });

  test("of a shared heap only where no other thread had the lock meanwhile", () => {
    const first = SharedHeap.create({ size: 64 * PAGE });
    const second = SharedHeap.attach(first.handle);
    first.malloc(5 * PAGE);
    const { words, layout } = first["sharedPool"];
    words[layout.caches + 1]!++;
    expect(() => stepsOfRound(first, 16)).toThrow(
      "H2 broken: the count of large allocations is 2, expected 1",
    );
    // The step that threw begins a new count; what another thread does makes it useless.
    second.free(second.malloc(5 * PAGE));
    expect(stepsOfRound(first, 16)).toBe(1);
    expect(() => stepsOfRound(first, 16)).toThrow(/^H2 broken: /);
    words[layout.caches + 1]!--;
    stepsOfRound(first, 16);
  });
});

test("a round is not misled by the steps of another on the same shared heap", () => {
  const first = SharedHeap.create({ size: 64 * PAGE });
  const second = SharedHeap.attach(first.handle);
  const cache = first.createCache({ name: "c", objectSize: 64 });
  expect(cache.check({ pages: 8 })).toBe(false);
  expect(first.check({ pages: 8 })).toBe(false);
  second.malloc(5 * PAGE);
  second.malloc(100);
  expect(cache.check({ pages: 8 })).toBe(false);
  stepsOfRound(first, 8);
  stepsOfRound(cache, 8);
});

describe("debug heaps look at the bytes of the pages of a step", () => {
  test("a red zone that was written", () => {
    const heap = DebugHeap.create({ buffer: new ArrayBuffer(64 * PAGE), debug: "full" });
    const bytes = new Uint8Array(heap.buffer as ArrayBuffer);
    const offsets = Array.from({ length: 40 }, () => heap.malloc(1000));
    stepsOfRound(heap, 4);
    bytes[offsets[30]! + 1000]! ^= 1;
    expect(() => stepsOfRound(heap, 4)).toThrow(expect.objectContaining({ code: "OVERFLOW" }));
    // It was put right, and is told once.
    stepsOfRound(heap, 4);
  });

  test("a freed object that was written", () => {
    const heap = DebugHeap.create({ buffer: new ArrayBuffer(64 * PAGE), debug: "full" });
    const bytes = new Uint8Array(heap.buffer as ArrayBuffer);
    const offsets = Array.from({ length: 40 }, () => heap.malloc(1000));
    heap.free(offsets[30]!);
    stepsOfRound(heap, 4);
    bytes[offsets[30]! + 8]! ^= 1;
    expect(() => stepsOfRound(heap, 4)).toThrow(expect.objectContaining({ code: "USE_AFTER_FREE" }));
  });
});

test.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 53, "4", null, true])(
  "a step of %s pages is refused",
  (pages) => {
    const heap = new Heap({ size: 8 * PAGE });
    const shared = SharedHeap.create({ size: 64 * PAGE });
    const buddy = new BuddyAllocator({ size: 8 * PAGE });
    const cache = new SlabCache(buddy, { name: "c", objectSize: 32 });
    const step = { pages } as { pages: number };
    const kind = typeof pages === "number" ? RangeError : TypeError;
    for (const subject of [heap, shared, buddy, cache]) {
      expect(() => subject.check(step)).toThrow(kind);
      expect(() => subject.check(step)).toThrow(/^pages must be an integer from 1 to /);
    }
    expect(heap.check({ pages: 8 })).toBe(true);
  },
);
