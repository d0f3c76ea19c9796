import { NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { buddyOf, expectSound, layoutOf, PAGE, stateOf } from "./helpers.ts";

describe("growing", () => {
  test("new pages merge with the free pages before them", () => {
    const buddy = buddyOf(5, { maxSize: 16 * PAGE });
    expect(layoutOf(buddy)).toBe("-2@0 -0@4");
    buddy.grow(6 * PAGE);
    expect(layoutOf(buddy)).toBe("-2@0 -1@4");
    buddy.grow(8 * PAGE);
    expect(layoutOf(buddy)).toBe("-3@0");
    buddy.grow(16 * PAGE);
    expect(layoutOf(buddy)).toBe("-4@0");
    expectSound(buddy);
  });

  test("page by page ends as at full size, from any base", () => {
    for (const basePages of [0, 1, 6, 13]) {
      const options = { base: basePages * PAGE, maxSize: 40 * PAGE };
      const grown = buddyOf(1, options);
      for (let pages = 2; pages <= 40; pages++) {
        grown.grow(pages * PAGE);
        expectSound(grown);
      }
      expect(layoutOf(grown)).toBe(layoutOf(buddyOf(40, options)));
    }
  });

  test("moves nothing that is allocated", () => {
    const buddy = buddyOf(7, { maxSize: 32 * PAGE });
    const run = buddy.allocatePages(6);
    const page = buddy.allocate(0);
    expect(buddy.tryAllocate(0)).toBe(NONE);
    buddy.grow(32 * PAGE);
    expect([buddy.sizeOf(run), buddy.sizeOf(page)]).toEqual([6 * PAGE, PAGE]);
    expect(buddy.allocate(4)).toBe(16 * PAGE);
    expectSound(buddy);
  });

  test("to the present size changes nothing", () => {
    const buddy = buddyOf(7, { maxSize: 32 * PAGE });
    const before = stateOf(buddy);
    buddy.grow(7 * PAGE);
    expect(stateOf(buddy)).toBe(before);
  });
});

describe("shrinking", () => {
  test("by default cuts off all free pages at the end", () => {
    const buddy = buddyOf(16);
    buddy.allocateAt(4 * PAGE, 0);
    expect(buddy.freeTailOffset).toBe(5 * PAGE);
    expect(buddy.shrinkTo()).toBe(5 * PAGE);
    expect(buddy.size).toBe(5 * PAGE);
    expect(layoutOf(buddy)).toBe("-2@0 0@4");
    expectSound(buddy);
  });

  test("leaves one page of an empty space", () => {
    const buddy = buddyOf(16, { base: 3 * PAGE });
    expect(buddy.freeTailOffset).toBe(3 * PAGE);
    expect(buddy.shrinkTo()).toBe(PAGE);
    expect(layoutOf(buddy)).toBe("-0@3");
    expectSound(buddy);
  });

  test("changes nothing when the last page is in use", () => {
    const buddy = buddyOf(16);
    buddy.allocate(0, { highest: true });
    expect(buddy.freeTailOffset).toBe(16 * PAGE);
    expect(buddy.shrinkTo()).toBe(16 * PAGE);
    expectSound(buddy);
  });

  test("to a given size cuts a free block in two", () => {
    const buddy = buddyOf(16);
    expect(buddy.shrinkTo(11 * PAGE)).toBe(11 * PAGE);
    expect(layoutOf(buddy)).toBe("-3@0 -1@8 -0@10");
    expect(buddy.tryAllocate(4)).toBe(NONE);
    expectSound(buddy);
  });

  test("and growing again gives the same space back", () => {
    const buddy = buddyOf(16);
    const page = buddy.allocate(0, { from: 12 * PAGE });
    buddy.free(page);
    for (let pages = 15; pages >= 1; pages--) {
      buddy.shrinkTo(pages * PAGE);
      expectSound(buddy);
    }
    expect(buddy.isAllocated(page)).toBe(false);
    buddy.grow(16 * PAGE);
    expect(layoutOf(buddy)).toBe("-4@0");
  });

  test("forgets what was freed in the pages that are cut off", () => {
    const buddy = buddyOf(8);
    const offset = buddy.allocateAt(6 * PAGE, 0);
    buddy.free(offset);
    buddy.shrinkTo(4 * PAGE);
    buddy.grow(8 * PAGE);
    expect(() => buddy.free(offset)).toThrow(expect.objectContaining({ code: "INVALID_FREE" }));
  });

  test("throws NOT_FREE, changing nothing, when a page beyond is in use", () => {
    const buddy = buddyOf(16);
    buddy.allocateAt(9 * PAGE, 0);
    const before = stateOf(buddy);
    expect(() => buddy.shrinkTo(9 * PAGE)).toThrow(
      expect.objectContaining({
        code: "NOT_FREE",
        offset: 10 * PAGE,
        message: `the page before offset ${10 * PAGE} is in use`,
      }),
    );
    expect(stateOf(buddy)).toBe(before);
  });
});

test("tables: a byte a page, and bits for each block of each order with the words that sum them up", () => {
  // Orders 0 to 6: 2, 1, 1 … words of bits, one more above the two, a count and a sole each; the mask and the sum. Runs that
  // wait: a mask, and for 16 lengths a count and three places.
  const lists = 2 + 2 * 7 + (2 + 1) + 6;
  expect(buddyOf(64).stats().metadataBytes).toBe(64 + 4 * (lists + 1 + 16 * 4));
});
