import type { ContenderSpace } from "../contender.ts";
import type { FreeSpace } from "../free-space.ts";
import { FitAllocator } from "./fit-allocator.ts";

/**
 * Worst fit: the longest range, so that what is left stays useful (Wilson and others, 1995, 3.5, who found that it does
 * not pay).
 */
export function worstFit(space: ContenderSpace): FitAllocator {
  return new FitAllocator(space, worstIndex);
}

function worstIndex({ count, lengths }: FreeSpace, length: number): number {
  let worst = -1;
  let worstLength = length - 1;
  for (let index = 0; index < count; index++) {
    if (lengths[index]! <= worstLength) continue;
    worst = index;
    worstLength = lengths[index]!;
  }
  return worst;
}
