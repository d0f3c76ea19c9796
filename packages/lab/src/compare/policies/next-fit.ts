import type { ContenderSpace } from "../contender.ts";
import { FitAllocator } from "./fit-allocator.ts";

/**
 * Next fit: the long-enough range that comes first from where the last search ended, going round (Knuth, TAOCP 1, 2.5,
 * exercise 6: the roving pointer).
 */
export function nextFit(space: ContenderSpace): FitAllocator {
  let rover = 0;
  return new FitAllocator(space, (free, length) => {
    const from = free.indexFrom(rover);
    for (let step = 0; step < free.count; step++) {
      const index = from + step < free.count ? from + step : from + step - free.count;
      if (free.lengths[index]! < length) continue;
      rover = free.starts[index]! + length;
      return index;
    }
    return -1;
  });
}
