import { type BuddyAllocator, NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { buddyOf, expectSound, layoutOf, PAGE, stateOf } from "./helpers.ts";

describe("allocating within a range", () => {
  test("takes the lowest place from `from` on", () => {
    const buddy = buddyOf(16);
    expect(buddy.allocate(1, { from: 5 * PAGE })).toBe(6 * PAGE);
    expect(buddy.allocate(1, { from: 5 * PAGE })).toBe(8 * PAGE);
    expect(buddy.allocate(0, { from: 5 * PAGE })).toBe(5 * PAGE);
    expectSound(buddy);
  });

  test("takes the highest place before `to`", () => {
    const buddy = buddyOf(16);
    expect(buddy.allocate(1, { to: 11 * PAGE, highest: true })).toBe(8 * PAGE);
    expect(buddy.allocate(1, { to: 11 * PAGE, highest: true })).toBe(6 * PAGE);
    expect(buddy.allocate(0, { to: 11 * PAGE, highest: true })).toBe(10 * PAGE);
    expectSound(buddy);
  });

  test("without bounds, is the low or the high end of the space", () => {
    const buddy = buddyOf(16, { base: 3 * PAGE });
    expect(buddy.allocate(0, {})).toBe(3 * PAGE);
    expect(buddy.allocate(0, { highest: true })).toBe(18 * PAGE);
    expect(buddy.allocate(2, { highest: true })).toBe(12 * PAGE);
    expectSound(buddy);
  });

  test("takes the lowest place although a larger block lies further on, and the first page of all", () => {
    const buddy = buddyOf(16);
    buddy.allocateAt(PAGE, 0);
    expect(buddy.allocate(0, {})).toBe(0);
    expect(buddy.allocate(0, {})).toBe(2 * PAGE);
    expectSound(buddy);
  });

  test("a range that is not on page bounds holds the whole pages inside", () => {
    const buddy = buddyOf(8);
    expect(buddy.tryAllocate(0, { from: PAGE + 1, to: 3 * PAGE - 1 })).toBe(NONE);
    expect(buddy.tryAllocate(0, { from: PAGE + 1, to: 3 * PAGE })).toBe(2 * PAGE);
  });

  test("a range too small, empty, or outside the space has nothing", () => {
    const buddy = buddyOf(8, { base: 8 * PAGE });
    expect(buddy.tryAllocate(2, { from: 9 * PAGE, to: 15 * PAGE })).toBe(NONE);
    expect(buddy.tryAllocate(0, { from: 9 * PAGE, to: 9 * PAGE })).toBe(NONE);
    expect(buddy.tryAllocate(0, { from: 16 * PAGE })).toBe(NONE);
    expect(buddy.tryAllocate(0, { to: 8 * PAGE })).toBe(NONE);
    expect(buddy.tryAllocate(0, { from: 0, to: 2 ** 53 - 1 })).toBe(8 * PAGE);
  });

  test("agrees with trying every place, low and high, on a patterned space", () => {
    const pageCount = 24;
    const buddy = buddyOf(pageCount, { base: 5 * PAGE });
    for (const page of [7, 8, 13, 20, 21, 22, 27]) buddy.allocateAt(page * PAGE, 0);
    for (let order = 0; order <= 3; order++) {
      for (let from = 4; from <= 30; from++) {
        for (let to = from; to <= 30; to++) {
          const places = freePlaces(buddy, order, from, to);
          for (const highest of [false, true]) {
            const expected = (highest ? places.at(-1) : places[0]) ?? NONE;
            const found = buddy.tryAllocate(order, { from: from * PAGE, to: to * PAGE, highest });
            expect(found, `order ${order} in ${from}..${to}, highest ${highest}`).toBe(expected);
            if (found !== NONE) buddy.free(found);
          }
        }
      }
    }
    expectSound(buddy);
  });
});

/** Offsets in [from, to) pages at which a block of `order` is free and aligned. */
function freePlaces(buddy: BuddyAllocator, order: number, from: number, to: number): number[] {
  const freePages = new Set<number>();
  for (const { offset, byteLength, free } of buddy.blocks()) {
    if (!free) continue;
    for (let at = offset; at < offset + byteLength; at += PAGE) freePages.add(at / PAGE);
  }
  const places: number[] = [];
  const size = 2 ** order;
  for (let page = Math.ceil(from / size) * size; page + size <= to; page += size) {
    if (Array.from({ length: size }, (_, index) => freePages.has(page + index)).every(Boolean)) {
      places.push(page * PAGE);
    }
  }
  return places;
}

describe("reserve", () => {
  test("claims the pages that the bytes touch, as one run", () => {
    const buddy = buddyOf(16);
    buddy.reserve(3 * PAGE + 100, 2 * PAGE);
    expect(layoutOf(buddy)).toBe("-1@0 -0@2 3p@3 -1@6 -3@8");
    expect(buddy.sizeOf(3 * PAGE)).toBe(3 * PAGE);
    expectSound(buddy);
    buddy.free(3 * PAGE);
    expect(layoutOf(buddy)).toBe("-4@0");
  });

  test("one byte is a page; the last byte is the last page", () => {
    const buddy = buddyOf(16);
    buddy.reserve(PAGE - 1, 1);
    buddy.reserve(16 * PAGE - 1, 1);
    expect(layoutOf(buddy)).toBe("0@0 -0@1 -1@2 -2@4 -2@8 -1@12 -0@14 0@15");
  });

  test("the whole space, from any base", () => {
    const buddy = buddyOf(13, { base: 7 * PAGE });
    buddy.reserve(7 * PAGE, 13 * PAGE);
    expect(buddy.freeBytes).toBe(0);
    expectSound(buddy);
    buddy.free(7 * PAGE);
    expectSound(buddy);
  });

  test("throws NOT_FREE, changing nothing, when a page is in use", () => {
    const buddy = buddyOf(16);
    buddy.allocateAt(5 * PAGE, 0);
    const before = stateOf(buddy);
    expect(() => buddy.reserve(2 * PAGE, 4 * PAGE)).toThrow(
      expect.objectContaining({
        name: "AllocError",
        code: "NOT_FREE",
        offset: 2 * PAGE,
        message: "one of 4 pages from offset 8192 is in use",
      }),
    );
    expect(stateOf(buddy)).toBe(before);
    buddy.reserve(2 * PAGE, 3 * PAGE);
    expectSound(buddy);
  });
});

describe("allocateAt", () => {
  test("takes just the block asked for, and returns its offset", () => {
    const buddy = buddyOf(16);
    expect(buddy.allocateAt(6 * PAGE, 1)).toBe(6 * PAGE);
    expect(layoutOf(buddy)).toBe("-2@0 -1@4 1@6 -3@8");
    expectSound(buddy);
    buddy.free(6 * PAGE);
    expect(layoutOf(buddy)).toBe("-4@0");
  });

  test("every aligned place of every order, one by one", () => {
    for (let order = 0; order <= 4; order++) {
      for (let page = 0; page < 16; page += 2 ** order) {
        const buddy = buddyOf(16);
        expect(buddy.allocateAt(page * PAGE, order)).toBe(page * PAGE);
        expect(buddy.sizeOf(page * PAGE)).toBe(PAGE * 2 ** order);
        expectSound(buddy);
        buddy.free(page * PAGE);
        expect(layoutOf(buddy)).toBe("-4@0");
      }
    }
  });

  test.each([
    ["the block itself", 8, 2],
    ["a block inside", 8, 1],
    ["a block around", 8, 3],
  ])("throws NOT_FREE, changing nothing, where %s is in use", (_, page, order) => {
    const buddy = buddyOf(16);
    buddy.allocateAt(8 * PAGE, 2);
    const before = stateOf(buddy);
    const bytes = PAGE * 2 ** order;
    expect(() => buddy.allocateAt(page * PAGE, order)).toThrow(
      expect.objectContaining({
        code: "NOT_FREE",
        message: `one of ${bytes / PAGE} pages from offset ${page * PAGE} is in use`,
      }),
    );
    expect(stateOf(buddy)).toBe(before);
  });

  test("throws a RangeError where the block would not be aligned", () => {
    const buddy = buddyOf(16);
    const before = stateOf(buddy);
    expect(() => buddy.allocateAt(2 * PAGE, 2)).toThrow(
      new RangeError("offset must be a multiple of 16384, got 8192"),
    );
    expect(stateOf(buddy)).toBe(before);
  });

  test("throws a RangeError where the block would pass the end", () => {
    const buddy = buddyOf(12);
    const before = stateOf(buddy);
    expect(() => buddy.allocateAt(8 * PAGE, 3)).toThrow(
      new RangeError(`offset must be an integer from 0 to ${4 * PAGE}, got ${8 * PAGE}`),
    );
    expect(stateOf(buddy)).toBe(before);
  });
});

describe("given places in a space that begins beyond its largest block", () => {
  const BASE = 35 * PAGE;

  test("are claimed where they are", () => {
    const buddy = buddyOf(8, { base: BASE });
    expect(buddy.maxOrder).toBe(3);
    buddy.reserve(BASE + PAGE + 1, PAGE);
    expect(buddy.sizeOf(BASE + PAGE)).toBe(2 * PAGE);
    expect(buddy.allocateAt(BASE + 5 * PAGE, 1)).toBe(40 * PAGE);
    expect(layoutOf(buddy)).toBe("-0@35 1@36 -1@38 1@40 -0@42");
    expectSound(buddy);
  });

  test("and aligned runs too, also where neighbouring blocks are put together", () => {
    const buddy = buddyOf(16, { base: BASE, maxOrder: 2 });
    const offset = buddy.allocatePages(7, { align: 4 * PAGE });
    expect(offset).toBe(36 * PAGE);
    expect(buddy.allocatePages(7, { align: 2 * PAGE })).toBe(44 * PAGE);
    expectSound(buddy);
  });
});
