import type { ContenderSpace } from "../contender.ts";
import type { FreeSpace } from "../free-space.ts";
import { FitAllocator } from "./fit-allocator.ts";

/** First fit: the long-enough range at the lowest address (Knuth, TAOCP 1, 2.5, algorithm A). */
export function firstFit(space: ContenderSpace): FitAllocator {
  return new FitAllocator(space, firstIndex);
}

function firstIndex({ count, lengths }: FreeSpace, length: number): number {
  for (let index = 0; index < count; index++) {
    if (lengths[index]! >= length) return index;
  }
  return -1;
}
