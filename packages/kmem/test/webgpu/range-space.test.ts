// Ranges beside a plain model: an array of owners, one entry a granule.

import { describe, expect, test } from "vitest";
import { AllocError, NONE } from "kmem";
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
    const fits = this.fits(length, align);
    const range = this.space.take(length, align);
    expect(range !== NONE, `${length} granules at a multiple of ${align} fit`).toBe(fits);
    if (range !== NONE) this.own(range, length, align);
  }

  own(range: number, length: number, align: number): void {
    const { space } = this;
    const [span, start] = [space.spanOf(range), space.startOf(range)];
    const owners = this.spans.get(span)!;
    expect(space.lengthOf(range)).toBe(length);
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
    expect(this.space.startOf(used)).toBe(start);
    this.own(used, length, 1);
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
  test("agree with an array of owners after each of 3,000", () => {
    const random = new Random(seed);
    const model = new Model();
    model.addSpan(200);
    for (let step = 0; step < 3000; step++) {
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
      model.check();
    }
  });
});

test("a length just as long as the longest free range is served, although its bin holds shorter ones too", () => {
  const space = new RangeSpace();
  const span = space.addSpan(1001);
  expect(space.take(1001, 1)).not.toBe(NONE);
  expect(space.take(1, 1)).toBe(NONE);
  space.check([{ span, length: 1001 }]);
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
