/**
 * Runs of a crew: seeded, counted in rounds; each round ends one worker and compares everything.
 *
 * The idea of objects that pass between threads at random, while threads come and go, is that of the stress test of
 * Daan Leijen's mimalloc.
 */
import { Random } from "../../model/random.ts";
import { Crew, type CrewFigures, type Ending } from "./crew.ts";

/** A run's size. */
export interface RunOptions {
  readonly seed: number;
  /** Workers that end, one after the other. */
  readonly rounds: number;
  /** Operations of one worker between two ends, at most. */
  readonly operations: number;
  /** How workers end. */
  readonly endings: readonly Ending[];
  /** On a heap for debugging. */
  readonly isDebug?: boolean;
}

/** 2 to 8 workers on one heap, of which one ends in each round, and another takes its place. Returns what was seen. */
export async function runCrew({
  seed,
  rounds,
  operations,
  endings,
  isDebug = false,
}: RunOptions): Promise<CrewFigures> {
  const random = new Random(seed, "run");
  const workerCount = 2 + (seed % 7);
  const trackOwners = seed % 4 !== 0;
  const crew = new Crew({ seed, workerCount, trackOwners, isMemory: seed % 3 === 0, isDebug });
  try {
    await crew.start();
    for (let round = 0; round < rounds; round++) {
      const thread = random.between(1, workerCount);
      await crew.work(thread, random.upTo(operations));
      // Within the operation under way, too.
      for (let wait = random.below(20_000); wait > 0; wait--) Math.clz32(wait);
      await crew.end(thread, random.pick(endings));
      await crew.hire(thread);
    }
    await crew.finish();
    return crew.figures;
  } catch (error) {
    throw new Error(`seed ${seed}, ${workerCount} workers, after ${crew.figures.kills} kills`, {
      cause: error,
    });
  } finally {
    await crew.stop();
  }
}
