/**
 * Random replacement: a steady number of live objects, and again and again one of them, chosen at
 * random, is freed and a new one allocated in its place. Lifetimes are then geometric and frees come in
 * no order, which is the hard case for every allocator that counts on locality.
 */

import { createRandom, integerBelow } from "../random.ts";
import { StreamBuilder } from "../stream/builder.ts";
import type { OperationStream } from "../stream/layout.ts";
import { payloadBytesOf, type Target } from "./workload.ts";

/** Smallest and largest size that {@link randomSize} gives, in bytes. */
const MIN_BITS = 4;
const MAX_SIZE = 1024;

/**
 * A size from 16 to 1024 bytes: a power of two 2^4 to 2^11, each as likely, plus a uniform part below it, cut
 * at 1024. So three in eight are below 128, and a quarter are 1024 exactly; the mean is 447.
 */
export function randomSize(next: () => number): number {
  const bits = MIN_BITS + integerBelow(next, 8);
  return Math.min(MAX_SIZE, 2 ** bits + integerBelow(next, 2 ** bits));
}

/** A size from 16 to 256 bytes, each as likely. */
export function smallSize(next: () => number): number {
  return 16 + integerBelow(next, 241);
}

/** What {@link buildReplacement} needs. */
export interface ReplacementOptions {
  readonly target: Target;
  readonly liveCount: number;
  /** Pairs of free and malloc in one round. */
  readonly pairCount: number;
  /** Argument of each malloc. */
  readonly argument: (next: () => number) => number;
  /**
   * Objects that the set-up allocates beside the live ones and then frees, in random order: holes all over
   * the space.
   */
  readonly holeCount?: number;
  readonly seed: number;
}

/** Builds a random-replacement stream. */
export function buildReplacement(options: ReplacementOptions): OperationStream {
  const { target, liveCount, pairCount, argument, holeCount = 0 } = options;
  const next = createRandom(options.seed);
  const filledCount = liveCount + holeCount;
  const builder = new StreamBuilder(
    (asked) => payloadBytesOf(target, asked),
    filledCount + holeCount + 2 * pairCount,
  );
  for (let slot = 0; slot < filledCount; slot++) builder.malloc(slot, argument(next));
  const live = shuffledSlots(next, filledCount);
  for (const slot of live.subarray(liveCount)) builder.free(slot);
  builder.endSetup();
  for (let pair = 0; pair < pairCount; pair++) {
    const slot = live[integerBelow(next, liveCount)] as number;
    builder.free(slot);
    builder.malloc(slot, argument(next));
  }
  return builder.finish();
}

/** @returns 0 to count - 1 in random order (Fisher and Yates; Knuth TAOCP 3.4.2 P) */
export function shuffledSlots(next: () => number, count: number): Int32Array {
  const slots = Int32Array.from({ length: count }, (_, slot) => slot);
  for (let last = count - 1; last > 0; last--) {
    const chosen = integerBelow(next, last + 1);
    const slot = slots[chosen] as number;
    slots[chosen] = slots[last] as number;
    slots[last] = slot;
  }
  return slots;
}
