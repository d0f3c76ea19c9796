import { expect, test } from "vitest";
import { BIN_COUNT, binAtLeast, binOf, MAX_LENGTH, roundUpToBin } from "../../src/webgpu/bins.ts";

test("every length up to 4096, and around every power of two, has the bins that the definition gives", () => {
  const powers = Array.from({ length: 31 }, (_, exponent) => 2 ** exponent);
  const lengths = [...Array(4097).keys(), ...powers.flatMap((power) => [power - 1, power, power + 1])];
  for (const length of lengths.filter((length) => length >= 1 && length <= MAX_LENGTH)) {
    const bin = binOf(length);
    const exponent = Math.floor(Math.log2(length));
    const expected =
      length < 16 ? length : (exponent - 3) * 16 + Math.floor(length / 2 ** (exponent - 4)) - 16;
    expect(bin, `bin of ${length}`).toBe(expected);
    expect(bin).toBeLessThan(BIN_COUNT);
    // The first bin whose shortest length is enough: the own one where the length is the shortest of it.
    expect(binAtLeast(length), `bin at least ${length}`).toBe(binOf(length - 1) === bin ? bin + 1 : bin);
  }
});

test("bins rise with the length, and one bin's lengths differ by a sixteenth at most", () => {
  let shortest = 1;
  for (let length = 1; length <= 100_000; length++) {
    expect(binOf(length) - binOf(length - 1)).toBeOneOf([0, 1]);
    if (binOf(length) !== binOf(shortest)) shortest = length;
    expect(length - shortest).toBeLessThanOrEqual(shortest / 16);
  }
});

test("a length is rounded up to the shortest of a bin, by a sixteenth at most", () => {
  for (const length of [...Array(5000).keys(), 2 ** 20 + 1, 2 ** 29 - 1, 2 ** 30].filter(
    (each) => each > 0,
  )) {
    const rounded = roundUpToBin(length);
    expect(rounded).toBeGreaterThanOrEqual(length);
    expect(rounded - length).toBeLessThanOrEqual(length / 16);
    expect(binOf(rounded - 1), `${length}`).toBe(binOf(rounded) - 1);
  }
});
