import { NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { buddyOf, expectSound, freeCounts, layoutOf, PAGE } from "./helpers.ts";

describe("runs of pages", () => {
  test("the tail of the block goes back, in the largest blocks that fit", () => {
    const buddy = buddyOf(16);
    expect(buddy.allocatePages(5)).toBe(0);
    expect(layoutOf(buddy)).toBe("5p@0 -0@5 -1@6 -3@8");
    expectSound(buddy);
  });

  test("are freed whole, by free and by freePages", () => {
    const buddy = buddyOf(16);
    buddy.free(buddy.allocatePages(11));
    expect(layoutOf(buddy)).toBe("-4@0");
    buddy.freePages(buddy.allocatePages(13));
    expect(layoutOf(buddy)).toBe("-4@0");
    expectSound(buddy);
  });

  test.each(Array.from({ length: 32 }, (_, index) => index + 1))(
    "%i pages take just that many, and leave no trace when freed",
    (count) => {
      const buddy = buddyOf(32);
      const offset = buddy.allocatePages(count);
      expect(buddy.sizeOf(offset)).toBe(count * PAGE);
      expect(buddy.stats().allocatedPages).toBe(count);
      expectSound(buddy);
      buddy.freePages(offset);
      expect(layoutOf(buddy)).toBe("-5@0");
      expectSound(buddy);
    },
  );

  test("of several pieces leave one note: that they began, not that each piece did", () => {
    const buddy = buddyOf(16);
    const offset = buddy.allocatePages(7);
    buddy.free(offset);
    expect(() => buddy.free(offset)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
    for (let page = 1; page < 7; page++) {
      const inside = offset + page * PAGE;
      expect(() => buddy.free(inside)).toThrow(expect.objectContaining({ code: "INVALID_FREE" }));
    }
  });

  test("a run of 2^k pages where a block is free is that block", () => {
    const buddy = buddyOf(16);
    buddy.allocatePages(4);
    expect(layoutOf(buddy)).toBe("2@0 -2@4 -3@8");
  });

  test("come from the smallest block that holds them", () => {
    const buddy = buddyOf(32);
    buddy.allocate(2);
    expect(freeCounts(buddy)).toEqual([0, 0, 1, 1, 1, 0]);
    expect(buddy.allocatePages(3)).toBe(4 * PAGE);
    expect(buddy.allocatePages(7)).toBe(8 * PAGE);
    expectSound(buddy);
  });

  test("where no block is big enough, neighbouring free blocks are put together", () => {
    const buddy = buddyOf(16);
    const pages = Array.from({ length: 16 }, () => buddy.allocate(0));
    for (const page of pages.slice(5, 12)) buddy.free(page);
    expect(buddy.stats().largestFreeBytes).toBe(4 * PAGE);
    // Pages 5 to 11: blocks of 1, 2 and 4 pages.
    expect(buddy.allocatePages(7)).toBe(5 * PAGE);
    expect(buddy.tryAllocatePages(1)).toBe(NONE);
    expectSound(buddy);
    buddy.freePages(5 * PAGE);
    expectSound(buddy);
  });

  test("a run may be as long as the space, also when that is no power of two", () => {
    for (const basePages of [0, 1, 5, 11]) {
      const buddy = buddyOf(23, { base: basePages * PAGE });
      expect(buddy.allocatePages(23)).toBe(basePages * PAGE);
      expect(buddy.freeBytes).toBe(0);
      expectSound(buddy);
      buddy.freePages(basePages * PAGE);
      expectSound(buddy);
    }
  });

  test("free space in pieces that do not touch is not a run", () => {
    const buddy = buddyOf(8);
    const pages = Array.from({ length: 8 }, () => buddy.allocate(0));
    for (const page of [0, 1, 2, 4, 5, 6]) buddy.free(pages[page]);
    expect(buddy.tryAllocatePages(4)).toBe(NONE);
    expect(buddy.allocatePages(3)).toBe(0);
    expect(buddy.allocatePages(3)).toBe(4 * PAGE);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15])(
    "every place of a hole of %i pages is found, whatever its alignment",
    (count) => {
      for (let start = 0; start + count <= 32; start++) {
        const buddy = buddyOf(32);
        if (start > 0) buddy.reserve(0, start * PAGE);
        if (start + count < 32) buddy.reserve((start + count) * PAGE, (32 - start - count) * PAGE);
        expect(buddy.tryAllocatePages(count), `from page ${start}`).toBe(start * PAGE);
        expect(buddy.tryAllocatePages(1)).toBe(NONE);
        buddy.check();
      }
    },
  );

  test("more pages than the space has, or than a block can hold, are NONE", () => {
    const buddy = buddyOf(8, { maxOrder: 1 });
    expect(buddy.tryAllocatePages(9)).toBe(NONE);
    expect(buddy.tryAllocatePages(2 ** 26)).toBe(NONE);
    expect(buddy.tryAllocatePages(8)).toBe(0);
    expect(layoutOf(buddy), "no single block: the maximum order is 1").toBe("8p@0");
    expectSound(buddy);
  });
});

describe("alignment of runs", () => {
  test.each([1, 2, 16, PAGE, 2 * PAGE, 4 * PAGE, 16 * PAGE])("align %i", (align) => {
    const buddy = buddyOf(64, { base: 3 * PAGE });
    for (const count of [1, 3, 5]) {
      const offset = buddy.allocatePages(count, { align });
      expect(offset % align, `${count} pages`).toBe(0);
      expect(buddy.sizeOf(offset)).toBe(count * PAGE);
    }
    expectSound(buddy);
  });

  test("a run that is aligned more strictly than its length takes the front of a larger block", () => {
    const buddy = buddyOf(32);
    buddy.allocate(0);
    expect(buddy.allocatePages(1, { align: 8 * PAGE })).toBe(8 * PAGE);
    expect(layoutOf(buddy)).toBe("0@0 -0@1 -1@2 -2@4 0@8 -0@9 -1@10 -2@12 -4@16");
  });

  test("where no aligned place is free, NONE, although enough pages are", () => {
    const buddy = buddyOf(16);
    buddy.allocateAt(0, 0);
    buddy.allocateAt(8 * PAGE, 0);
    expect(buddy.tryAllocatePages(2, { align: 8 * PAGE })).toBe(NONE);
    expect(buddy.tryAllocatePages(2, { align: 4 * PAGE })).toBe(4 * PAGE);
  });

  test("an aligned place inside neighbouring blocks is found", () => {
    const buddy = buddyOf(16);
    buddy.reserve(0, 3 * PAGE);
    buddy.reserve(11 * PAGE, 5 * PAGE);
    // Pages 3 to 10 are free; a run of 6 pages on a multiple of 4 has one place.
    expect(buddy.tryAllocatePages(6, { align: 4 * PAGE })).toBe(4 * PAGE);
    expectSound(buddy);
  });

  test("an alignment beyond the space finds the one place that has it, or none", () => {
    expect(buddyOf(4).tryAllocatePages(1, { align: 2 ** 40 })).toBe(0);
    expect(buddyOf(4, { base: PAGE }).tryAllocatePages(1, { align: 2 ** 40 })).toBe(NONE);
    expect(buddyOf(4, { base: PAGE }).tryAllocatePages(2, { align: 2 ** 52 })).toBe(NONE);
  });
});

describe("resizePages", () => {
  test("grows into free pages behind", () => {
    const buddy = buddyOf(16);
    const run = buddy.allocatePages(3);
    expect(buddy.resizePages(run, 9)).toBe(true);
    expect(buddy.sizeOf(run)).toBe(9 * PAGE);
    expect(layoutOf(buddy)).toBe("9p@0 -0@9 -1@10 -2@12");
    expectSound(buddy);
  });

  test("shrinks and gives the tail back, merged", () => {
    const buddy = buddyOf(16);
    const run = buddy.allocatePages(13);
    expect(buddy.resizePages(run, 4)).toBe(true);
    expect(layoutOf(buddy)).toBe("2@0 -2@4 -3@8");
    expectSound(buddy);
  });

  test("to the same count changes nothing", () => {
    const buddy = buddyOf(16);
    const run = buddy.allocatePages(5);
    const before = layoutOf(buddy);
    expect(buddy.resizePages(run, 5)).toBe(true);
    expect(layoutOf(buddy)).toBe(before);
  });

  test("turns a block into a run and back", () => {
    const buddy = buddyOf(16);
    const block = buddy.allocate(2);
    expect(buddy.resizePages(block, 3)).toBe(true);
    expect(layoutOf(buddy)).toBe("3p@0 -0@3 -2@4 -3@8");
    expect(buddy.resizePages(block, 4)).toBe(true);
    expect(layoutOf(buddy)).toBe("2@0 -2@4 -3@8");
    buddy.free(block);
    expect(layoutOf(buddy)).toBe("-4@0");
    expectSound(buddy);
  });

  test("is refused, changing nothing, when a page behind is in use", () => {
    const buddy = buddyOf(16);
    const run = buddy.allocatePages(3);
    buddy.allocateAt(6 * PAGE, 0);
    const before = layoutOf(buddy);
    expect(buddy.resizePages(run, 7)).toBe(false);
    expect(layoutOf(buddy)).toBe(before);
    expect(buddy.resizePages(run, 6)).toBe(true);
    expectSound(buddy);
  });

  test("is refused past the end of the tables, whatever lies behind them", () => {
    const buddy = buddyOf(64);
    const first = buddy.allocatePages(32);
    const last = buddy.allocatePages(32);
    buddy.free(first);
    for (const count of [33, 64, 100, 1000]) expect(buddy.resizePages(last, count)).toBe(false);
    expectSound(buddy);
  });

  test("is refused, changing nothing, past the end of the space", () => {
    const buddy = buddyOf(12);
    const run = buddy.allocatePages(9);
    const before = layoutOf(buddy);
    expect(buddy.resizePages(run, 13)).toBe(false);
    expect(buddy.resizePages(run, 2 ** 26)).toBe(false);
    expect(layoutOf(buddy)).toBe(before);
    expect(buddy.resizePages(run, 12)).toBe(true);
  });

  test("every pair of lengths, from every start", () => {
    for (let start = 0; start < 8; start++) {
      for (let from = 1; from <= 8; from++) {
        for (let to = 1; to <= 8; to++) {
          const buddy = buddyOf(16, { maxOrder: 3 });
          buddy.reserve(start * PAGE, from * PAGE);
          expect(buddy.resizePages(start * PAGE, to)).toBe(true);
          expect(buddy.sizeOf(start * PAGE)).toBe(to * PAGE);
          buddy.check();
          buddy.free(start * PAGE);
          expect(freeCounts(buddy)).toEqual([0, 0, 0, 2]);
        }
      }
    }
  });
});
