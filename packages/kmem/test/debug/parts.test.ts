import { describe, expect, it } from "vitest";
import { Faults } from "../../src/debug/faults.ts";
import { Guarded } from "../../src/debug/guarded.ts";
import { GuardedQueue } from "../../src/debug/guarded-queue.ts";
import { OffsetTable } from "../../src/debug/offset-table.ts";
import { FREED, FRESH, Patterns, ZONE } from "../../src/debug/patterns.ts";
import { Random } from "../../src/debug/random.ts";
import { Sampler } from "../../src/debug/sampler.ts";
import { callSiteOf, stackOf, takeMoment, Tracker } from "../../src/debug/tracker.ts";
import { Ward } from "../../src/debug/ward.ts";
import { Random as TestRandom } from "../model/random.ts";

describe("Patterns", () => {
  const LENGTH = 4096;
  /** Ranges with ends at every place within a double, short and long. */
  const RANGES = [0, 1, 7, 8, 15].flatMap((start) =>
    [0, 1, 3, 8, 9, 17, 100, 1023, 1024, 3001].map((length) => [start, start + length] as const),
  );

  function make(): { patterns: Patterns; bytes: Uint8Array } {
    const bytes = new Uint8Array(LENGTH).fill(1);
    const patterns = new Patterns();
    patterns.look(bytes.buffer);
    return { patterns, bytes };
  }

  it.each(RANGES)("fills bytes %i to %i and no other", (start, end) => {
    const { patterns, bytes } = make();
    patterns.fill(start, end, FREED);
    expect([...bytes]).toEqual(
      Array.from({ length: LENGTH }, (_, at) => (at >= start && at < end ? FREED.byte : 1)),
    );
  });

  it.each(RANGES)("finds the first wrong byte of %i to %i, wherever it is", (start, end) => {
    const { patterns, bytes } = make();
    patterns.fill(start, end, ZONE);
    expect(patterns.firstOther(start, end, ZONE)).toBe(end);
    for (let at = start; at < end; at += at < 40 || at > end - 20 ? 1 : 61) {
      bytes[at] = 0;
      expect(patterns.firstOther(start, end, ZONE), `byte ${at}`).toBe(at);
      bytes[at] = ZONE.byte;
    }
  });

  it.each(RANGES)("exchanges bytes %i to %i up to the first wrong one", (start, end) => {
    const { patterns, bytes } = make();
    patterns.fill(start, end, FREED);
    expect(patterns.exchange(start, end, FREED, FRESH)).toBe(end);
    expect(patterns.firstOther(start, end, FRESH)).toBe(end);
    if (end === start) return;
    const wrong = Math.floor((start + end) / 2);
    bytes[wrong] = 7;
    expect(patterns.exchange(start, end, FRESH, ZONE)).toBe(wrong);
    expect(bytes[wrong]).toBe(7);
    expect(bytes[end]).toBe(1);
  });

  it("follows a buffer that is replaced, and one that grows", () => {
    const patterns = new Patterns();
    const buffer = new ArrayBuffer(64, { maxByteLength: 128 });
    patterns.look(buffer);
    buffer.resize(128);
    patterns.look(buffer);
    patterns.fill(64, 128, ZONE);
    expect(new Uint8Array(buffer)[127]).toBe(ZONE.byte);
    const other = new ArrayBuffer(64);
    patterns.look(other);
    patterns.fill(0, 64, FREED);
    expect(new Uint8Array(other)[63]).toBe(FREED.byte);
  });
});

describe("OffsetTable", () => {
  it("does what a Map does, in 50,000 random operations on clustered and spread keys", () => {
    const random = new TestRandom(7);
    const table = new OffsetTable<number>();
    const map = new Map<number, number>();
    const key = (): number => 16 * (random.chance(0.5) ? random.below(300) : random.below(2 ** 28));
    const keys: number[] = [];
    for (let operation = 0; operation < 50_000; operation++) {
      const offset = random.chance(0.7) && keys.length > 0 ? random.pick(keys) : key();
      if (random.chance(0.5)) {
        table.set(offset, operation);
        map.set(offset, operation);
        keys.push(offset);
      } else {
        table.delete(offset);
        map.delete(offset);
      }
      expect(table.get(offset)).toBe(map.get(offset));
      expect(table.size).toBe(map.size);
    }
    expect([...table.entries()].sort((a, b) => a - b)).toEqual([...map.values()].sort((a, b) => a - b));
    for (const [offset, value] of map) expect(table.get(offset)).toBe(value);
  });

  it("holds the first and the last offset, and knows no other number", () => {
    const table = new OffsetTable<string>();
    table.set(0, "first");
    table.set(2 ** 32 - 16, "last");
    expect([table.get(0), table.get(2 ** 32 - 16)]).toEqual(["first", "last"]);
    for (const wrong of [1, -16, 0.5, NaN, Infinity, 2 ** 32, "0", undefined, null, 16]) {
      expect(table.get(wrong as number)).toBeUndefined();
    }
    table.clear();
    expect(table.get(0)).toBeUndefined();
  });
});

describe("GuardedQueue", () => {
  const ward = new Ward(
    { sample: 1, redZone: 16, fill: true },
    { name: "queue", isInSlots: true, isConstructed: false },
  );

  it("gives back in order, counts bytes, and grows while it wraps around", () => {
    const queue = new GuardedQueue();
    let pushed = 0;
    let taken = 0;
    for (let round = 0; round < 50; round++) {
      for (let count = 0; count < 20; count++) {
        const guarded = new Guarded(ward);
        guarded.number = ++pushed;
        guarded.rawEnd = 64;
        queue.push(guarded);
      }
      for (let count = 0; count < 15; count++) expect(queue.shift().number).toBe(++taken);
      expect([queue.length, queue.byteLength]).toEqual([pushed - taken, 64 * (pushed - taken)]);
      expect(queue.oldest?.number).toBe(taken + 1);
    }
    expect([...queue].map(({ number }) => number)).toEqual(
      Array.from({ length: pushed - taken }, (_, index) => taken + 1 + index),
    );
  });
});

describe("Sampler", () => {
  it.each([1, 2, 7, 1024])("is due once in %i on average", (every) => {
    const sampler = new Sampler(every, new Random(1));
    let sum = 0;
    const gaps = Array.from({ length: 20_000 }, () => sampler.nextGap());
    for (const gap of gaps) sum += gap;
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * every - 1);
    expect(sum / gaps.length / every).toBeCloseTo(1, 1);
  });

  it("is hardly ever due for 0", () => {
    expect(new Sampler(0, new Random(1)).nextGap()).toBeGreaterThan(10 ** 9);
  });
});

describe("Faults", () => {
  it("fails the allocation of a number, once", () => {
    const faults = new Faults({ nth: 3 });
    const reasons = Array.from({ length: 5 }, () => faults.next());
    expect(reasons).toEqual([undefined, undefined, "allocation 3 was told to fail", undefined, undefined]);
  });

  it("fails with a probability, the same ones for the same seed", () => {
    const run = (seed: number): boolean[] => {
      const faults = new Faults({ probability: 0.25, seed });
      return Array.from({ length: 4000 }, () => faults.next() !== undefined);
    };
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
    expect(run(1).filter(Boolean).length / 4000).toBeCloseTo(0.25, 1);
  });

  it("is off by itself", () => {
    const faults = new Faults();
    expect([faults.isOn, faults.next()]).toEqual([false, undefined]);
  });
});

describe("Tracker", () => {
  it("takes the first moment, one in so many, and those that are watched", () => {
    const tracker = new Tracker(10, [5, 6]);
    const taken = Array.from({ length: 25 }, (_, index) => tracker.allocated(index + 1)).flatMap(
      (moment, index) => (moment === undefined ? [] : [index + 1]),
    );
    expect(taken).toEqual([1, 5, 6, 11, 21]);
  });

  it("takes none for 0, but those that are watched", () => {
    const tracker = new Tracker(0, [2]);
    expect([1, 2, 3].map((number) => tracker.allocated(number) !== undefined)).toEqual([false, true, false]);
  });

  it("tells the calls without kmem's own", () => {
    function caller(): ReturnType<typeof takeMoment> {
      return takeMoment();
    }
    const moment = caller();
    expect(callSiteOf(moment)).toMatch(/caller .*parts\.test\.ts/);
    expect(stackOf(moment).join("\n")).not.toMatch(/tracker/);
  });
});
