/**
 * Bins of lengths: sixteen to a doubling, so that a bin's lengths differ by a sixteenth at most.
 *
 * Lengths 0 to 15 have a bin each. From there on a length's bin is its exponent and the four bits below its highest
 * one, as in a small floating-point number: 16, 17, … 31, 32–33, 34–35, …
 *
 * Masmano et al., "TLSF: a New Dynamic Memory Allocator for Real-Time Systems" (2004).
 */
/** The largest length that has a bin. */
export const MAX_LENGTH = 2 ** 30;
/** Bins in all: one for each of the lengths below 16, and sixteen for each of the exponents from 4 to 30. */
export const BIN_COUNT = 28 * 16;

/** The bin of `length`, from 0 to `MAX_LENGTH`. O(1). */
export function binOf(length: number): number {
  // What is left of the length are 5 bits, the first of them set from 16 on: so the first bins need no case of their own.
  const shift = 27 - Math.clz32(length | 16);
  return (shift << 4) + (length >>> shift);
}

/** `length`, from 1 to `MAX_LENGTH`, rounded up to the shortest length of a bin: by a sixteenth at most. O(1). */
export function roundUpToBin(length: number): number {
  const steps = (1 << (27 - Math.clz32((length - 1) | 16))) - 1;
  return (length + steps) & ~steps;
}

/** The first bin in which every length is at least `length`, from 1; may be `BIN_COUNT`, which is none. O(1). */
export function binAtLeast(length: number): number {
  return binOf(length - 1) + 1;
}
