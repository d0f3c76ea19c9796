/**
 * Integer helpers: powers of two, logarithms, alignment.
 *
 * Page counts and word indices fit 31 bits and use 32-bit operators. Byte sizes and offsets reach 2^53, so
 * whatever handles those uses multiplication and division, never shifts.
 */

/** The index of the lowest set bit of `word`, 0 to 31; -1 when no bit is set. O(1). */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** The index of the highest set bit of `word`, 0 to 31; -1 when no bit is set. O(1). */
export function highestBit(word: number): number {
  return 31 - Math.clz32(word);
}

/** The number of set bits of `word`. O(1). (Hacker's Delight, section 5-1.) */
export function bitCount(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** True for 1, 2, 4, … up to 2^52; false for anything else, also for what is not a number. */
export function isPowerOfTwo(value: number): boolean {
  // The logarithm is for what 32-bit operators cannot tell, and ten times as slow.
  if (typeof value === "number" && value >>> 0 === value) return value > 0 && (value & (value - 1)) === 0;
  return Number.isInteger(value) && 2 ** Math.round(Math.log2(value)) === value;
}

/** The smallest k with 2^k >= `count`, for a count from 1 to 2^31. O(1). */
export function ceilLog2(count: number): number {
  return 32 - Math.clz32(count - 1);
}

/** `value` rounded up to a multiple of `step`; both may be byte sizes up to 2^53. O(1). */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** `value` rounded down to a multiple of `step`; both may be byte sizes up to 2^53. O(1). */
export function roundDown(value: number, step: number): number {
  return Math.floor(value / step) * step;
}
