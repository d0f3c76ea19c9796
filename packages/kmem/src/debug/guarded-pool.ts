/**
 * The slabs of a heap whose objects are guarded: a free in them is the guard's affair. And, where it is asked for, a free
 * slot is handed out at random from the cache's magazine.
 */
import { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { addSizeClasses, cacheLimit, type MakeHeapParts } from "../heap/parts.ts";
import { GRANULE } from "../heap/size-classes.ts";
import { SlabPool } from "../slab/slab-pool.ts";
import type { Random } from "./random.ts";
import type { Ward } from "./ward.ts";

/** Whose the guarded objects are. */
export interface GuardedPoolOwner {
  /** Frees the guarded object at `offset`, which lies in a slab. Throws what is wrong with it otherwise. */
  freeGuarded(offset: number): void;
  /** Fills the free slot `slot` to `slotEnd`, which was made now. */
  fillFreeSlot(slot: number, slotEnd: number): void;
}

export class GuardedPool extends SlabPool {
  /** Set once, before the first allocation: a heap's pool is made before the heap. */
  owner: GuardedPoolOwner | undefined = undefined;
  /** Where slots are chosen at random. */
  random: Random | undefined = undefined;
  /** By the number of a cache, what its objects are guarded as; undefined where they are not. */
  private readonly wards: (Ward | undefined)[] = [];

  /** What the objects of a cache are guarded as, when all of them are. */
  wardOf(number: number): Ward | undefined {
    return this.wards[number];
  }

  /** Lets all objects of cache `number` be guarded as `ward`, or none. */
  setWard(number: number, ward: Ward | undefined): void {
    this.wards[number] = ward;
  }

  override allocate(number: number): number {
    if (this.random !== undefined) this.exchangeTop(number, this.random);
    return super.allocate(number);
  }

  override release(offset: number): boolean {
    return this.releaseByCache(offset);
  }

  override free(number: number, offset: number): void {
    if (this.wards[number] === undefined) super.free(number, offset);
    else this.owner?.freeGuarded(offset);
  }

  /** Frees the slot of a guarded object. */
  freeSlot(number: number, slot: number): void {
    super.free(number, slot);
  }

  /** What to do with each slot of a size when its slab is made. */
  fillerFor(slotSize: number): (slot: number) => void {
    return (slot) => this.owner?.fillFreeSlot(slot, slot + slotSize);
  }

  /** Exchanges the magazine's next slot for a random one in it. */
  private exchangeTop(number: number, random: Random): void {
    const { words } = this;
    const top = words[this.region + 2 * number];
    const bottom = this.magazine(number);
    if (top <= bottom) return;
    const chosen = bottom + 1 + random.below(top - bottom);
    const slot = words[top];
    words[top] = words[chosen];
    words[chosen] = slot;
  }
}

/** The parts of a heap on a `GuardedPool`, whose size classes are guarded as `ward` where that is given. */
export function guardedParts(ward: Ward | undefined): MakeHeapParts {
  return (space, makeRoom) => {
    const buddy = new BuddyAllocator(space);
    const pool = new GuardedPool(buddy, GRANULE, cacheLimit(space.maxSize / space.pageSize), makeRoom);
    addSizeClasses(pool, (slotSize) => (ward?.fillsSlots === true ? pool.fillerFor(slotSize) : undefined));
    for (let number = 1; number <= pool.cacheCount; number++) pool.setWard(number, ward);
    return { buddy, pool };
  };
}
