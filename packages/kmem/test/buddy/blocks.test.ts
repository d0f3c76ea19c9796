import { NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { buddyOf, expectSound, freeCounts, layoutOf, PAGE } from "./helpers.ts";

describe("splitting", () => {
  test("halves the block down to size, each unused half going to its own list", () => {
    const buddy = buddyOf(16);
    expect(freeCounts(buddy)).toEqual([0, 0, 0, 0, 1]);
    expect(buddy.allocate(0)).toBe(0);
    expect(layoutOf(buddy)).toBe("0@0 -0@1 -1@2 -2@4 -3@8");
    expect(freeCounts(buddy)).toEqual([1, 1, 1, 1, 0]);
    expectSound(buddy);
  });

  test("takes the smallest list that has a block, and splits none while a fitting one is free", () => {
    const buddy = buddyOf(16);
    buddy.allocate(0);
    expect(buddy.allocate(0)).toBe(1 * PAGE);
    expect(freeCounts(buddy)).toEqual([0, 1, 1, 1, 0]);
    expect(buddy.allocate(2)).toBe(4 * PAGE);
    expect(freeCounts(buddy)).toEqual([0, 1, 0, 1, 0]);
    expect(buddy.allocate(0)).toBe(2 * PAGE);
    expect(freeCounts(buddy)).toEqual([1, 0, 0, 1, 0]);
    expect(buddy.allocate(1)).toBe(8 * PAGE);
    expect(freeCounts(buddy)).toEqual([1, 1, 1, 0, 0]);
    expect(layoutOf(buddy)).toBe("0@0 0@1 0@2 -0@3 2@4 1@8 -1@10 -2@12");
    expectSound(buddy);
  });

  test("goes up a list at a time until one has a block, then refuses", () => {
    const buddy = buddyOf(4);
    expect([0, 1, 2, 3, 4].map(() => buddy.tryAllocate(0))).toEqual([0, PAGE, 2 * PAGE, 3 * PAGE, NONE]);
    expect(freeCounts(buddy)).toEqual([0, 0, 0]);
    expectSound(buddy);
  });

  test("prefers the lowest block of a list, whichever was freed last", () => {
    const buddy = buddyOf(8);
    const pages = [0, 1, 2, 3, 4, 5, 6, 7].map(() => buddy.allocate(0));
    buddy.free(pages[2]);
    buddy.free(pages[6]);
    buddy.free(pages[4]);
    expect([buddy.allocate(0), buddy.allocate(0), buddy.allocate(0)]).toEqual([2 * PAGE, 4 * PAGE, 6 * PAGE]);
  });

  test("the whole space is one block of the maximum order", () => {
    const buddy = buddyOf(16);
    expect(buddy.allocate(4)).toBe(0);
    expect(layoutOf(buddy)).toBe("4@0");
    expect(buddy.tryAllocate(0)).toBe(NONE);
  });
});

describe("merging", () => {
  test("goes as far up as buddies are free", () => {
    const buddy = buddyOf(16);
    const [first, second] = [buddy.allocate(0), buddy.allocate(0)];
    buddy.free(first);
    expect(freeCounts(buddy)).toEqual([1, 1, 1, 1, 0]);
    buddy.free(second);
    expect(freeCounts(buddy)).toEqual([0, 0, 0, 0, 1]);
    expectSound(buddy);
  });

  test("stops below a buddy in use, and goes on when that is freed", () => {
    const buddy = buddyOf(8);
    const pages = [0, 1, 2, 3, 4, 5, 6, 7].map(() => buddy.allocate(0));
    const steps: string[] = [];
    for (const page of [0, 1, 4, 5, 3, 2, 7, 6]) {
      buddy.free(pages[page]);
      steps.push(freeCounts(buddy).join(" "));
      expectSound(buddy);
    }
    expect(steps).toEqual([
      "1 0 0 0",
      "0 1 0 0",
      "1 1 0 0",
      "0 2 0 0",
      "1 2 0 0",
      "0 1 1 0",
      "1 1 1 0",
      "0 0 0 1",
    ]);
  });

  test("joins only buddies: two free neighbours of different parents stay apart", () => {
    const buddy = buddyOf(4);
    const pages = [0, 1, 2, 3].map(() => buddy.allocate(0));
    buddy.free(pages[1]);
    buddy.free(pages[2]);
    expect(freeCounts(buddy)).toEqual([2, 0, 0]);
    expect(buddy.tryAllocate(1)).toBe(NONE);
  });

  test("joins only equals: a block stays apart from a buddy that is partly used", () => {
    const buddy = buddyOf(4);
    const block = buddy.allocate(1);
    const page = buddy.allocate(0);
    buddy.free(block);
    expect(layoutOf(buddy)).toBe("-1@0 0@2 -0@3");
    buddy.free(page);
    expect(layoutOf(buddy)).toBe("-2@0");
  });

  test("does not pass the maximum order", () => {
    const buddy = buddyOf(16, { maxOrder: 2 });
    expect(freeCounts(buddy)).toEqual([0, 0, 4]);
    const block = buddy.allocate(0);
    buddy.free(block);
    expect(layoutOf(buddy)).toBe("-2@0 -2@4 -2@8 -2@12");
    expectSound(buddy);
  });
});

describe("sizes and bases", () => {
  test.each(Array.from({ length: 33 }, (_, index) => index + 1))(
    "%i pages: free space is the largest aligned blocks, and comes back whole",
    (pageCount) => {
      const buddy = buddyOf(pageCount);
      const fresh = layoutOf(buddy);
      const sizes = fresh.split(" ").map((block) => 2 ** Number(block.slice(1).split("@")[0]));
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(pageCount);
      // The binary digits of the count, highest first.
      expect(sizes).toEqual([32, 16, 8, 4, 2, 1].filter((size) => (pageCount & size) !== 0));
      const offsets = Array.from({ length: pageCount }, () => buddy.allocate(0));
      expect(new Set(offsets).size).toBe(pageCount);
      expect(buddy.tryAllocate(0)).toBe(NONE);
      expectSound(buddy);
      for (const offset of offsets) buddy.free(offset);
      expect(layoutOf(buddy)).toBe(fresh);
      expectSound(buddy);
    },
  );

  test.each([1, 2, 3, 5, 7, 8, 13, 1023])(
    "base of %i pages: blocks are aligned in the space itself",
    (basePages) => {
      const buddy = buddyOf(64, { base: basePages * PAGE });
      expectSound(buddy);
      for (let order = buddy.maxOrder; order >= 0; order--) {
        const offset = buddy.tryAllocate(order);
        if (offset === NONE) continue;
        expect(offset % (PAGE * 2 ** order), `order ${order}`).toBe(0);
        expect(offset).toBeGreaterThanOrEqual(basePages * PAGE);
        expect(offset + PAGE * 2 ** order).toBeLessThanOrEqual((basePages + 64) * PAGE);
      }
      expectSound(buddy);
    },
  );

  test("a base of 3 pages leaves a page, then ever larger blocks", () => {
    const buddy = buddyOf(16, { base: 3 * PAGE });
    expect(layoutOf(buddy)).toBe("-0@3 -2@4 -3@8 -1@16 -0@18");
    expect(freeCounts(buddy)).toEqual([2, 1, 1, 1, 0]);
  });

  test("buddies are told by the offset in the space, not by the distance from the base", () => {
    const buddy = buddyOf(2, { base: 3 * PAGE });
    const offsets = [buddy.allocate(0), buddy.allocate(0)];
    for (const offset of offsets) buddy.free(offset);
    expect(layoutOf(buddy)).toBe("-0@3 -0@4");
    expect(buddy.tryAllocate(1)).toBe(NONE);
  });

  test.each([1, 2, 64, 65536, 2 ** 20])("pages of %i bytes", (pageSize) => {
    const buddy = buddyOf(12, { pageSize, base: 5 * pageSize });
    const offset = buddy.allocate(1);
    expect(offset % (2 * pageSize)).toBe(0);
    expect(buddy.sizeOf(offset)).toBe(2 * pageSize);
    expectSound(buddy);
    buddy.free(offset);
    expectSound(buddy);
  });

  test("a single page is a space", () => {
    const buddy = buddyOf(1);
    expect(buddy.maxOrder).toBe(0);
    expect(buddy.allocate(0)).toBe(0);
    expect(buddy.tryAllocate(0)).toBe(NONE);
    buddy.free(0);
    expect(buddy.allocate(0)).toBe(0);
  });

  test("by default the maximum order is that of the largest block maxSize has room for", () => {
    expect(buddyOf(15).maxOrder).toBe(3);
    expect(buddyOf(16).maxOrder).toBe(4);
    expect(buddyOf(16, { maxSize: 100 * PAGE }).maxOrder).toBe(6);
    expect(buddyOf(16, { maxOrder: 9 }).maxOrder).toBe(9);
  });
});

describe("what is asked of a block", () => {
  test("isAllocated is true at the beginning of a block only", () => {
    const buddy = buddyOf(8);
    const block = buddy.allocate(1);
    expect([block, block + PAGE, block + 2 * PAGE, block + 1].map((at) => buddy.isAllocated(at))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    buddy.free(block);
    expect(buddy.isAllocated(block)).toBe(false);
  });

  test.each([
    ["-1", -1],
    ["a page before the space", -PAGE],
    ["half a byte", 0.5],
    ["NaN", NaN],
    ["Infinity", Infinity],
    ["-Infinity", -Infinity],
    ["the end of the space", 8 * PAGE],
    ["2^32", 2 ** 32],
    ["2^53", 2 ** 53],
    ["undefined", undefined],
    ["null", null],
    ["a string", "0"],
    ["an array", [0]],
    ["a boolean", false],
    ["a bigint", 0n],
  ])("isAllocated of %s is false and does not throw", (_, value) => {
    const buddy = buddyOf(8);
    buddy.allocate(3);
    expect(buddy.isAllocated(value as number)).toBe(false);
  });

  test("sizeOf is the block's length, whatever its order", () => {
    const buddy = buddyOf(64);
    for (const order of [0, 3, 1, 4, 2]) expect(buddy.sizeOf(buddy.allocate(order))).toBe(PAGE * 2 ** order);
  });

  test("blocks() lists used and free by rising offset", () => {
    const buddy = buddyOf(8);
    buddy.allocate(0);
    buddy.allocatePages(3);
    expect([...buddy.blocks()]).toEqual([
      { offset: 0, byteLength: PAGE, order: 0, free: false },
      { offset: PAGE, byteLength: PAGE, order: 0, free: true },
      { offset: 2 * PAGE, byteLength: 2 * PAGE, order: 1, free: true },
      { offset: 4 * PAGE, byteLength: 3 * PAGE, order: NONE, free: false },
      { offset: 7 * PAGE, byteLength: PAGE, order: 0, free: true },
    ]);
  });

  test("blocks() goes on while each block that it gives is freed: every used one once, no page twice", () => {
    const buddy = buddyOf(64);
    const offsets = [0, 2, 1, 0, 3, 0].map((order) => buddy.allocate(order));
    const freed: number[] = [];
    let end = 0;
    for (const { offset, byteLength, free } of buddy.blocks()) {
      expect(offset).toBe(end);
      end = offset + byteLength;
      if (free) continue;
      freed.push(offset);
      buddy.free(offset);
    }
    expect(freed).toEqual(offsets.sort((a, b) => a - b));
    expect(end).toBe(64 * PAGE);
    expect([...buddy.blocks()]).toEqual([...buddyOf(64).blocks()]);
  });

  test("blocks() goes on behind what is allocated over the pages that it told of", () => {
    const buddy = buddyOf(8);
    buddy.allocate(0);
    const walk = buddy.blocks();
    expect([walk.next().value?.offset, walk.next().value?.offset]).toEqual([0, PAGE]);
    buddy.free(0);
    buddy.allocatePages(6);
    expect([...walk]).toEqual([
      { offset: 4 * PAGE, byteLength: 2 * PAGE, order: 1, free: false },
      { offset: 6 * PAGE, byteLength: 2 * PAGE, order: 1, free: true },
    ]);
  });

  test("tables take at most 3 % of the space they were laid out for", () => {
    for (const pageCount of [1024, 65536, 262_144]) {
      const { metadataBytes, size } = buddyOf(pageCount).stats();
      expect(metadataBytes).toBeGreaterThan(pageCount);
      expect(metadataBytes).toBeLessThan(size * 0.03);
    }
  });
});

describe("reset", () => {
  test("frees blocks and runs alike, and keeps the size", () => {
    const buddy = buddyOf(23, { base: 5 * PAGE, maxSize: 64 * PAGE });
    buddy.grow(37 * PAGE);
    const fresh = layoutOf(buddy);
    buddy.allocate(2);
    buddy.allocatePages(7);
    buddy.reserve(20 * PAGE, 1);
    const page = buddy.allocate(0);
    buddy.reset();
    expect(layoutOf(buddy)).toBe(fresh);
    expect(buddy.size).toBe(37 * PAGE);
    expect(buddy.isAllocated(page)).toBe(false);
    expectSound(buddy);
  });

  test("works on a full and on an empty space", () => {
    const buddy = buddyOf(8);
    buddy.reset();
    expect(layoutOf(buddy)).toBe("-3@0");
    buddy.allocate(3);
    buddy.reset();
    expect(layoutOf(buddy)).toBe("-3@0");
    expectSound(buddy);
  });
});
