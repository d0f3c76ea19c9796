// The plan of a defragmentation, on its own: what it reaches, and how far its moves are from the least possible.

import { describe, expect, test } from "vitest";
import { Random } from "../model/random.ts";
import {
  afterMoves,
  holeShare,
  type Layout,
  leastMoved,
  movedLength,
  optimalMoved,
  planMoves,
  randomLayout,
} from "./layouts.ts";

const MAX_HOLES = 0.05;

/** Plans until nothing is left to do, as a heap does; returns the end and the sum of what was moved. */
function defragment(layout: Layout, maxHoles: number): { end: Layout; moved: number; plans: number } {
  let end = layout;
  let moved = 0;
  for (let plans = 0; ; plans++) {
    expect(plans, "plans come to an end").toBeLessThan(100);
    const moves = planMoves(end, maxHoles);
    if (moves.length === 0) return { end, moved, plans };
    moved += movedLength(end, moves);
    end = afterMoves(end, moves);
  }
}

test("holes are what is free in spans with items, the longest free tail left out", () => {
  const item = (span: number, start: number, length: number) => ({
    span,
    start,
    length,
    align: 1,
    pinned: false,
  });
  expect(holeShare({ spans: [], items: [] })).toBe(0);
  expect(holeShare({ spans: [10, 10], items: [] })).toBe(0);
  expect(holeShare({ spans: [10], items: [] })).toBe(0);
  expect(holeShare({ spans: [10], items: [item(0, 0, 4)] })).toBe(0);
  expect(holeShare({ spans: [10], items: [item(0, 4, 4)] })).toBe(0.5);
  expect(holeShare({ spans: [10, 10], items: [item(0, 0, 8), item(1, 2, 4)] })).toBe(4 / 16);
  expect(holeShare({ spans: [10, 10], items: [item(1, 4, 4)] })).toBe(0.5);
});

/** Lengths in granules of 256 bytes: as likely in each doubling, or in each byte. */
const LENGTHS: [string, number, (random: Random) => number][] = [
  ["up to 4 MiB, each doubling alike, in buffers of 32 MiB", 2 ** 17, (random) => random.upTo(2 ** 14)],
  ["up to 1 MiB, each doubling alike, in buffers of 32 MiB", 2 ** 17, (random) => random.upTo(2 ** 12)],
  ["up to 64 KiB, each length alike, in buffers of 8 MiB", 2 ** 15, (random) => random.between(1, 256)],
  [
    "1 to 4 MiB, each length alike, in buffers of 32 MiB",
    2 ** 17,
    (random) => random.between(2 ** 12, 2 ** 14),
  ],
  ["64 KiB, all alike, in buffers of 8 MiB", 2 ** 15, () => 256],
];

describe.each(LENGTHS)("%s: half is freed", (_, spanLength, length) => {
  test.each([8, 32])(
    "%d buffers end at 5 % or less, with at most 1.2 times the least that has to move",
    (count) => {
      for (let seed = 1; seed <= 5; seed++) {
        const layout = randomLayout(new Random(seed), Array(count).fill(spanLength), length);
        const { end, moved } = defragment(layout, MAX_HOLES);
        const least = leastMoved(layout, MAX_HOLES);
        expect(holeShare(end), `seed ${seed}`).toBeLessThanOrEqual(MAX_HOLES);
        expect(moved / least, `seed ${seed}: moved / least`).toBeLessThanOrEqual(1.2);
      }
    },
  );
});

test("small heaps: beside the best of all plans", () => {
  let moved = 0;
  let least = 0;
  const counts = { reachable: 0, reached: 0, best: 0 };
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const spans = random.pick([[12], [8, 8], [6, 6, 6]]);
    const layout = randomLayout(random, spans, (random) => random.between(1, 4));
    if (layout.items.length > 5) continue;
    const optimum = optimalMoved(layout, (end) => holeShare(end) <= 0.1);
    if (optimum === undefined || optimum === 0) continue;
    expect(leastMoved(layout, 0.1), `seed ${seed}: the lower bound is one`).toBeLessThanOrEqual(optimum);
    counts.reachable++;
    const result = defragment(layout, 0.1);
    if (holeShare(result.end) > 0.1) continue;
    counts.reached++;
    if (result.moved === optimum) counts.best++;
    moved += result.moved;
    least += optimum;
  }
  // Of these heaps of two or three tiny buffers, some have an end with few holes that the plan does not see.
  expect(counts.reachable).toBeGreaterThan(100);
  expect(counts.reached / counts.reachable).toBeGreaterThan(0.9);
  expect(counts.best / counts.reached).toBeGreaterThan(0.9);
  expect(moved / least).toBeLessThanOrEqual(1.2);
});

test("pinned items and alignments are kept to", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const layout = randomLayout(random, [4096, 4096, 4096, 4096], (random) => random.upTo(256));
    const items = layout.items.map((item) => {
      const align = random.pick([1, 2, 8].filter((align) => item.start % align === 0));
      return { ...item, align, pinned: random.chance(0.02) };
    });
    const before = { spans: layout.spans, items };
    // afterMoves checks each move.
    const { end } = defragment(before, MAX_HOLES);
    expect(holeShare(end)).toBeLessThan(holeShare(before));
    const pinned = (items: Layout["items"]) => items.filter(({ pinned }) => pinned);
    expect(pinned(end.items)).toEqual(pinned(items));
  }
});

test("a mover for which no gap is long enough takes the place of shorter items", () => {
  const item = (span: number, start: number, length: number) => ({
    span,
    start,
    length,
    align: 1,
    pinned: false,
  });
  // Kept: the first span, of which the gaps are 4, 3 and 2 long; the item of 6 fits in none.
  const layout = {
    spans: [20, 20],
    items: [item(0, 0, 4), item(0, 8, 2), item(0, 13, 5), item(1, 3, 6)],
  };
  const moves = planMoves(layout, 0.15);
  expect(moves).toEqual([
    { item: 1, span: 0, start: 18, after: 2 },
    { item: 3, span: 0, start: 4, after: 0 },
  ]);
  const { end } = defragment(layout, 0.15);
  expect(holeShare(end)).toBeLessThanOrEqual(0.15);
});

test("nothing is moved where nothing is to be gained", () => {
  expect(planMoves({ spans: [], items: [] }, MAX_HOLES)).toEqual([]);
  expect(planMoves({ spans: [10, 10], items: [] }, MAX_HOLES)).toEqual([]);
  const item = { span: 0, start: 0, length: 10, align: 1, pinned: false };
  expect(planMoves({ spans: [10], items: [item] }, MAX_HOLES)).toEqual([]);
  expect(planMoves({ spans: [10, 10], items: [{ ...item, pinned: true, start: 3, length: 7 }] }, 0)).toEqual(
    [],
  );
});
