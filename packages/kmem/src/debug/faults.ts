/**
 * Allocations that fail because they are told to, so that a program can test what it does without memory.
 *
 * A failed allocation looks like any other for which there is no space: `NONE`, or an `OutOfMemoryError` whose `reason`
 * says why.
 */
import { requireInteger, argumentError } from "../errors.ts";
import { Random } from "./random.ts";

/** Which allocations fail. */
export interface FaultOptions {
  /** The allocation of this number, counted from 1 on, of all allocations of the heap. */
  nth?: number;
  /** Each with this probability, from 0 to 1. */
  probability?: number;
  /** Where the random numbers begin: the same seed makes the same allocations fail. Default 1. */
  seed?: number;
}

export class Faults {
  private readonly nth: number;
  private readonly probability: number;
  private readonly random: Random;
  private count = 0;

  /** Throws RangeError or TypeError for options that are not what they should be. */
  constructor({ nth = 0, probability = 0, seed = 1 }: FaultOptions = {}) {
    if (typeof probability !== "number" || !(probability >= 0 && probability <= 1)) {
      throw argumentError("fail.probability", "a number from 0 to 1", probability);
    }
    this.nth = requireInteger("fail.nth", nth, 0, Number.MAX_SAFE_INTEGER);
    this.probability = probability;
    this.random = new Random(requireInteger("fail.seed", seed, 0, 2 ** 32 - 1));
  }

  /** True when some allocation may be told to fail. */
  get isOn(): boolean {
    return this.nth > 0 || this.probability > 0;
  }

  /** Counts an allocation; why it is to fail, or undefined when it is not. */
  next(): string | undefined {
    if (!this.isOn) return undefined;
    this.count++;
    if (this.count === this.nth) return `allocation ${this.count} was told to fail`;
    if (this.probability > 0 && this.random.unit() < this.probability) {
      return `allocation ${this.count} was told to fail, as one in ${Math.round(1 / this.probability)}`;
    }
    return undefined;
  }
}
