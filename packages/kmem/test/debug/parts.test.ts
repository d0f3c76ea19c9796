import { describe, expect, it } from "vitest";
import { Faults } from "../../src/debug/faults.ts";
import { Afterlife } from "../../src/debug/afterlife.ts";
import { LIVE, QUARANTINED, RELEASED } from "../../src/debug/guarded.ts";
import { OffsetTable } from "../../src/debug/offset-table.ts";
import { FREED, FRESH, Patterns, ZONE } from "../../src/debug/patterns.ts";
import { Random } from "../../src/debug/random.ts";
import { Records } from "../../src/debug/records.ts";
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
    const patterns = new Patterns(() => bytes.buffer);
    patterns.reach(LENGTH);
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

  /** Objects of every length in a double, with zones of one to many doubles around them. */
  const LAYOUTS = [0, 1, 3, 7, 8, 9, 64, 100, 2000].flatMap((byteLength) =>
    [8, 16, 48].map((before) => {
      const raw = 64;
      const offset = raw + before;
      const end = offset + byteLength;
      return { raw, offset, end, rawEnd: Math.ceil((end + before) / 16) * 16 };
    }),
  );

  it.each(LAYOUTS)("lays out $offset to $end in $raw to $rawEnd", ({ raw, offset, end, rawEnd }) => {
    const { patterns, bytes } = make();
    patterns.fill(raw, rawEnd, FREED);
    expect(patterns.layOut(raw, offset, end, rawEnd, FRESH)).toBe(rawEnd);
    const right = Array.from({ length: LENGTH }, (_, at) => {
      if (at < raw || at >= rawEnd) return 1;
      return at < offset || at >= end ? ZONE.byte : FRESH.byte;
    });
    expect([...bytes]).toEqual(right);
    expect(patterns.firstOutside(raw, offset, end, rawEnd)).toBe(rawEnd);
  });

  it.each(LAYOUTS)("finds each wrong byte of $raw to $rawEnd around $offset to $end", (layout) => {
    const { raw, offset, end, rawEnd } = layout;
    const { patterns, bytes } = make();
    const step = (at: number): number => (at < raw + 70 || at > rawEnd - 30 ? 1 : 37);
    for (let at = raw; at < rawEnd; at += step(at)) {
      patterns.fill(raw, rawEnd, FREED);
      bytes[at] = 7;
      expect(patterns.layOut(raw, offset, end, rawEnd, FRESH), `free byte ${at}`).toBe(at);
      expect(bytes[at]).toBe(7);
      patterns.fill(raw, rawEnd, FREED);
      patterns.layOut(raw, offset, end, rawEnd, FRESH);
      bytes[at] = 7;
      const isOutside = at < offset || at >= end;
      expect(patterns.firstOutside(raw, offset, end, rawEnd), `byte ${at}`).toBe(isOutside ? at : rawEnd);
    }
  });

  it("follows a buffer that is replaced, and one that grows", () => {
    let buffer = new ArrayBuffer(64, { maxByteLength: 128 });
    const patterns = new Patterns(() => buffer);
    patterns.reach(64);
    buffer.resize(128);
    patterns.reach(128);
    patterns.fill(64, 128, ZONE);
    expect(new Uint8Array(buffer)[127]).toBe(ZONE.byte);
    const old = buffer;
    buffer = new ArrayBuffer(64);
    structuredClone(old, { transfer: [old] });
    patterns.reach(64);
    patterns.fill(0, 64, FREED);
    expect(new Uint8Array(buffer)[63]).toBe(FREED.byte);
  });
});

describe("OffsetTable", () => {
  it("does what a Map does, in 50,000 random operations on clustered and spread keys", () => {
    const random = new TestRandom(7);
    const table = new OffsetTable(2 ** 32);
    const map = new Map<number, number>();
    const key = (): number => 16 * (random.chance(0.5) ? random.below(300) : random.below(2 ** 20) * 255);
    const keys: number[] = [];
    for (let operation = 1; operation <= 50_000; operation++) {
      const offset = random.chance(0.7) && keys.length > 0 ? random.pick(keys) : key();
      if (random.chance(0.5)) {
        table.set(offset, operation);
        map.set(offset, operation);
        keys.push(offset);
      } else {
        table.set(offset, 0);
        map.delete(offset);
      }
      expect(table.get(offset)).toBe(map.get(offset) ?? 0);
    }
    expect([...table.values()].sort((a, b) => a - b)).toEqual([...map.values()].sort((a, b) => a - b));
    for (const [offset, value] of map) expect(table.get(offset)).toBe(value);
  });

  it("holds the first and the last offset, and knows no other number", () => {
    const table = new OffsetTable(2 ** 32);
    table.set(0, 1);
    table.set(2 ** 32 - 16, 2 ** 31 - 1);
    expect([table.get(0), table.get(2 ** 32 - 16)]).toEqual([1, 2 ** 31 - 1]);
    for (const wrong of [1, -16, 0.5, NaN, Infinity, 2 ** 32, "0", undefined, null, 16]) {
      expect(table.get(wrong as number)).toBe(0);
    }
    table.clear();
    expect(table.get(0)).toBe(0);
    expect(new OffsetTable(4096).get(4096)).toBe(0);
  });
});

describe("Records", () => {
  const ward = new Ward(
    { sample: 1, redZone: 16, fill: true },
    { name: "records", isInSlots: true, isConstructed: false },
  );

  it("keep what was written, at the end of 4 GiB and beyond 2^32 allocations, while more come and go", () => {
    const random = new TestRandom(11);
    const records = new Records();
    const kept = new Map<number, { raw: number; rawBytes: number; number: number; slotCache: number }>();
    for (let count = 0; count < 3000; count++) {
      const rawBytes = 16 * random.upTo(1000);
      const raw = 2 ** 32 - rawBytes - 16 * random.below(1000);
      const facts = { raw, rawBytes, number: 2 ** 40 + count, slotCache: random.below(1024) };
      const record = records.add(ward, facts.slotCache, raw, raw + rawBytes, raw, rawBytes - 1, facts.number);
      expect(kept.has(record)).toBe(false);
      kept.set(record, facts);
      if (random.chance(0.4)) {
        const gone = random.pick([...kept.keys()]);
        records.remove(gone);
        kept.delete(gone);
      }
    }
    for (const [record, { raw, rawBytes, number, slotCache }] of kept) {
      expect(records.read(record)).toMatchObject({
        offset: raw,
        byteLength: rawBytes - 1,
        raw,
        rawEnd: raw + rawBytes,
        slotCache,
        number,
        state: LIVE,
        allocated: undefined,
        isReset: false,
      });
      expect(records.ward(record)).toBe(ward);
    }
  });

  it("keep the moments of those that are tracked, until they are removed", () => {
    const records = new Records();
    const record = records.add(ward, 1, 0, 64, 16, 20, 1);
    const [allocated, freed] = [takeMoment(), takeMoment()];
    records.trackFree(record, freed);
    expect(records.read(record).freed).toBeUndefined();
    records.track(record, allocated);
    records.trackFree(record, freed);
    expect(records.isTracked(record)).toBe(true);
    expect(records.read(record)).toMatchObject({ allocated, freed });
    records.remove(record);
    const next = records.add(ward, 1, 0, 64, 16, 20, 2);
    expect(next).toBe(record);
    expect(records.read(next)).toMatchObject({ allocated: undefined, freed: undefined, number: 2 });
  });
});

describe("Afterlife", () => {
  const ward = new Ward(
    { sample: 1, redZone: 16, fill: true },
    { name: "afterlife", isInSlots: true, isConstructed: false },
  );

  it("keeps the order of frees through quarantine and memory, whatever leaves first, and grows while it wraps", () => {
    const random = new TestRandom(3);
    const records = new Records();
    const afterlife = new Afterlife(records);
    /** Numbers in quarantine and remembered, by a plain array each. */
    const waiting: number[] = [];
    const all: { number: number; isWaiting: boolean }[] = [];
    for (let number = 1; number <= 3000; number++) {
      const record = records.add(ward, 1, 0, 64, 16, 20, number);
      const isWaiting = random.chance(0.8);
      afterlife.push(record, isWaiting ? QUARANTINED : RELEASED);
      all.push({ number, isWaiting });
      if (isWaiting) waiting.push(number);
      while (waiting.length > 100) {
        const oldest = afterlife.oldest();
        expect(records.number(oldest)).toBe(waiting.shift());
        afterlife.release(oldest);
        all.find(({ number: each }) => each === records.number(oldest))!.isWaiting = false;
      }
      afterlife.oldest();
      const firstWaiting = all.findIndex((each) => each.isWaiting);
      expect(afterlife.remembered).toBe(firstWaiting < 0 ? all.length : firstWaiting);
      while (afterlife.remembered > 50) {
        const forgotten = afterlife.forget();
        expect(records.number(forgotten)).toBe(all.shift()!.number);
        records.remove(forgotten);
      }
      expect([afterlife.objects, afterlife.bytes]).toEqual([waiting.length, 64 * waiting.length]);
    }
    expect([...afterlife].map((record) => records.number(record))).toEqual(all.map(({ number }) => number));
    afterlife.clear();
    expect([[...afterlife], afterlife.objects, afterlife.oldest()]).toEqual([[], 0, 0]);
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
    const taken = Array.from({ length: 25 }, (_, index) => index + 1).filter((number) =>
      tracker.isDue(number),
    );
    expect(taken).toEqual([1, 5, 6, 11, 21]);
  });

  it("takes none for 0, but those that are watched", () => {
    const tracker = new Tracker(0, [2]);
    expect([1, 2, 3].map((number) => tracker.isDue(number))).toEqual([false, true, false]);
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
