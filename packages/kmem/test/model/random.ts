/** Seeded pseudo-random numbers: the same seed gives the same sequence on every machine (mulberry32). */
export class Random {
  #state: number;

  /** `text` sets apart sequences of the same seed. */
  constructor(seed: number, text = "") {
    this.#state = seed >>> 0;
    for (const character of text) {
      this.#state = Math.imul(this.#state ^ character.codePointAt(0)!, 0x01000193) >>> 0;
    }
  }

  /** A number from 0, inclusive, to 1, exclusive. */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  /** An integer from `min` to `max`, both inclusive. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** An integer from 1 to `max`; each power of two is as likely to be reached as the next. */
  upTo(max: number): number {
    return Math.min(max, Math.floor(2 ** (this.unit() * Math.log2(max + 1))));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One of `values`, which must not be empty. */
  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }

  /** A key of `weights`, as likely as its weight says. */
  weighted<Key extends string>(weights: Record<Key, number>): Key {
    const keys = Object.keys(weights) as Key[];
    return keys[this.weightedIndex(keys.map((key) => weights[key]))]!;
  }

  /** An index into `weights`, as likely as its weight says. */
  protected weightedIndex(weights: readonly number[]): number {
    let rest = this.unit() * weights.reduce((sum, weight) => sum + weight, 0);
    const index = weights.findIndex((weight) => (rest -= weight) < 0);
    return Math.max(0, index);
  }
}
