import { expect, test } from "vitest";
import {
  ceilLog2,
  highestBit,
  isPowerOfTwo,
  lowestBit,
  roundDown,
  roundUp,
} from "../../src/bits/integers.ts";

test("lowestBit and highestBit of a single bit are its index, bit 31 included", () => {
  for (let bit = 0; bit < 32; bit++) {
    expect(lowestBit(1 << bit)).toBe(bit);
    expect(highestBit(1 << bit)).toBe(bit);
  }
});

test("lowestBit and highestBit of two bits are the ends", () => {
  for (let low = 0; low < 32; low++) {
    for (let high = low; high < 32; high++) {
      const word = (1 << low) | (1 << high);
      expect([lowestBit(word), highestBit(word)], `bits ${low} and ${high}`).toEqual([low, high]);
    }
  }
});

test("no bit at all is -1", () => {
  expect([lowestBit(0), highestBit(0)]).toEqual([-1, -1]);
});

test("isPowerOfTwo holds for 1 to 2^52, and not for their neighbours", () => {
  for (let exponent = 0; exponent <= 52; exponent++) {
    expect(isPowerOfTwo(2 ** exponent), `2^${exponent}`).toBe(true);
    if (exponent > 1) expect(isPowerOfTwo(2 ** exponent - 1), `2^${exponent} - 1`).toBe(false);
    if (exponent > 0) expect(isPowerOfTwo(2 ** exponent + 1), `2^${exponent} + 1`).toBe(false);
  }
});

test.each([
  [0],
  [-1],
  [-4],
  [0.5],
  [1.5],
  [3],
  [NaN],
  [Infinity],
  ["4"],
  [null],
  [undefined],
  [[4]],
  [true],
  [4n],
])("isPowerOfTwo(%o) is false", (value) => {
  expect(isPowerOfTwo(value as number)).toBe(false);
});

test("ceilLog2 is the smallest k with 2^k >= count, to 2^31", () => {
  expect([1, 2, 3, 4, 5, 8, 9].map(ceilLog2)).toEqual([0, 1, 2, 2, 3, 3, 4]);
  for (let exponent = 2; exponent <= 31; exponent++) {
    expect(ceilLog2(2 ** exponent), `2^${exponent}`).toBe(exponent);
    expect(ceilLog2(2 ** exponent - 1), `2^${exponent} - 1`).toBe(exponent);
    if (exponent < 31) expect(ceilLog2(2 ** exponent + 1), `2^${exponent} + 1`).toBe(exponent + 1);
  }
});

test("roundUp and roundDown keep multiples and work beyond 32 bits", () => {
  expect([0, 1, 4095, 4096, 4097].map((value) => roundUp(value, 4096))).toEqual([0, 4096, 4096, 4096, 8192]);
  expect([0, 1, 4095, 4096, 4097].map((value) => roundDown(value, 4096))).toEqual([0, 0, 0, 4096, 4096]);
  expect(roundUp(2 ** 40 + 1, 65536)).toBe(2 ** 40 + 65536);
  expect(roundDown(2 ** 40 - 1, 65536)).toBe(2 ** 40 - 65536);
  expect(roundUp(10, 3)).toBe(12);
});
