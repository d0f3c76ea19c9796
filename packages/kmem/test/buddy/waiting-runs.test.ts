import { type BuddyAllocator, NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { buddyOf, expectSound, layoutOf, PAGE } from "./helpers.ts";

/** Allocates runs of `count` pages, as many as are asked for, and returns the first page of each. */
function allocateRuns(buddy: BuddyAllocator, count: number, runs: number): number[] {
  return Array.from({ length: runs }, () => buddy.allocatePages(count) / PAGE);
}

function freeRuns(buddy: BuddyAllocator, pages: readonly number[]): void {
  for (const page of pages) buddy.freePages(page * PAGE);
}

describe("runs that freePages has freed wait for the next request of as many pages", () => {
  test("the last one comes first, though a lower place is free", () => {
    const buddy = buddyOf(32);
    const pages = allocateRuns(buddy, 3, 4);
    expect(pages).toEqual([0, 4, 8, 12]);
    freeRuns(buddy, pages.slice(1));
    expect(allocateRuns(buddy, 3, 4)).toEqual([12, 8, 4, 16]);
    expectSound(buddy);
  });

  test("a block of as many pages is a run too; what free has freed does not wait", () => {
    const buddy = buddyOf(16);
    const pages = allocateRuns(buddy, 4, 3);
    buddy.free(pages[0]! * PAGE);
    freeRuns(buddy, pages.slice(1));
    expect(allocateRuns(buddy, 4, 4)).toEqual([8, 4, 0, 12]);
    expectSound(buddy);
  });

  test("requests of other lengths leave them waiting, as long as something else is free for them", () => {
    const buddy = buddyOf(16);
    const pages = allocateRuns(buddy, 3, 2);
    freeRuns(buddy, pages);
    expect(allocateRuns(buddy, 5, 1)).toEqual([8]);
    expect(allocateRuns(buddy, 3, 1)).toEqual([4]);
    // Pages 0 to 2 wait, page 3, 7 and 13 to 15 are on lists: no block of two pages but 14 and 15.
    expect(allocateRuns(buddy, 2, 1)).toEqual([14]);
    expect(allocateRuns(buddy, 2, 1)).toEqual([0]);
    expectSound(buddy);
  });

  test.each<[what: string, ask: (buddy: BuddyAllocator) => unknown, answer: unknown]>([
    ["a block", (buddy) => buddy.allocate(3), 0],
    ["a block at a place", (buddy) => buddy.allocateAt(0, 4), 0],
    ["a block in a range", (buddy) => buddy.allocate(3, { from: 0, to: 8 * PAGE }), 0],
    ["a range", (buddy) => buddy.reserve(PAGE, 6 * PAGE), undefined],
    ["an aligned run", (buddy) => buddy.allocatePages(3, { align: 8 * PAGE }), 0],
    ["a run that needs all of them", (buddy) => buddy.allocatePages(16), 0],
    ["the end of the space", (buddy) => buddy.shrinkTo(), PAGE],
    ["nothing, of a new start", (buddy) => buddy.reset(), undefined],
  ])("whoever asks for %s finds them merged", (_, ask, answer) => {
    const buddy = buddyOf(16);
    freeRuns(buddy, allocateRuns(buddy, 3, 3));
    expect(ask(buddy)).toBe(answer);
    expectSound(buddy);
  });

  test.each<[what: string, look: (buddy: BuddyAllocator) => unknown, answer: unknown]>([
    ["bytes", (buddy) => buddy.freeBytes, 16 * PAGE],
    ["blocks of each order", (buddy) => buddy.stats().freeBlocks.join(), "0,0,0,0,1"],
    ["bytes of the largest block", (buddy) => buddy.stats().largestFreeBytes, 16 * PAGE],
    ["tail", (buddy) => buddy.freeTailOffset, 0],
    ["blocks", (buddy) => layoutOf(buddy), "-4@0"],
    ["bytes, told by an error", (buddy) => buddy.outOfMemory(64 * PAGE).largestFreeBytes, 16 * PAGE],
    ["pages, by the check", (buddy) => buddy.check(), true],
    [
      "pages, by the check in steps",
      (buddy) => Array.from({ length: 16 }, () => buddy.check({ pages: 1 })).at(-1),
      true,
    ],
  ])("whoever looks at the free %s finds them merged, and leaves them waiting", (_, look, answer) => {
    const buddy = buddyOf(16);
    freeRuns(buddy, allocateRuns(buddy, 3, 3));
    expect(look(buddy)).toEqual(answer);
    expect(allocateRuns(buddy, 3, 3)).toEqual([8, 4, 0]);
    expectSound(buddy);
  });

  test("the blocks that they make with what is listed are told of as they will be", () => {
    const buddy = buddyOf(32);
    const pages = allocateRuns(buddy, 3, 8);
    freeRuns(buddy, [pages[1]!, pages[2]!, pages[5]!]);
    expect(layoutOf(buddy)).toBe("3p@0 -0@3 -2@4 -2@8 3p@12 -0@15 3p@16 -0@19 -2@20 3p@24 -0@27 3p@28 -0@31");
    expect(buddy.stats().freeBlocks).toEqual([5, 0, 3, 0, 0, 0]);
  });

  test("at the end of the tables, the space ends", () => {
    const buddy = buddyOf(96);
    allocateRuns(buddy, 1, 96);
    for (const page of [0, 2, 40]) buddy.free(page * PAGE);
    freeRuns(buddy, [95]);
    expect(buddy.stats().freeBlocks).toEqual([4, 0, 0, 0, 0, 0, 0]);
    expect([...buddy.blocks()].at(-1)).toEqual({ offset: 95 * PAGE, byteLength: PAGE, order: 0, free: true });
    expectSound(buddy);
  });

  test("a run that the largest block would not hold does not wait", () => {
    const buddy = buddyOf(32, { maxOrder: 2 });
    const pages = allocateRuns(buddy, 5, 2);
    expect(pages).toEqual([0, 5]);
    freeRuns(buddy, pages);
    expect(allocateRuns(buddy, 5, 1)).toEqual([0]);
    // Four of its pages can wait, and are a block of the largest order whatever is free beside them.
    freeRuns(buddy, allocateRuns(buddy, 4, 2));
    expect(layoutOf(buddy)).toBe("5p@0 -0@5 -1@6 -2@8 -2@12 -2@16 -2@20 -2@24 -2@28");
    expect(allocateRuns(buddy, 4, 1)).toEqual([12]);
    expectSound(buddy);
  });

  test("a run grows into one that waits behind it, and a space that has it at its end", () => {
    const buddy = buddyOf(16, { maxSize: 32 * PAGE });
    freeRuns(buddy, allocateRuns(buddy, 4, 4).slice(1));
    expect(buddy.resizePages(0, 8)).toBe(true);
    buddy.freePages(0);
    buddy.grow(32 * PAGE);
    expect(layoutOf(buddy)).toBe("-5@0");
    expectSound(buddy);
  });

  test("they are freed already: a second free is one, and inside of them nothing begins", () => {
    const buddy = buddyOf(16);
    freeRuns(buddy, allocateRuns(buddy, 3, 2));
    expect(buddy.isAllocated(4 * PAGE)).toBe(false);
    for (const free of ["free", "freePages"] as const) {
      expect(() => buddy[free](4 * PAGE)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
      expect(() => buddy[free](5 * PAGE)).toThrow(expect.objectContaining({ code: "INVALID_FREE" }));
    }
    expectSound(buddy);
  });

  test("beside one that waits, the inside of a run is still that", () => {
    const buddy = buddyOf(16);
    const pages = allocateRuns(buddy, 4, 2);
    freeRuns(buddy, pages.slice(1));
    expect(() => buddy.free(PAGE)).toThrow(/inside a block or run/);
    expect(() => buddy.free(5 * PAGE)).toThrow(/nothing was allocated there/);
  });

  test("three of a length wait; the fourth is merged", () => {
    const buddy = buddyOf(64);
    const pages = allocateRuns(buddy, 4, 6);
    freeRuns(buddy, pages);
    // Then comes the smallest free block: pages 12 to 15, since 16 to 23 were merged with what lies behind them.
    expect(allocateRuns(buddy, 4, 5)).toEqual([8, 4, 0, 12, 16]);
    expectSound(buddy);
  });

  test.each([
    [16, 0],
    [17, 0],
  ])("of 16 pages at most: %i", (count, place) => {
    const buddy = buddyOf(128);
    freeRuns(buddy, allocateRuns(buddy, count, 2));
    expect(allocateRuns(buddy, count, 1)).toEqual([count === 16 ? 16 : place]);
    expectSound(buddy);
  });

  test("one that is not aligned as its block would be is merged: the next is", () => {
    const buddy = buddyOf(16);
    buddy.reserve(PAGE, 3 * PAGE);
    buddy.freePages(PAGE);
    expect(buddy.allocatePages(3)).toBe(0);
    expectSound(buddy);
  });

  test("none is missing when there is nothing else, and none is given out twice", () => {
    const buddy = buddyOf(16);
    freeRuns(buddy, allocateRuns(buddy, 2, 8));
    freeRuns(buddy, allocateRuns(buddy, 3, 2));
    const all = Array.from({ length: 16 }, () => buddy.tryAllocatePages(1) / PAGE);
    expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, page) => page));
    expect(buddy.tryAllocatePages(1)).toBe(NONE);
    expectSound(buddy);
  });
});
