import type { ContenderSpace } from "../contender.ts";
import { GrowingBuddy } from "../growing-buddy.ts";

/** The smallest block: what `malloc` aligns to. */
const MIN_BLOCK_BYTES = 16;

/**
 * The power-of-two buddy system alone, down to 16 bytes, without slabs on top (Knowlton, "A Fast Storage Allocator", 1965;
 * Knuth, TAOCP 1, 2.5, algorithms R and S): every request is rounded up to a power of two. For sizes that are spread evenly
 * a quarter of each block is wasted; Peterson and Norman, "Buddy Systems", 1977, have 25 to 33 % for smooth mixes.
 */
export function binaryBuddy(space: ContenderSpace): GrowingBuddy {
  return new GrowingBuddy(space, { blockUnits: MIN_BLOCK_BYTES });
}
