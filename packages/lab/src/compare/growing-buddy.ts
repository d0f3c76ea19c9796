import { BuddyAllocator, NONE } from "kmem";
import { NO_ROOM, type Contender, type ContenderSpace } from "./contender.ts";

/** How a buddy system is cut. */
export interface BuddyShape {
  /** Units in the smallest block; a power of two. */
  readonly blockUnits: number;
  /** The largest order; by default, what the space allows. */
  readonly maxOrder?: number;
}

/** Blocks that a BuddyAllocator manages at most. */
const MAX_BLOCKS = 2 ** 26;

/**
 * A `BuddyAllocator` in a space that grows at its end, by the size of the block that did not fit. A request takes the
 * smallest block that holds it.
 */
export class GrowingBuddy implements Contender {
  readonly #buddy: BuddyAllocator;
  readonly #blockUnits: number;
  readonly #unitBytes: number;
  #used = 0;

  constructor({ limit, unitBytes }: ContenderSpace, { blockUnits, maxOrder }: BuddyShape) {
    const blockBytes = blockUnits * unitBytes;
    const maxSize = Math.min(Math.floor(limit / blockUnits), MAX_BLOCKS) * blockBytes;
    this.#buddy = new BuddyAllocator({
      size: blockBytes,
      maxSize,
      pageSize: blockBytes,
      ...(maxOrder === undefined ? {} : { maxOrder }),
    });
    this.#blockUnits = blockUnits;
    this.#unitBytes = unitBytes;
  }

  allocate(size: number): number {
    const buddy = this.#buddy;
    const order = this.#orderOf(size);
    if (order > buddy.maxOrder) return NO_ROOM;
    let offset = buddy.tryAllocate(order);
    while (offset === NONE) {
      if (!this.#grow(order)) return NO_ROOM;
      offset = buddy.tryAllocate(order);
    }
    this.#used += this.#blockUnits * 2 ** order;
    return offset;
  }

  free(offset: number, size: number): void {
    this.#buddy.free(offset);
    this.#used -= this.#blockUnits * 2 ** this.#orderOf(size);
  }

  heldUnits(): number {
    return this.#buddy.size / this.#unitBytes;
  }

  usedUnits(): number {
    return this.#used;
  }

  tableBytes(): number {
    return this.#buddy.stats().metadataBytes;
  }

  #orderOf(size: number): number {
    return Math.max(0, Math.ceil(Math.log2(size / this.#blockUnits)));
  }

  /** Grows to where the next block of this order ends, or as far as it goes. Returns false at the limit. */
  #grow(order: number): boolean {
    const buddy = this.#buddy;
    if (buddy.size === buddy.maxSize) return false;
    const step = buddy.pageSize * 2 ** order;
    buddy.grow(Math.min(buddy.maxSize, (Math.floor(buddy.size / step) + 1) * step));
    return true;
  }
}
