/**
 * When the next allocation is to be guarded: one in so many, on average.
 *
 * The gaps are drawn evenly from 1 to twice the average less 1, so that no rhythm of the program's falls in with them.
 * Whoever allocates counts a gap down by itself, which is all that the others cost.
 */
import type { Random } from "./random.ts";

/** A gap that hardly ends; a small integer to V8. */
const LONG_GAP = 2 ** 30 - 1;

export class Sampler {
  private readonly every: number;
  private readonly random: Random;

  /** One in `every` is due; for 0 hardly any. */
  constructor(every: number, random: Random) {
    this.every = every;
    this.random = random;
  }

  /** Allocations until the next that is due, that one counted. */
  nextGap(): number {
    if (this.every <= 1) return this.every === 1 ? 1 : LONG_GAP;
    return 1 + this.random.below(2 * this.every - 1);
  }
}
