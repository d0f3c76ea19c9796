/**
 * Bins of lengths: eight to a doubling, so that a bin's lengths differ by an eighth at most.
 *
 * Lengths 0 to 7 have a bin each. From there on a length's bin is its exponent and the three bits below its highest
 * one, as in a small floating-point number: 8, 9, … 15, 16–17, 18–19, … Bins are grouped into rows of eight, one for
 * each doubling, for a mask of each row and a mask of rows.
 *
 * Masmano et al., "TLSF: a New Dynamic Memory Allocator for Real-Time Systems" (2004).
 */
/** The largest length that has a bin. */
export const MAX_LENGTH = 2 ** 30;
/** Rows of eight bins: the lengths below 8, and the exponents from 3 to 30. */
export const ROW_COUNT = 29;
/** Bins in all. */
export const BIN_COUNT = ROW_COUNT * 8;

/** The bin of `length`, from 0 to `MAX_LENGTH`. O(1). */
export function binOf(length: number): number {
  // What is left of the length are 4 bits, the first of them set from 8 on: so row 0 needs no case of its own.
  const shift = 28 - Math.clz32(length | 8);
  return (shift << 3) + (length >>> shift);
}

/** The first bin in which every length is at least `length`, from 1; may be `BIN_COUNT`, which is none. O(1). */
export function binAtLeast(length: number): number {
  return binOf(length - 1) + 1;
}
