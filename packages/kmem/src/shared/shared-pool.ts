/**
 * The slab pool as one thread of a shared heap sees it.
 *
 * The depot is the same code and the same words for all threads, under one lock. A thread's magazines are its own: no
 * lock, no atomics. The in-use map is what threads change beside each other, by atomic operations whose old value tells
 * which of two frees came first.
 *
 * Every move of a slot writes the new place before it clears the old one. So a thread that dies leaves a slot in two
 * places at most, and never in none:
 *
 *     move         new place          old place          found in both, it is
 *     allocate     in-use bit         magazine           free: nobody has been told of the object
 *     free         magazine           in-use bit         free: it was being freed
 *     refill       magazine           depot bit          in the depot
 *     give back    depot bit          magazine           in the depot
 *     send home    inbox              magazine           in the depot: inboxes are emptied
 *     take         magazine           inbox              in the depot: inboxes are emptied
 *
 * So whatever a dead thread's magazines hold is free, and belongs to the depot. That is all that recovery needs to know
 * of threads that did not hold the lock. Of one that did, a slot may be in an inbox as well (`inboxes.ts`): so every
 * inbox is emptied into the depot then.
 *
 * A thread takes slots from a slab of its own, its current one, as the kernel's per-CPU slabs: two threads then do not
 * write the same cache line of the maps, nor of the objects, unless they free each other's. What a full magazine gives up
 * goes home: to the inbox of the thread whose current slab that of the slot was.
 *
 * Invariants, beside those of `SlabPool`, which hold while no thread is in the middle of an operation:
 *   P1: a thread changes tops and magazines of its own region only, but for those of a dead thread under the lock.
 *   P2: depot, slabs, lists, counters, currents and page words change under the lock only.
 * P3 and P4 are those of `inboxes.ts`.
 *
 * Bonwick and Adams, Magazines and Vmem, 2001; Linux, mm/slub.c.
 */
import { highestBit } from "../bits/integers.ts";
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { AllocError } from "../errors.ts";
import type { CheckStep, CheckWindow } from "../inspect/check-round.ts";
import * as L from "../slab/layout.ts";
import { rebuildPool } from "../slab/rebuild.ts";
import type { MakeRoom, PoolPlace } from "../slab/depot.ts";
import { NO_SLOT, SlabPool } from "../slab/slab-pool.ts";
import { Inboxes } from "./inboxes.ts";
import { MAX_NAME_LENGTH, NAME_WORDS, REGIONS_PER_THREAD } from "./layout.ts";
import { detachedError, type Lock } from "./lock.ts";

/** An inbox is taken from when it has one slot in so many of what the magazine may hold: fewer are not worth the lock. */
const LEAST_SHARE = 8;

/** What a thread's pool has beside the words that all of them share. */
export interface SharedPoolParts {
  readonly place: PoolPlace & { readonly words: Int32Array };
  readonly lock: Lock;
  /** The names of the named caches, which follow the first `unnamed` numbers. */
  readonly names: Int32Array;
  readonly unnamed: number;
  /** A byte a granule, where owners are tracked. */
  readonly owners: Uint8Array | undefined;
  /** A byte a page: the home of the slab that begins there. */
  readonly homes: Uint8Array;
}

/** What a method of a closed pool is replaced by. */
function refuse(): never {
  throw detachedError();
}

export class SharedPool extends SlabPool {
  private readonly lock: Lock;
  private readonly cacheNames: Int32Array;
  private readonly unnamed: number;
  private readonly owners: Uint8Array | undefined;
  private readonly thread: number;
  private readonly inboxes: Inboxes;
  /** The threads that the heap may have: the pool has regions for their magazines, and for their inboxes. */
  private readonly heapThreads: number;
  /** This thread's number + 1. */
  private readonly owner: number;

  /** The pool of thread `parts.place.thread`, whose magazines are made empty. */
  constructor(
    buddy: BuddyAllocator,
    granule: number,
    cacheLimit: number,
    makeRoom: MakeRoom,
    parts: SharedPoolParts,
  ) {
    super(buddy, granule, cacheLimit, makeRoom, parts.place);
    this.lock = parts.lock;
    this.cacheNames = parts.names;
    this.unnamed = parts.unnamed;
    this.owners = parts.owners;
    this.thread = parts.place.thread;
    this.owner = this.thread + 1;
    this.heapThreads = this.threadCount / REGIONS_PER_THREAD;
    this.inboxes = new Inboxes(this.words, this.layout, this.heapThreads, parts.homes);
  }

  override allocate(number: number): number {
    const top = this.words[this.region + 2 * number];
    return this.words[top] === 0 ? this.refill(number) : this.take(number, top);
  }

  protected override take(number: number, top: number): number {
    const words = this.words;
    const offset = (words[top] - 1) | 0;
    if (this.owners !== undefined) this.owners[offset >>> this.granuleShift] = this.owner;
    Atomics.or(words, this.inUse + (offset >>> this.wordShift), 1 << (offset >>> this.granuleShift));
    words[this.region + 2 * number] = top - 1;
    return offset;
  }

  override release(offset: number): boolean {
    return this.releaseByCache(offset);
  }

  /**
   * Frees the object at `offset`. Of two threads that free one object at the same time, one gets `DOUBLE_FREE`.
   *
   * The look at the bit before the push is what refuses a wrong offset; the atomic operation after it decides a race. A
   * thread that is killed between losing such a race and the next line leaves a slot in its magazine that may be
   * another's: the one misuse that a kill can make worse.
   */
  override free(number: number, offset: number): void {
    const words = this.words;
    const at = this.inUse + (offset >>> this.wordShift);
    const bit = 1 << (offset >>> this.granuleShift);
    if ((words[at] & bit) === 0) throw this.freeError(offset);
    this.push(number, offset);
    if ((Atomics.and(words, at, ~bit) & bit) !== 0) return;
    words[this.region + 2 * number]--;
    throw this.freeError(offset);
  }

  /**
   * As in a pool of one thread, but the objects are looked at first and freed one by one: so only a free of the same
   * object by another thread at the same time can end it half done.
   */
  override freeBulk(number: number, count: number, at: (index: number) => number): void {
    const offsets = new Set<number>();
    for (let index = 0; index < count; index++) {
      const offset = at(index);
      if (offsets.has(offset) || !this.isObject(offset)) throw this.freeError(offset);
      offsets.add(offset);
    }
    for (const offset of offsets) this.free(number, offset);
  }

  override push(number: number, offset: number): void {
    const words = this.words;
    const at = this.region + 2 * number;
    let top = words[at];
    if (top >= words[at + 1]) top = this.unload(number);
    words[top + 1] = offset + 1;
    words[at] = top + 1;
  }

  /** As in a pool of one thread, but what has come home is taken first. */
  protected override refill(number: number): number {
    this.lock.acquire();
    try {
      // A cache that another thread destroyed has no slabs, and is to get none.
      if (!this.isAlive(number)) return NO_SLOT;
      const { words, inboxes, thread } = this;
      const size = this.openInbox(number);
      const count = Math.min(inboxes.count(thread, number), size);
      if (count > 0 && count * LEAST_SHARE >= size) {
        const magazine = this.magazine(number);
        const at = this.region + 2 * number;
        if (words[at] !== magazine) throw this.topError(number);
        inboxes.moveTo(magazine, at, thread, number, count);
        return this.take(number, magazine + count);
      }
      const slot = super.refill(number);
      if (slot !== NO_SLOT) return slot;
      // Better what is meant for others than nothing.
      this.callIn(number);
      return super.refill(number);
    } finally {
      this.lock.release();
    }
  }

  /** As in a pool of one thread, but what is given back goes home. */
  protected override unload(number: number): number {
    this.lock.acquire();
    try {
      const { words } = this;
      const magazine = this.magazine(number);
      if (!this.isAlive(number)) return magazine;
      const size = this.openInbox(number);
      // Slabs that other threads made let a magazine hold more: one that was full may have room now.
      const at = this.region + 2 * number;
      if (words[at] < magazine + size) return words[at];
      const rest = this.sendHome(number, (size + 1) >>> 1);
      return rest === 0 ? words[at] : this.giveBack(number, magazine + 1, rest);
    } finally {
      this.lock.release();
    }
  }

  /** Lets this thread's magazine of a cache, and its inbox, hold what they may now. Returns how many slots that is. */
  private openInbox(number: number): number {
    this.limitMagazine(number);
    const size = this.words[this.region + 2 * number + 1] - this.magazine(number);
    this.inboxes.open(this.thread, number, size);
    return size;
  }

  /**
   * Moves the `count` slots that lie lowest in the magazine to their homes' inboxes. Returns how many had none, or one that is
   * full: they lie lowest then.
   */
  private sendHome(number: number, count: number): number {
    const { words, inboxes } = this;
    const bottom = this.magazine(number) + 1;
    const top = words[this.region + 2 * number];
    if (top - bottom >= L.magazineRoom(this.layout, number)) throw this.topError(number);
    let rest = 0;
    for (let at = bottom; at < bottom + count; at++) {
      const entry = words[at];
      const page = (entry - 1) >>> this.pageShift;
      if ((words[this.pages + page] & L.PAGE_CACHE_MASK) !== number) throw this.slabError(number, page);
      if (!inboxes.put(this.slabPage(page), number, entry)) words[bottom + rest++] = entry;
    }
    words.copyWithin(bottom + rest, bottom + count, top + 1);
    words[this.region + 2 * number] = top - count + rest;
    return rest;
  }

  /** Puts the current slabs of all threads back on the lists of a cache, and what waits in inboxes into the slabs. */
  private callIn(number: number): void {
    for (let thread = 0; thread < this.heapThreads; thread++) {
      this.putBack(number, thread * this.layout.regionWords);
      this.inheritMagazine(number, this.inboxes.region(thread));
    }
  }

  /** This thread's current slab while it has a slot in the depot; then another becomes it. */
  protected override nextSlab(number: number, mayAdd: boolean): number {
    const words = this.words;
    const at = this.region + this.layout.currents + number;
    const current = words[at] - 1;
    if (current >= 0 && words[this.slab(current) + L.SLAB_FREE] > 0) return current;
    this.putBack(number, this.region);
    const page = super.nextSlab(number, mayAdd);
    if (page < 0) return page;
    words[at] = page + 1;
    this.inboxes.setHome(page, this.thread);
    this.setAside(number, page);
    return page;
  }

  /**
   * The emptiest first: of what others have in use in a slab, a thread's cache lines suffer. (Two workers that free their
   * own do 1.83 times as much as one, and 1.7 with the fullest first.)
   */
  protected override nextBucket(mask: number): number {
    return highestBit(mask);
  }

  /** Puts the current slab of the thread whose region is `region`, if it has one, back on its list. */
  private putBack(number: number, region: number): void {
    const words = this.words;
    const at = region + this.layout.currents + number;
    const page = words[at] - 1;
    if (page < 0) return;
    words[at] = 0;
    words[this.links(page) + L.LINK_PREVIOUS] = 0;
    this.link(number, page, this.bucket(page));
  }

  override markLarge(offset: number): void {
    super.markLarge(offset, this.owner);
  }

  override addCache(...parameters: Parameters<SlabPool["addCache"]>): number {
    return this.lock.locked(() => super.addCache(...parameters));
  }

  /** Numbers are not used again: a handle in another thread may still name one. */
  protected override unusedNumber(): number {
    return this.cacheCount + 1;
  }

  override reset(): void {
    const inboxes = this.inboxes.region(this.thread);
    this.words.fill(0, this.region + this.layout.currents, this.region + this.layout.magazines);
    this.words.fill(0, inboxes, inboxes + this.layout.magazines);
    super.reset();
  }

  override shrink(number: number): void {
    this.lock.locked(() => {
      this.putBack(number, this.region);
      this.inheritMagazine(number, this.inboxes.region(this.thread));
      super.shrink(number);
    });
  }

  /**
   * Gives up a cache without objects. Throws `AllocError` `IN_USE`, changing nothing but where free slots lie, while
   * other threads hold some in their magazines: only they can give them back.
   */
  override removeCache(number: number): void {
    this.lock.locked(() => {
      this.callIn(number);
      super.shrink(number);
      const { name, magazineSlots } = this.stats(number);
      if (magazineSlots > 0) {
        const where = `other threads hold ${magazineSlots} free slots of cache "${name}"`;
        throw new AllocError("IN_USE", `${where} in their magazines: they have to shrink or detach first`);
      }
      super.removeCache(number);
    });
  }

  override cacheName(number: number): string {
    if (number <= this.unnamed) return number === 0 ? super.cacheName(0) : `malloc-${this.slotSize(number)}`;
    const at = (number - this.unnamed - 1) * NAME_WORDS;
    let name = "";
    for (let index = 0; index < this.cacheNames[at]; index++) {
      name += String.fromCharCode((this.cacheNames[at + 1 + (index >>> 1)] >>> (16 * (index & 1))) & 0xffff);
    }
    return name;
  }

  /** Writes a name of at most `MAX_NAME_LENGTH` UTF-16 units. */
  protected override setCacheName(number: number, name: string): void {
    if (number <= this.unnamed) return;
    const at = (number - this.unnamed - 1) * NAME_WORDS;
    const words = this.cacheNames.fill(0, at, at + NAME_WORDS);
    words[at] = Math.min(name.length, MAX_NAME_LENGTH);
    for (let index = 0; index < words[at]; index++) {
      words[at + 1 + (index >>> 1)] |= name.charCodeAt(index) << (16 * (index & 1));
    }
  }

  /** Free slots of a cache that wait in magazines and inboxes, of all threads. What others do at this moment may be missed. */
  protected override magazineSlots(number: number): number {
    let sum = 0;
    for (let thread = 0; thread < this.threadCount; thread++) {
      const region = thread * this.layout.regionWords;
      const top = this.words[region + 2 * number];
      // That of a thread that was never there is 0.
      if (top !== 0) sum += top - region - L.magazineStart(this.layout, number);
    }
    return sum;
  }

  /** As in a pool of one thread, under the lock, and while other threads are at work. */
  override check(step?: CheckStep): boolean {
    return this.lock.locked(() => this.advance(step, (window) => this.checkPages(window)));
  }

  /**
   * As in a pool of one thread; the lock is held. While other threads are at work (`isQuiet` false), the slots between
   * their magazines and the objects are passed over. Once anybody has had the lock since the last step, nothing that the round
   * has counted is compared any more.
   */
  override checkPages(window: CheckWindow, isQuiet = false): void {
    const { from, tally } = window;
    // This step may have taken the lock once itself.
    if (from !== 0 && this.lock.generationsSince(tally.generation) > 1) tally.isStale = true;
    tally.generation = this.lock.generation;
    this.checkDepot(window, isQuiet);
  }

  /** Gives everything that this thread holds free back, so that its region is as one that nobody had. */
  giveUpRegion(): void {
    this.lock.locked(() => {
      this.shrinkAll();
      for (const region of [this.region, this.inboxes.region(this.thread)]) {
        this.words.fill(0, region, region + this.layout.magazines);
      }
    });
  }

  /**
   * Puts the depot right after a thread has died with the lock, which is held by now. `lives` tells of each thread
   * whether it goes on. O(size).
   */
  rebuild(lives: (thread: number) => boolean): void {
    rebuildPool(this, lives);
    for (let thread = 0; thread < this.heapThreads; thread++) {
      for (let number = 1; number <= this.cacheCount; number++) {
        this.inheritMagazine(number, this.inboxes.region(thread));
      }
    }
  }

  /**
   * Moves what the magazines and inboxes of a dead thread hold to the depot, and puts its current slabs back; the lock is
   * held. Done again after it was interrupted, it goes on where it ended. Returns the slots moved. O(caches + slots moved).
   */
  inherit(thread: number): number {
    let moved = 0;
    for (const region of [thread * this.layout.regionWords, this.inboxes.region(thread)]) {
      for (let number = 1; number <= this.cacheCount; number++) {
        moved += this.inheritMagazine(number, region);
        this.putBack(number, region);
      }
      this.words.fill(0, region, region + this.layout.magazines);
    }
    return moved;
  }

  /** Moves what the magazine of a cache in a region holds to the depot. Returns the slots moved. */
  private inheritMagazine(number: number, region: number): number {
    const words = this.words;
    const bottom = region + L.magazineStart(this.layout, number);
    let moved = 0;
    for (let top = words[region + 2 * number]; top > bottom; top--) {
      if (this.inheritSlot(number, (words[top] - 1) >>> 0)) moved++;
      words[region + 2 * number] = top - 1;
    }
    return moved;
  }

  /** Puts a slot that was found in an inbox, or in a dead thread's magazine, into the depot, unless it is there already. */
  private inheritSlot(number: number, offset: number): boolean {
    // The thread may have died while it gave slots back, and their slab with them.
    if (this.cacheAt(offset) !== number || !this.isSlot(offset) || this.isInDepot(offset)) return false;
    const bit = 1 << (offset >>> this.granuleShift);
    Atomics.and(this.words, this.inUse + (offset >>> this.wordShift), ~bit);
    this.putIntoDepot(offset);
    this.changeFree(number, this.slabPage(offset >>> this.pageShift), 1);
    return true;
  }

  /**
   * Calls `visit` with the offset of each allocation that `thread` made and that lives. Its owner must be dead or
   * detached: others may free them meanwhile. O(size).
   */
  forEachOwned(thread: number, visit: (offset: number) => void): void {
    const { base, size, pageSize } = this.buddy;
    for (let page = base / pageSize; page < (base + size) / pageSize; page++) {
      const word = this.words[this.pages + page];
      if (word < 0 && (word & ~L.PAGE_LARGE) >>> L.PAGE_OWNER_SHIFT === thread + 1) visit(page * pageSize);
    }
    const { owners } = this;
    if (owners === undefined) return;
    for (let granule = base / this.granule; granule < (base + size) / this.granule; granule++) {
      if (owners[granule] === thread + 1 && this.isObject(granule * this.granule))
        visit(granule * this.granule);
    }
  }

  /** Makes what `thread` made and left alive nobody's. O(size). */
  disown(thread: number): void {
    this.lock.locked(() => {
      this.forEachOwned(thread, (offset) => {
        const page = offset >>> this.pageShift;
        if (this.isLarge(offset)) this.words[this.pages + page] = L.PAGE_LARGE;
        else if (this.owners !== undefined) this.owners[offset >>> this.granuleShift] = 0;
      });
    });
  }

  /** Makes every further call throw `DETACHED`: methods of this object's own stand before those of its class. */
  close(): void {
    Object.assign(this, {
      allocate: refuse,
      release: refuse,
      free: refuse,
      freeBulk: refuse,
      cacheAt: refuse,
      cacheOf: refuse,
      isAlive: refuse,
    });
  }
}
