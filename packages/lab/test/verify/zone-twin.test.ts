import { describe, expect, test } from "vitest";
import type { ZoneInfo } from "../../src/proc/zoneinfo.ts";
import { ZoneTwin } from "../../src/verify/zone-twin.ts";
import { randomBelow } from "../helpers/kernel-model.ts";

const MAX_ORDER = 3;

function zoneOf(startPage: number, spannedPages: number): ZoneInfo {
  return {
    node: 0,
    zone: "Normal",
    startPage,
    spannedPages,
    presentPages: spannedPages,
    managedPages: spannedPages,
    freePages: 0,
    perCpuPages: 0,
  };
}

function freePagesOf(twin: ZoneTwin): number[] {
  return [...twin.freeRanges()].flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, index) => start + index),
  );
}

describe("the twin of a zone", () => {
  test("begins with just the free pages it was given", () => {
    const twin = new ZoneTwin(zoneOf(5, 27), MAX_ORDER, [
      { start: 6, end: 9 },
      { start: 16, end: 32 },
    ]);
    expect(freePagesOf(twin)).toEqual([6, 7, 8, ...Array.from({ length: 16 }, (_, index) => 16 + index)]);
    // 6 and 7 are buddies, 8 is alone; 16 to 31 are two blocks of the largest order.
    expect(twin.freeBlocks).toEqual([1, 1, 0, 2]);
  });

  test("a block that enters alone is merged with what is free beside it", () => {
    const twin = new ZoneTwin(zoneOf(0, 8), MAX_ORDER, [{ start: 0, end: 7 }]);
    expect(twin.freeBlocks).toEqual([1, 1, 1, 0]);
    expect(twin.putIn(7, 0)).toBe(0);
    expect(twin.freeBlocks).toEqual([0, 0, 0, 1]);
  });

  test("a page that enters out of the middle of what is allocated", () => {
    const twin = new ZoneTwin(zoneOf(0, 8), MAX_ORDER, []);
    expect(twin.putIn(5, 0)).toBe(0);
    expect(freePagesOf(twin)).toEqual([5]);
    expect(twin.putIn(4, 1), "one of the two was free").toBe(1);
    expect(freePagesOf(twin)).toEqual([4, 5]);
  });

  test("a block of which some pages are out already", () => {
    const twin = new ZoneTwin(zoneOf(0, 8), MAX_ORDER, [{ start: 0, end: 8 }]);
    expect(twin.takeOut(2, 0)).toBe(0);
    expect(twin.takeOut(0, 2)).toBe(1);
    expect(freePagesOf(twin)).toEqual([4, 5, 6, 7]);
  });

  test("which blocks lie in the zone", () => {
    const twin = new ZoneTwin(zoneOf(8, 8), MAX_ORDER, []);
    expect(twin.covers(8, 3)).toBe(true);
    expect(twin.covers(12, 3)).toBe(false);
    expect(twin.covers(7, 0)).toBe(false);
    expect(twin.covers(16, 0)).toBe(false);
  });

  test.each([1, 2, 3])("random blocks, beside a plain set (seed %d)", (seed) => {
    const random = randomBelow(seed);
    const [start, spanned] = [3, 61];
    const twin = new ZoneTwin(zoneOf(start, spanned), MAX_ORDER, [{ start, end: start + spanned }]);
    const model = new Set(Array.from({ length: spanned }, (_, index) => start + index));
    for (let step = 0; step < 2_000; step++) {
      const order = random(MAX_ORDER + 1);
      const page = 2 ** order * random(64 / 2 ** order);
      if (!twin.covers(page, order)) continue;
      const block = Array.from({ length: 2 ** order }, (_, index) => page + index);
      const free = block.filter((each) => model.has(each)).length;
      if (random(2) === 0) {
        expect(twin.takeOut(page, order)).toBe(block.length - free);
        for (const each of block) model.delete(each);
      } else {
        expect(twin.putIn(page, order)).toBe(free);
        for (const each of block) model.add(each);
      }
      expect(freePagesOf(twin)).toEqual([...model].sort((one, other) => one - other));
    }
  });
});
