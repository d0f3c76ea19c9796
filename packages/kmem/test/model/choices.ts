/**
 * Random numbers that are written down, and written numbers that are played as if they were random.
 *
 * Everything a driver does follows from the numbers it is given. So a run is the list of them, operation by operation; it
 * can be kept in a file, cut shorter, and tried with smaller numbers. A number means what the driver asks for at that
 * point: of how many, which one. 0 is the simplest answer to every question.
 */
import { Random } from "./random.ts";

/** Gives seeded random numbers and notes each. */
export class NotedRandom extends Random {
  /** Where the next numbers are noted. */
  notes: number[] = [];

  override below(count: number): number {
    return this.#note(super.below(count));
  }

  override upTo(max: number): number {
    return this.#note(super.upTo(max) - 1) + 1;
  }

  override chance(probability: number): boolean {
    return this.#note(super.chance(probability) ? 1 : 0) === 1;
  }

  protected override weightedIndex(weights: readonly number[]): number {
    return this.#note(super.weightedIndex(weights));
  }

  #note(value: number): number {
    this.notes.push(value);
    return value;
  }
}

/** Plays noted numbers: 0 where there are no more, and the nearest possible where one is too large. */
export class PlayedRandom extends Random {
  #notes: readonly number[] = [];
  #index = 0;

  /** Nothing to play yet. */
  constructor() {
    super(0);
  }

  /** Goes on with `notes`, and leaves out what was not asked for of those before. */
  play(notes: readonly number[]): void {
    this.#notes = notes;
    this.#index = 0;
  }

  /** Numbers of these notes that were asked for. */
  get usedCount(): number {
    return Math.min(this.#index, this.#notes.length);
  }

  override unit(): number {
    throw new Error("a driver asked for a random number that cannot be noted");
  }

  override below(count: number): number {
    return Math.min(this.#next(), Math.max(0, Math.ceil(count) - 1));
  }

  override upTo(max: number): number {
    return Math.min(max, 1 + this.#next());
  }

  override chance(): boolean {
    return this.#next() === 1;
  }

  protected override weightedIndex(weights: readonly number[]): number {
    return Math.min(this.#next(), weights.length - 1);
  }

  #next(): number {
    return this.#notes[this.#index++] ?? 0;
  }
}
