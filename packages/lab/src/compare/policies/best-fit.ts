import type { ContenderSpace } from "../contender.ts";
import type { FreeSpace } from "../free-space.ts";
import { FitAllocator } from "./fit-allocator.ts";

/** Best fit: the shortest range that is long enough, the lowest of these (Knuth, TAOCP 1, 2.5). */
export function bestFit(space: ContenderSpace): FitAllocator {
  return new FitAllocator(space, bestIndex);
}

function bestIndex({ count, lengths }: FreeSpace, length: number): number {
  let best = -1;
  let bestLength = Infinity;
  for (let index = 0; index < count; index++) {
    const own = lengths[index]!;
    if (own < length || own >= bestLength) continue;
    best = index;
    bestLength = own;
    if (own === length) break;
  }
  return best;
}
