/** Seeded pseudo-random numbers: the same seed gives the same sequence everywhere (Marsaglia, Xorshift RNGs, 2003). */

/** The state when the seed is 0, which xorshift would never leave. */
const NOT_ZERO = 0x9e3779b9 | 0;

export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0 || NOT_ZERO;
    // Small seeds begin with small numbers.
    for (let round = 0; round < 8; round++) this.unit();
  }

  /** A number from 0, inclusive, to 1, exclusive. */
  unit(): number {
    let word = this.state;
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    this.state = word;
    return (word >>> 0) / 2 ** 32;
  }

  /** An integer from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }
}
