/**
 * The slabs of a heap of which one allocation in so many is guarded. Requests of the size classes are counted where slots are
 * handed out: the one that is due gets none, and so goes the way of those for which there is no slot, on which the heap
 * guards it. The fast paths of `Heap` stay as they are.
 */
import { type MakeHeapParts, partsWith } from "../heap/parts.ts";
import { SLOT_SIZES } from "../heap/size-classes.ts";
import { SlabPool } from "../slab/slab-pool.ts";

// Constants of the module's own: see `slab-pool.ts`.
const NO_SLOT_WORD = -1;
const CLASS_COUNT = SLOT_SIZES.length;
/** So many that the array does not lie on the collector's heap: V8 then knows its place where it knows the heap. */
const COUNTDOWN_WORDS = 32;
/** By `super`, V8 looks the method up each time: on the real programs sampling then costs 3 % more. */
const allocateUncounted = SlabPool.prototype.allocate;

export class SampledPool extends SlabPool {
  /** The first word: requests of the size classes until one is due, that one counted. */
  readonly countdown = new Int32Array(COUNTDOWN_WORDS);

  override allocate(number: number): number {
    if (number <= CLASS_COUNT) {
      const left = (this.countdown[0] - 1) | 0;
      this.countdown[0] = left;
      if (left <= 0) return NO_SLOT_WORD;
    }
    return allocateUncounted.call(this, number);
  }
}

/** The parts of a heap on a `SampledPool`. */
export const sampledParts: MakeHeapParts = partsWith(SampledPool);
