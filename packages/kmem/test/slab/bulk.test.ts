import { NONE, OutOfMemoryError } from "kmem";
import { describe, expect, test } from "vitest";
import { allocateMany, buddyOf, cacheOf, expectSound, PAGE, stateOf } from "./helpers.ts";

describe("allocateBulk", () => {
  test.each([
    ["an array", (n: number): number[] => Array.from({ length: n }, () => -7)],
    ["Int32Array", (n: number) => new Int32Array(n)],
    ["Uint32Array", (n: number) => new Uint32Array(n)],
    ["Float64Array", (n: number) => new Float64Array(n)],
  ])("writes n offsets into %s", (_, make) => {
    const buddy = buddyOf(16);
    const cache = cacheOf(buddy, 64, { magazineSize: 10 });
    const out = make(100);
    cache.allocateBulk(out, 100);
    expect(new Set(out).size).toBe(100);
    expectSound(cache, buddy, 100);
    cache.freeBulk(out, 100);
    expectSound(cache, buddy, 0);
  });

  test("leaves what lies behind n alone", () => {
    const cache = cacheOf(buddyOf(16), 64);
    const out = [-7, -7, -7, -7];
    cache.allocateBulk(out, 2);
    expect(out.slice(2)).toEqual([-7, -7]);
    expect(cache.stats().objects).toBe(2);
  });

  test("an array may be shorter than n: it gets longer", () => {
    const cache = cacheOf(buddyOf(16), 64);
    const out: number[] = [];
    cache.allocateBulk(out, 5);
    expect(new Set(out).size).toBe(5);
  });

  test("of none does nothing", () => {
    const buddy = buddyOf(16);
    const cache = cacheOf(buddy, 64);
    cache.allocateBulk([], 0);
    cache.freeBulk([], 0);
    expectSound(cache, buddy, 0);
    expect(cache.stats().slabs).toBe(0);
  });

  test.each([1, 8, 127])("on exhaustion allocates none, magazine of %i", (magazineSize) => {
    const buddy = buddyOf(2);
    const cache = cacheOf(buddy, 64, { magazineSize });
    const held = allocateMany(cache, 50);
    expect(() => cache.allocateBulk([], 79)).toThrow(OutOfMemoryError);
    expectSound(cache, buddy, 50);
    for (const offset of held) cache.free(offset);
    const all: number[] = [];
    cache.allocateBulk(all, 128);
    expect(cache.tryAllocate()).toBe(NONE);
    expectSound(cache, buddy, 128);
  });

  test("when construct throws part of the way, allocates none", () => {
    const buddy = buddyOf(16);
    const cache = cacheOf(buddy, 1024, {
      construct(offset) {
        if (offset >= 2 * PAGE) throw new Error("no third slab");
      },
    });
    expect(() => cache.allocateBulk([], 12)).toThrow("no third slab");
    expectSound(cache, buddy, 0);
  });

  test("offsets above 2 GiB, through an Int32Array, can be freed", () => {
    const buddy = buddyOf(4, { base: 2 ** 32 - 4 * PAGE });
    const cache = cacheOf(buddy, 64);
    const out = new Int32Array(40);
    cache.allocateBulk(out, 40);
    expect(Math.max(...out)).toBeLessThan(0);
    cache.freeBulk(out, 40);
    expectSound(cache, buddy, 0);
  });

  test("on exhaustion gives back offsets above 2 GiB that lie in an Int32Array", () => {
    const buddy = buddyOf(1, { base: 2 ** 32 - PAGE });
    const cache = cacheOf(buddy, 64);
    expect(() => cache.allocateBulk(new Int32Array(65), 65)).toThrow(OutOfMemoryError);
    expectSound(cache, buddy, 0);
  });
});

describe("freeBulk", () => {
  /** Twelve objects of a cache, three slabs of four. */
  function twelve() {
    const buddy = buddyOf(16);
    const cache = cacheOf(buddy, 1024);
    return { buddy, cache, offsets: allocateMany(cache, 12) };
  }

  test("frees the first n", () => {
    const { buddy, cache, offsets } = twelve();
    cache.freeBulk(offsets, 5);
    expectSound(cache, buddy, 7);
    for (const offset of offsets.slice(5)) cache.free(offset);
    expectSound(cache, buddy, 0);
  });

  test.each([
    ["inside an object", 16, "INVALID_FREE", /lies 16 bytes inside a slot of 1024 bytes$/],
    ["beside every slab", 9 * PAGE, "INVALID_FREE", /lies in no slab of cache "objects"$/],
    ["outside the space", 2 ** 40, "INVALID_FREE", /lies in no slab of cache "objects"$/],
    ["not a number at all", NaN, "INVALID_FREE", /lies in no slab of cache "objects"$/],
    [
      "fractional",
      0.5,
      "INVALID_FREE",
      /lies (in no slab of cache "objects"|0.5 bytes inside a slot of 1024 bytes)$/,
    ],
  ])("with one in the middle that is %s changes nothing", (_, wrong, code, message) => {
    const { buddy, cache, offsets } = twelve();
    const before = stateOf(cache, buddy);
    const error = { code, message: expect.stringMatching(message), offset: wrong };
    expect(() => cache.freeBulk(offsets.toSpliced(6, 1, wrong), 12)).toThrow(expect.objectContaining(error));
    expect(stateOf(cache, buddy)).toBe(before);
    expectSound(cache, buddy, 12);
    cache.freeBulk(offsets, 12);
    expectSound(cache, buddy, 0);
  });

  test.each([0, 5, 11])("with one that repeats number %i changes nothing", (repeated) => {
    const { buddy, cache, offsets } = twelve();
    const before = stateOf(cache, buddy);
    const list = [...offsets, offsets[repeated]];
    expect(() => cache.freeBulk(list, 13)).toThrow(
      expect.objectContaining({
        code: "DOUBLE_FREE",
        offset: offsets[repeated],
        message: `cannot free offset ${offsets[repeated]}: the slot is free already`,
      }),
    );
    expect(stateOf(cache, buddy)).toBe(before);
    cache.freeBulk(offsets, 12);
    expectSound(cache, buddy, 0);
  });

  test("with one that was freed before changes nothing", () => {
    const { buddy, cache, offsets } = twelve();
    cache.free(offsets[4]);
    const before = stateOf(cache, buddy);
    expect(() => cache.freeBulk(offsets, 12)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
    expect(stateOf(cache, buddy)).toBe(before);
    expectSound(cache, buddy, 11);
  });
});
