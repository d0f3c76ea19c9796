// Ranges beside a plain model: an array of owners, one entry a granule.

import { describe, expect, test } from "vitest";
import { AllocError, NONE } from "kmem";
import { roundUpToBin } from "../../src/webgpu/bins.ts";
import { RangeSpace } from "../../src/webgpu/range-space.ts";
import { Random } from "../model/random.ts";

/** A granule that nobody has. */
const NOBODY = 0;

/** A space and, for each span, who has each granule. */
class Model {
  readonly space = new RangeSpace();
  readonly spans = new Map<number, number[]>();
  readonly used = new Map<number, { span: number; start: number; length: number }>();

  addSpan(length: number): void {
    this.spans.set(this.space.addSpan(length), Array(length).fill(NOBODY));
  }

  /** Where `length` granules would fit, by looking at each place. */
  fits(length: number, align: number): boolean {
    return [...this.spans.values()].some((owners) => {
      for (let start = 0; start + length <= owners.length; start += align) {
        if (owners.slice(start, start + length).every((owner) => owner === NOBODY)) return true;
      }
      return false;
    });
  }

  take(length: number, align: number): void {
    const rounded = roundUpToBin(length);
    const isSure = this.fits(roundUpToBin(rounded + align - 1), 1);
    const isPossible = this.fits(length, align);
    const range = this.space.take(length, align);
    expect(range !== NONE, `${length} granules at a multiple of ${align} fit`).toBeOneOf([
      isSure,
      isPossible,
    ]);
    if (range === NONE) return;
    expect(this.space.lengthOf(range)).toBeGreaterThanOrEqual(length);
    expect(this.space.lengthOf(range)).toBeLessThanOrEqual(rounded * (17 / 16));
    this.own(range, align);
  }

  own(range: number, align: number): void {
    const { space } = this;
    const [span, start, length] = [space.spanOf(range), space.startOf(range), space.lengthOf(range)];
    const owners = this.spans.get(span)!;
    expect(start % align).toBe(0);
    expect(owners.slice(start, start + length).every((owner) => owner === NOBODY)).toBe(true);
    owners.fill(range, start, start + length);
    this.used.set(range, { span, start, length });
  }

  release(range: number): void {
    const { span, start, length } = this.used.get(range)!;
    this.spans.get(span)!.fill(NOBODY, start, start + length);
    this.used.delete(range);
    this.space.release(range);
  }

  /** Claims granules inside a free range, at a given place. */
  claimWithin(range: number, start: number, length: number): void {
    const used = this.space.claim(range, start, length);
    expect([this.space.startOf(used), this.space.lengthOf(used)]).toEqual([start, length]);
    this.own(used, 1);
  }

  check(): void {
    this.space.check([...this.spans].map(([span, owners]) => ({ span, length: owners.length })));
    for (const [span, owners] of this.spans) {
      const found = [...this.space.ranges(span)].flatMap((range) =>
        Array(this.space.lengthOf(range)).fill(this.space.isFree(range) ? NOBODY : range),
      );
      expect(found).toEqual(owners);
    }
  }
}

describe.each([1, 2, 3])("random operations, seed %d", (seed) => {
  test("agree with an array of owners", () => {
    const random = new Random(seed);
    const model = new Model();
    model.addSpan(200);
    for (let step = 0; step < 10_000; step++) {
      const choice = random.below(100);
      const held = [...model.used.keys()];
      if (choice < 50) model.take(1 + random.below(random.below(8) === 0 ? 90 : 12), 1 + random.below(5));
      else if (choice < 90 && held.length > 0) model.release(held[random.below(held.length)]!);
      else if (choice < 96) {
        const [span] = [...model.spans.keys()];
        const free = [...model.space.ranges(span!)].filter((range) => model.space.isFree(range));
        if (free.length === 0) continue;
        const range = free[random.below(free.length)]!;
        const length = 1 + random.below(model.space.lengthOf(range));
        const start = model.space.startOf(range) + random.below(model.space.lengthOf(range) - length + 1);
        model.claimWithin(range, start, length);
      } else if (model.spans.size < 4) model.addSpan(20 + random.below(200));
      else {
        for (const [span, owners] of model.spans) {
          if (owners.some((owner) => owner !== NOBODY)) continue;
          model.space.removeSpan(span);
          model.spans.delete(span);
        }
      }
      // A check merges what waits; so that something does wait, not after each.
      if (random.below(10) === 0) model.check();
    }
    model.check();
  });
});

test("what is released serves the next request of its bin as it is, and is merged where nothing else is left", () => {
  const space = new RangeSpace();
  const span = space.addSpan(1024);
  const ranges = Array.from({ length: 16 }, () => space.take(64, 1));
  expect(space.take(1, 1)).toBe(NONE);
  space.release(ranges[3]!);
  space.release(ranges[7]!);
  expect(space.isFree(ranges[7]!)).toBe(false);
  expect(space.take(63, 1)).toBe(ranges[7]); // 63 granules get 64, as 64 do
  expect(space.lengthOf(space.take(60, 1))).toBe(60); // another bin: what waits is merged, and cut
  space.release(ranges[4]!);
  expect(space.take(69, 1)).toBe(NONE); // would get 72
  expect(space.lengthOf(space.take(68, 1))).toBe(68);
  space.check([{ span, length: 1024 }]);
});

test("a whole span can be taken, and is one range again after all is released", () => {
  const space = new RangeSpace();
  const span = space.addSpan(1024);
  for (const length of [1024, 7, 300]) {
    const used: number[] = [];
    for (let range = space.take(length, 1); range !== NONE; range = space.take(length, 1)) used.push(range);
    expect(used.length).toBe(Math.floor(1024 / roundUpToBin(length)));
    for (const range of used) space.release(range);
    expect([...space.ranges(span)].map((range) => space.lengthOf(range))).toEqual([1024]);
  }
});

test("no more ranges wait than a few hundred", () => {
  const space = new RangeSpace();
  space.addSpan(100_000);
  const used = Array.from({ length: 10_000 }, () => space.take(10, 1));
  for (const range of used) space.release(range);
  expect((space as unknown as { waitingCount: number }).waitingCount).toBeLessThanOrEqual(512);
});

test.each([
  ["R1", "BEFORE", 2],
  ["R1", "START", 0],
  ["R3", "LENGTH in a bin", 1],
])("check names %s when the word of %s is wrong", (invariant, _, word) => {
  const space = new RangeSpace();
  const span = space.addSpan(100);
  const range = space.take(10, 1);
  const rest = space.behind(range);
  const { words } = space as unknown as { words: Int32Array };
  // A wrong length is made up for by its neighbour, so that only the bin is wrong.
  if (word === 1) {
    words[range * 8 + 1]! += 50;
    words[rest * 8 + 1]! -= 50;
    words[rest * 8]! += 50;
  } else words[rest * 8 + word]! += 1;
  expect(() => space.check([{ span, length: 100 }])).toThrow(AllocError);
  expect(() => space.check([{ span, length: 100 }])).toThrow(invariant);
});
