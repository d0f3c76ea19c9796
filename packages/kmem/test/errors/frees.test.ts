import { BuddyAllocator, Heap, NONE, SlabCache } from "kmem";
import { describe, expect, test } from "vitest";
import { type CacheOnBuddy, expectAllocError, expectArgumentError, PAGE } from "./helpers.ts";

/** What is no offset that was ever handed out, each with how a message shows it. */
const NO_OFFSETS: readonly [string, unknown][] = [
  ["NaN", NaN],
  ["-1", -1],
  [`${-PAGE}`, -PAGE],
  ["0.5", 0.5],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["4294967296", 2 ** 32],
  ["9007199254740992", 2 ** 53],
];

/** Values that are no number, each with how a message shows it. */
const NO_NUMBERS: readonly [string, unknown][] = [
  ["undefined", undefined],
  ["null", null],
  ['"0"', "0"],
  ['""', ""],
  ["0", [0]],
  ["false", false],
];

describe("BuddyAllocator.free", () => {
  /** 16 pages: a block of order 1 at 0, a run of 5 pages at page 8, the rest free. */
  function make(): BuddyAllocator {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    expect(buddy.allocate(1)).toBe(0);
    expect(buddy.allocatePages(5)).toBe(8 * PAGE);
    return buddy;
  }

  test("a block twice", () => {
    const buddy = make();
    const block = buddy.allocate(0);
    buddy.free(block);
    expectAllocError(buddy, () => buddy.free(block), {
      code: "DOUBLE_FREE",
      message: `cannot free offset ${block}: it is free already`,
      offset: block,
    });
  });

  test("a run twice", () => {
    const buddy = make();
    buddy.freePages(8 * PAGE);
    expectAllocError(buddy, () => buddy.freePages(8 * PAGE), {
      code: "DOUBLE_FREE",
      message: `cannot free offset ${8 * PAGE}: it is free already`,
      offset: 8 * PAGE,
    });
  });

  test("a block twice, merged with its neighbours meanwhile", () => {
    const buddy = make();
    const blocks = [buddy.allocate(0), buddy.allocate(0)];
    buddy.free(blocks[1]);
    buddy.free(blocks[0]);
    expectAllocError(buddy, () => buddy.free(blocks[1]), {
      code: "DOUBLE_FREE",
      message: `cannot free offset ${blocks[1]}: it is free already`,
      offset: blocks[1],
    });
  });

  test("a page where nothing was ever allocated", () => {
    const buddy = make();
    expectAllocError(buddy, () => buddy.free(14 * PAGE), {
      code: "INVALID_FREE",
      message: `cannot free offset ${14 * PAGE}: nothing was allocated there`,
      offset: 14 * PAGE,
    });
  });

  test("a page inside a block", () => {
    const buddy = make();
    expectAllocError(buddy, () => buddy.free(PAGE), {
      code: "INVALID_FREE",
      message: `cannot free offset ${PAGE}: it lies inside a block or run`,
      offset: PAGE,
    });
  });

  test.each([9, 10, 11, 12])("page %i, inside a run that begins at page 8", (page) => {
    const buddy = make();
    expectAllocError(buddy, () => buddy.free(page * PAGE), {
      code: "INVALID_FREE",
      message: `cannot free offset ${page * PAGE}: it lies inside a block or run`,
      offset: page * PAGE,
    });
  });

  test("a page inside a run, where a block was freed before", () => {
    const buddy = make();
    buddy.free(0);
    buddy.allocateAt(PAGE, 0);
    buddy.free(PAGE);
    buddy.reserve(0, 2 * PAGE);
    expectAllocError(buddy, () => buddy.free(PAGE), {
      code: "INVALID_FREE",
      message: `cannot free offset ${PAGE}: it lies inside a block or run`,
      offset: PAGE,
    });
  });

  test.each([1, 16, PAGE - 1, PAGE + 1])("byte %i, where no page begins", (offset) => {
    const buddy = make();
    expectAllocError(buddy, () => buddy.free(offset), {
      code: "INVALID_FREE",
      message: `cannot free offset ${offset}: no page from 0 to ${16 * PAGE} begins there`,
      offset,
    });
  });

  test("the end of the space", () => {
    const buddy = make();
    expectAllocError(buddy, () => buddy.free(16 * PAGE), {
      code: "INVALID_FREE",
      message: `cannot free offset ${16 * PAGE}: no page from 0 to ${16 * PAGE} begins there`,
      offset: 16 * PAGE,
    });
  });

  test("an offset below the base", () => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE, base: 3 * PAGE });
    buddy.allocatePages(16);
    expectAllocError(buddy, () => buddy.free(0), {
      code: "INVALID_FREE",
      message: `cannot free offset 0: no page from ${3 * PAGE} to ${19 * PAGE} begins there`,
      offset: 0,
    });
  });

  test("another allocator's offset", () => {
    const buddy = make();
    const other = new BuddyAllocator({ size: 16 * PAGE, base: 64 * PAGE });
    const offset = other.allocate(0);
    expectAllocError(buddy, () => buddy.free(offset), {
      code: "INVALID_FREE",
      message: `cannot free offset ${offset}: no page from 0 to ${16 * PAGE} begins there`,
      offset,
    });
  });

  test.each(NO_OFFSETS)("what is no offset: %s (%o)", (shown, value) => {
    const buddy = make();
    expectAllocError(buddy, () => buddy.free(value as number), {
      code: "INVALID_FREE",
      message: expect.stringContaining(`cannot free offset ${shown}: `) as unknown as string,
      offset: value,
    });
  });

  test.each(NO_NUMBERS)("what is no number: %s (%o)", (shown, value) => {
    const buddy = make();
    expectArgumentError(
      buddy,
      () => buddy.free(value as number),
      value,
      `offset must be a number, got ${shown}`,
    );
  });

  test.each([
    ["sizeOf", (buddy: BuddyAllocator, offset: number) => buddy.sizeOf(offset)],
    ["resizePages", (buddy: BuddyAllocator, offset: number) => buddy.resizePages(offset, 1)],
  ])("%s where nothing begins", (_, use) => {
    const buddy = make();
    for (const offset of [PAGE, 4 * PAGE, 9 * PAGE, 1, 16 * PAGE, -1, NaN]) {
      expectAllocError(buddy, () => use(buddy, offset), {
        code: "NOT_ALLOCATED",
        message: `no block or run begins at offset ${offset}`,
        offset,
      });
    }
  });
});

describe("SlabCache.free", () => {
  /** A cache of 1000-byte objects: four to a page and 96 bytes behind the last. */
  function make(): CacheOnBuddy {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    const cache = new SlabCache(buddy, { name: "objects", objectSize: 1000 });
    cache.allocateBulk([], 4);
    return { buddy, cache };
  }

  function expectFreeError(
    subject: CacheOnBuddy,
    offset: number,
    code: "DOUBLE_FREE" | "INVALID_FREE",
    why: string,
  ) {
    const message = `cannot free offset ${offset}: ${why}`;
    expectAllocError(subject, () => subject.cache.free(offset), { code, message, offset });
  }

  test("an object twice", () => {
    const subject = make();
    subject.cache.free(1000);
    expectFreeError(subject, 1000, "DOUBLE_FREE", "the slot is free already");
  });

  test("an object twice, its slot gone from the magazine to its slab meanwhile", () => {
    const subject = make();
    subject.cache.free(2000);
    subject.cache.shrink();
    expectFreeError(subject, 2000, "DOUBLE_FREE", "the slot is free already");
  });

  test("a slot that was never handed out", () => {
    const subject = make();
    const fifth = subject.cache.allocate();
    const neighbour = fifth - (fifth % PAGE) + (fifth % PAGE === 0 ? 1000 : 0);
    expectFreeError(subject, neighbour, "DOUBLE_FREE", "the slot is free already");
  });

  test.each([1, 8, 16, 512, 999])("%i bytes inside an object", (inside) => {
    expectFreeError(
      make(),
      1000 + inside,
      "INVALID_FREE",
      `it lies ${inside} bytes inside a slot of 1000 bytes`,
    );
  });

  test.each([4000, 4008, 4095])("offset %i, behind the last slot of its slab", (offset) => {
    expectFreeError(make(), offset, "INVALID_FREE", "it lies behind the last slot of its slab");
  });

  test("a free page", () => {
    expectFreeError(make(), 8 * PAGE, "INVALID_FREE", 'it lies in no slab of cache "objects"');
  });

  test("a block of the allocator below", () => {
    const subject = make();
    expectFreeError(
      subject,
      subject.buddy.allocate(0),
      "INVALID_FREE",
      'it lies in no slab of cache "objects"',
    );
  });

  test("a slab that was given back", () => {
    const subject = make();
    for (const offset of [0, 1000, 2000, 3000]) subject.cache.free(offset);
    subject.cache.shrink();
    expectFreeError(subject, 1000, "INVALID_FREE", 'it lies in no slab of cache "objects"');
  });

  test.each(NO_OFFSETS)("what is no offset: %s (%o)", (shown, value) => {
    const subject = make();
    expectAllocError(subject, () => subject.cache.free(value as number), {
      code: "INVALID_FREE",
      message: expect.stringContaining(`cannot free offset ${shown}: `) as unknown as string,
      offset: value,
    });
  });

  test.each(NO_NUMBERS)("what is no number: %s (%o)", (shown, value) => {
    const subject = make();
    expectArgumentError(
      subject,
      () => subject.cache.free(value as number),
      value,
      `offset must be a number, got ${shown}`,
    );
  });
});

describe("Heap.free", () => {
  /** A heap with a run of 5 pages at 0 and an object of 112 bytes. */
  function make(): { heap: Heap; small: number } {
    const heap = new Heap({ size: 16 * PAGE });
    expect(heap.malloc(5 * PAGE)).toBe(0);
    return { heap, small: heap.malloc(100) };
  }

  function expectFreeError(heap: Heap, offset: number, code: "DOUBLE_FREE" | "INVALID_FREE", why: string) {
    const message = `cannot free offset ${offset}: ${why}`;
    expectAllocError(heap, () => heap.free(offset), { code, message, offset });
  }

  test("a small allocation twice", () => {
    const { heap, small } = make();
    heap.free(small);
    expectFreeError(heap, small, "DOUBLE_FREE", "the slot is free already");
  });

  test("a large allocation twice", () => {
    const { heap } = make();
    heap.free(0);
    expectFreeError(heap, 0, "DOUBLE_FREE", "it is free already");
  });

  test("a small allocation that realloc moved", () => {
    const { heap, small } = make();
    heap.realloc(small, 1000);
    expectFreeError(heap, small, "DOUBLE_FREE", "the slot is free already");
  });

  test("what was never allocated, in a slab", () => {
    const { heap, small } = make();
    const slabOffset = Math.floor(small / PAGE) * PAGE;
    const other = small === slabOffset ? slabOffset + 112 : slabOffset;
    expectFreeError(heap, other, "DOUBLE_FREE", "the slot is free already");
  });

  test("what was never allocated, a free page", () => {
    const { heap } = make();
    expectFreeError(heap, 15 * PAGE, "INVALID_FREE", "nothing was allocated there");
  });

  test.each([1, 16, 111])("%i bytes inside a small allocation", (inside) => {
    const { heap, small } = make();
    const why = `it lies ${inside} bytes inside a slot of 112 bytes`;
    expectFreeError(heap, small + inside, "INVALID_FREE", why);
  });

  test.each([1, 16, PAGE - 1])("%i bytes inside a large allocation", (inside) => {
    const why = `no page from 0 to ${16 * PAGE} begins there`;
    expectFreeError(make().heap, inside, "INVALID_FREE", why);
  });

  test.each([1, 2, 3, 4])("page %i of a large allocation", (page) => {
    expectFreeError(make().heap, page * PAGE, "INVALID_FREE", "it lies inside a block or run");
  });

  test("behind the last slot of a slab", () => {
    const { heap, small } = make();
    const end = (Math.floor(small / PAGE) + 1) * PAGE;
    // 36 slots of 112 bytes leave 64 bytes of the page.
    expectFreeError(heap, end - 64, "INVALID_FREE", "it lies behind the last slot of its slab");
  });

  test("another heap's offset, outside this one", () => {
    const { heap } = make();
    const other = new Heap({ size: 16 * PAGE, base: 16 * PAGE });
    const offset = other.malloc(5 * PAGE);
    const why = `no page from 0 to ${16 * PAGE} begins there`;
    expectFreeError(heap, offset, "INVALID_FREE", why);
  });

  test("another heap's offset, where this one has nothing", () => {
    const { heap } = make();
    const other = new Heap({ size: 16 * PAGE });
    other.malloc(12 * PAGE);
    const offset = other.malloc(2 * PAGE + 1);
    expectFreeError(heap, offset, "INVALID_FREE", "nothing was allocated there");
  });

  test("the end of the heap", () => {
    const why = `no page from 0 to ${16 * PAGE} begins there`;
    expectFreeError(make().heap, 16 * PAGE, "INVALID_FREE", why);
  });

  test("beyond the heap's size, but within what it may grow to", () => {
    const heap = new Heap({ size: 16 * PAGE, maxSize: 64 * PAGE });
    const why = `no page from 0 to ${16 * PAGE} begins there`;
    expectFreeError(heap, 20 * PAGE, "INVALID_FREE", why);
  });

  test.each(NO_OFFSETS)("what is no offset, a large allocation being at 0: %s (%o)", (shown, value) => {
    const { heap } = make();
    expectAllocError(heap, () => heap.free(value as number), {
      code: "INVALID_FREE",
      message: expect.stringContaining(`cannot free offset ${shown}: `) as unknown as string,
      offset: value,
    });
  });

  test.each(NO_NUMBERS)("what is no number, a large allocation being at 0: %s (%o)", (shown, value) => {
    const { heap } = make();
    expectArgumentError(
      heap,
      () => heap.free(value as number),
      value,
      `offset must be a number, got ${shown}`,
    );
  });

  test.each(NO_OFFSETS)("what is no offset, a slab being at 0: %s (%o)", (shown, value) => {
    const heap = new Heap({ size: 16 * PAGE });
    for (let count = 0; count < 36; count++) heap.malloc(100);
    expect(heap.owns(0)).toBe(true);
    expectAllocError(heap, () => heap.free(value as number), {
      code: "INVALID_FREE",
      message: expect.stringContaining(`cannot free offset ${shown}: `) as unknown as string,
      offset: value,
    });
  });

  test.each(NO_NUMBERS)("what is no number, a slab being at 0: %s (%o)", (shown, value) => {
    const heap = new Heap({ size: 16 * PAGE });
    for (let count = 0; count < 36; count++) heap.malloc(100);
    expectArgumentError(
      heap,
      () => heap.free(value as number),
      value,
      `offset must be a number, got ${shown}`,
    );
  });
});

describe.each([
  ["usableSize", (heap: Heap, value: unknown) => heap.usableSize(value as number)],
  ["realloc", (heap: Heap, value: unknown) => heap.realloc(value as number, 100)],
])("Heap.%s of what is no allocation", (_, use) => {
  /** A run of 5 pages at 0, then a page of 36 objects of 112 bytes, of which the first was freed. */
  function make(): Heap {
    const heap = new Heap({ size: 16 * PAGE });
    heap.malloc(5 * PAGE);
    for (let count = 0; count < 36; count++) heap.malloc(112);
    heap.free(5 * PAGE);
    return heap;
  }

  test.each([
    ["inside a large allocation", 16],
    ["a later page of a large allocation", PAGE],
    ["a freed slot", 5 * PAGE],
    ["inside an object", 5 * PAGE + 112 + 16],
    ["behind the last slot", 6 * PAGE - 64],
    ["a free page", 15 * PAGE],
  ])("%s", (_where, offset) => {
    const heap = make();
    const message = `no allocation begins at offset ${offset}`;
    expectAllocError(heap, () => use(heap, offset), { code: "NOT_ALLOCATED", message, offset });
  });

  test.each(NO_OFFSETS)("no offset: %s (%o)", (_shown, value) => {
    const heap = make();
    const message = `no allocation begins at offset ${String(value)}`;
    const offset = value === undefined ? NONE : value;
    expectAllocError(heap, () => use(heap, value), { code: "NOT_ALLOCATED", message, offset });
  });
});
