import { NO_ROOM, type Contender, type ContenderSpace } from "../contender.ts";
import { FreeSpace } from "../free-space.ts";
import { blockSizer } from "./block-size.ts";

/** Picks the free range that a request of `length` units is cut from; -1 where none is long enough. */
export type ChooseRange = (free: FreeSpace, length: number) => number;

/**
 * The allocator that all sequential fits have in common (Wilson, Johnstone, Neely and Boles, "Dynamic Storage Allocation:
 * A Survey and Critical Review", 1995, 3.5): free ranges by address, cut from the low end, merged at once; the space grows
 * at its end when no range is long enough, and never shrinks. A policy is which range it chooses.
 */
export class FitAllocator implements Contender {
  readonly #free = new FreeSpace();
  readonly #choose: ChooseRange;
  readonly #blockSize: (size: number) => number;
  readonly #limit: number;
  #end = 0;
  #used = 0;

  constructor(space: ContenderSpace, choose: ChooseRange) {
    this.#choose = choose;
    this.#blockSize = blockSizer(space);
    this.#limit = space.limit;
  }

  allocate(size: number): number {
    const length = this.#blockSize(size);
    const index = this.#choose(this.#free, length);
    const start = index >= 0 ? this.#free.take(index, length) : this.#extend(length);
    if (start !== NO_ROOM) this.#used += length;
    return start;
  }

  free(start: number, size: number): void {
    const length = this.#blockSize(size);
    this.#used -= length;
    this.#free.add(start, length);
  }

  heldUnits(): number {
    return this.#end;
  }

  usedUnits(): number {
    return this.#used;
  }

  tableBytes(): number {
    return 0;
  }

  /** Takes `length` units at the end of the space, and what is free right before it with them. */
  #extend(length: number): number {
    const free = this.#free;
    const last = free.count - 1;
    const reachesEnd = last >= 0 && free.endOf(last) === this.#end;
    const start = reachesEnd ? free.starts[last]! : this.#end;
    if (start + length > this.#limit) return NO_ROOM;
    if (reachesEnd) free.take(last, free.lengths[last]!);
    this.#end = start + length;
    return start;
  }
}
