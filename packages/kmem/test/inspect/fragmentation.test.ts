import { externalFragmentationIndex, unusableFreeSpaceIndex } from "kmem";
import { describe, expect, test } from "vitest";

const ORDERS = Array.from({ length: 11 }, (_, order) => order);

/** Free counts for orders 0 to 10: those given, then none. */
function counts(...given: number[]): number[] {
  return ORDERS.map((order) => given[order] ?? 0);
}

describe("external fragmentation index, in thousandths", () => {
  test.each([
    [[1983], [-1000, 500, 750, 875, 937, 969, 984, 992, 996, 998, 999]],
    [[1], [-1000, -500, -250, -125, -62, -31, -15, -7, -3, -1, 0]],
  ])("counts %j, 0, … give %j", (given, expected) => {
    expect(ORDERS.map((order) => externalFragmentationIndex(counts(...given), order))).toEqual(expected);
  });

  test("is 0 at every order when nothing is free", () => {
    expect(ORDERS.map((order) => externalFragmentationIndex(counts(), order))).toEqual(ORDERS.map(() => 0));
  });

  test("is -1000 as far up as a block is big enough", () => {
    const index = ORDERS.map((order) => externalFragmentationIndex(counts(7, 0, 0, 1), order));
    expect(index.map((value) => value === -1000)).toEqual(ORDERS.map((order) => order <= 3));
  });

  test("nears 1000 when much is free in single pages, 0 when little is", () => {
    expect(externalFragmentationIndex(counts(100_000), 1)).toBe(500);
    expect(externalFragmentationIndex(counts(100_000), 10)).toBe(1000);
    expect(externalFragmentationIndex(counts(2), 10)).toBe(500);
  });

  test("an order beyond the list is asked of the blocks there are", () => {
    expect(externalFragmentationIndex([4], 2)).toBe(500);
  });

  test("reads typed arrays too", () => {
    expect(externalFragmentationIndex(Uint32Array.of(1983, 0), 1)).toBe(500);
  });
});

describe("unusable free space index, in thousandths", () => {
  test("is 1000 at every order when nothing is free", () => {
    expect(ORDERS.map((order) => unusableFreeSpaceIndex(counts(), order))).toEqual(ORDERS.map(() => 1000));
  });

  test("is 0 when all free space is in blocks that are big enough", () => {
    expect(ORDERS.map((order) => unusableFreeSpaceIndex([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], order))).toEqual(
      ORDERS.map(() => 0),
    );
  });

  test("is 1000 when all of it is in blocks that are too small", () => {
    expect(ORDERS.slice(1).map((order) => unusableFreeSpaceIndex(counts(1983), order))).toEqual(
      ORDERS.slice(1).map(() => 1000),
    );
  });

  test("is the share of pages in smaller blocks, cut off after the third digit", () => {
    // 2 + 2 + 4 pages: a block of order 2 leaves 4 of 8 unusable, one of order 1 leaves 2 of 8.
    expect([0, 1, 2, 3].map((order) => unusableFreeSpaceIndex([2, 1, 1], order))).toEqual([
      0, 250, 500, 1000,
    ]);
    // 2 of 3 pages.
    expect(unusableFreeSpaceIndex([1, 1], 1)).toBe(333);
    expect(unusableFreeSpaceIndex([2, 0, 1], 1)).toBe(333);
  });
});
