/** Seeded random numbers: the same seed gives the same workload on every machine. */

/**
 * The generator sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, no short cycles in its low bits,
 * so that a branch predictor cannot learn a sequence made from them.
 *
 * @param seed an unsigned 32-bit integer
 * @returns a function that gives unsigned 32-bit integers
 */
export function createRandom(seed: number): () => number {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  // The state's first words still show the seed's pattern; 15 steps mix it in.
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** @returns an integer in [0, limit), `limit` at most 2^32, by multiplication in place of a remainder */
export function integerBelow(next: () => number, limit: number): number {
  return Math.floor((next() / 2 ** 32) * limit);
}
