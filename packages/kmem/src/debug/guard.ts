/**
 * The guard: lays allocations out between red zones, fills and compares bytes, keeps what was freed from reuse, and knows
 * of every offset that it gave out whether it lives.
 *
 * It knows neither slots nor pages: whoever owns it takes a place for each allocation from a heap, and gets it back by
 * `release`.
 *
 * Invariants, of the bytes where a ward fills them, as long as the program keeps to its own:
 *   D1: of a live allocation, the bytes from `raw` to `offset` and from its end to `rawEnd` are `ZONE`.
 *   D2: of one in quarantine, the bytes from `raw` to `rawEnd` are `FREED`; of one whose ward has `construct`, those of D1.
 *   D3: a free slot of a cache that guarded objects alone are in is `FREED` all over.
 * And of the tables:
 *   D4: an offset stands for the allocation that was given out last at it, until that is forgotten.
 *   D5: an allocation is live, or in quarantine, or remembered, or forgotten.
 *
 * A wrong byte is told of once: it is put right first. So is the call that met it undone, unless errors are reported.
 *
 * Cost: allocate and free O(bytes).
 */
import { type AllocError, freeError } from "../errors.ts";
import {
  doubleFreeError,
  freeSlotError,
  insideError,
  notAllocatedError,
  overflowError,
  useAfterFreeError,
} from "./findings.ts";
import { Guarded, LIVE, QUARANTINED, RELEASED } from "./guarded.ts";
import { GuardedQueue } from "./guarded-queue.ts";
import { OffsetTable } from "./offset-table.ts";
import { FREED, FRESH, type Pattern, Patterns, ZERO, ZONE } from "./patterns.ts";
import { takeMoment, Tracker } from "./tracker.ts";
import { bytesBefore, stepOf, type Ward } from "./ward.ts";

/** How far around an offset the guard looks for the allocation that it lies in or beside, in bytes. */
const NEARBY_BYTES = 16384;

/** The heap below, as a guard sees it. */
export interface GuardedSpace {
  /** The bytes, as they are now. */
  bufferNow(): ArrayBufferLike;
  /** Gives the slot at `raw` back to cache `slotCache`, or the run there where that is 0. */
  release(slotCache: number, raw: number): void;
}

/** What a guard is made from. */
export interface GuardOrders {
  readonly quarantine: { readonly objects: number; readonly bytes: number };
  readonly remember: number;
  readonly track: number;
  readonly watch: readonly number[];
  readonly report?: ((error: AllocError) => void) | undefined;
  /** True where new allocations are to be zero. */
  readonly zero: boolean;
}

export class Guard {
  private readonly space: GuardedSpace;
  private readonly orders: GuardOrders;
  private readonly tracker: Tracker;
  private readonly fresh: Pattern;
  private readonly patterns = new Patterns();
  /** By offset, whatever its state. */
  private readonly table = new OffsetTable<Guarded>();
  /** Those that lie in runs of their own, live or in quarantine, by the run's offset. */
  private readonly runs = new OffsetTable<Guarded>();
  private readonly quarantine = new GuardedQueue();
  private readonly remembered = new GuardedQueue();
  /** A forgotten one, to be used again: a steady program then makes no garbage here. */
  private spare: Guarded | undefined = undefined;
  private lastNumber = 0;

  constructor(space: GuardedSpace, orders: GuardOrders) {
    this.space = space;
    this.orders = orders;
    this.tracker = new Tracker(orders.track, orders.watch);
    this.fresh = orders.zero ? ZERO : FRESH;
  }

  /** Guarded allocations so far. */
  get allocationCount(): number {
    return this.lastNumber;
  }

  /** The allocations in quarantine, the oldest first. The guard must not be used meanwhile. */
  get quarantined(): Iterable<Guarded> & { readonly length: number; readonly byteLength: number } {
    return this.quarantine;
  }

  /** The guarded allocations with numbers above `after` that live, in no order. The guard must not be used meanwhile. */
  *live(after = 0): IterableIterator<Guarded> {
    for (const guarded of this.table.entries()) {
      if (guarded.state === LIVE && guarded.number > after) yield guarded;
    }
  }

  /**
   * Lays an allocation of `byteLength` bytes out at `raw`, a slot of cache `slotCache` or a run (0) that ends at `rawEnd`,
   * and returns its offset. Throws `USE_AFTER_FREE` when the slot is not as it was left; it is released then.
   */
  place(
    ward: Ward,
    slotCache: number,
    raw: number,
    rawEnd: number,
    byteLength: number,
    align: number,
  ): number {
    let offset = raw + bytesBefore(ward, align);
    const step = stepOf(ward, align);
    if (step !== 0 && this.table.get(offset) !== undefined) offset += step;
    const end = offset + byteLength;
    if (ward.hasZones || this.orders.zero) this.patterns.look(this.space.bufferNow());
    if (ward.fillsSlots && slotCache !== 0) this.takeFreeSlot(slotCache, raw, offset, end, rawEnd);
    else this.fillNew(ward, raw, offset, end, rawEnd);
    const guarded = this.spare ?? new Guarded(ward);
    this.spare = undefined;
    guarded.offset = offset;
    guarded.byteLength = byteLength;
    guarded.raw = raw;
    guarded.rawEnd = rawEnd;
    guarded.slotCache = slotCache;
    guarded.ward = ward;
    guarded.number = ++this.lastNumber;
    guarded.state = LIVE;
    guarded.allocated = this.tracker.allocated(guarded.number);
    guarded.freed = undefined;
    guarded.isReset = false;
    ward.liveObjects++;
    this.table.set(offset, guarded);
    if (slotCache === 0) this.runs.set(raw, guarded);
    return offset;
  }

  /** The live allocation that begins at `offset`, which may be anything; undefined when none does. */
  find(offset: number): Guarded | undefined {
    const guarded = this.table.get(offset);
    return guarded?.state === LIVE ? guarded : undefined;
  }

  /**
   * Frees the allocation at `offset`, which may be anything; false when the guard never gave it out. Throws, changing
   * nothing: `DOUBLE_FREE`; `OVERFLOW` when its red zones were written; `USE_AFTER_FREE` when that which is to leave the
   * quarantine for it was. With `ward`, `INVALID_FREE` when it is another's.
   */
  free(offset: number, ward?: Ward): boolean {
    const guarded = this.table.get(offset);
    if (guarded === undefined) return false;
    if (guarded.state !== LIVE) throw doubleFreeError(guarded);
    if (ward !== undefined && guarded.ward !== ward) {
      throw freeError("INVALID_FREE", offset, `it is no object of cache "${ward.name}"`);
    }
    this.verifyZones(guarded);
    const isKept = this.makeRoom(guarded.rawEnd - guarded.raw);
    guarded.freed = guarded.allocated === undefined ? undefined : takeMoment();
    guarded.freedAfter = this.lastNumber;
    guarded.ward.liveObjects--;
    if (guarded.ward.fills) this.patterns.fill(guarded.raw, guarded.rawEnd, FREED);
    if (isKept) {
      guarded.state = QUARANTINED;
      guarded.ward.quarantinedObjects++;
      this.quarantine.push(guarded);
    } else this.release(guarded);
    return true;
  }

  /** Why `offset`, at which nothing guarded lives, cannot be freed, where the guard (and `ward`) has to do with it. */
  freeError(offset: number, ward?: Ward): Error | undefined {
    const guarded = this.table.get(offset);
    if (guarded === undefined) return this.errorNear(offset);
    return ward === undefined || guarded.ward === ward ? doubleFreeError(guarded) : undefined;
  }

  /** Looks at the bytes of everything in quarantine. Throws `USE_AFTER_FREE`. O(bytes). */
  verifyQuarantine(): void {
    for (const guarded of this.quarantine) this.verifyFreed(guarded);
  }

  /** Throws `OVERFLOW` when the red zones of a live allocation were written. */
  verifyZones(guarded: Guarded): void {
    if (!guarded.ward.hasZones) return;
    this.patterns.look(this.space.bufferNow());
    const { raw, offset, rawEnd } = guarded;
    const end = offset + guarded.byteLength;
    let at = this.patterns.firstOther(raw, offset, ZONE);
    if (at !== offset) this.tell(overflowError(guarded, this.mend(at, raw, offset, ZONE)));
    at = this.patterns.firstOther(end, rawEnd, ZONE);
    if (at !== rawEnd) this.tell(overflowError(guarded, this.mend(at, end, rawEnd, ZONE)));
  }

  /** Makes a live allocation end after `byteLength` bytes, fewer than it has: the rest becomes red zone. */
  cut(guarded: Guarded, byteLength: number): void {
    const end = guarded.offset + guarded.byteLength;
    guarded.byteLength = byteLength;
    if (!guarded.ward.hasZones) return;
    this.patterns.look(this.space.bufferNow());
    this.patterns.fill(guarded.offset + byteLength, end, ZONE);
  }

  /** Copies `byteLength` bytes from one allocation to another. */
  copy(to: number, from: number, byteLength: number): void {
    this.patterns.look(this.space.bufferNow());
    this.patterns.copy(to, from, byteLength);
  }

  /** Releases everything in quarantine, or what is of `ward`; true when there was any. Throws as `free` does. */
  relieve(ward?: Ward): boolean {
    const { length } = this.quarantine;
    for (let left = length; left > 0; left--) {
      const oldest = this.quarantine.oldest as Guarded;
      if (ward === undefined || oldest.ward === ward) this.releaseOldest();
      else this.quarantine.push(this.quarantine.shift());
    }
    return this.quarantine.length < length;
  }

  /** Forgets that anything lives or waits, as all of it was freed at once; of the latest it remembers the offsets. */
  reset(): void {
    const all = [...this.table.entries()].sort((a, b) => a.number - b.number);
    for (const guarded of all) {
      if (guarded.state === LIVE) {
        guarded.isReset = true;
        guarded.freedAfter = this.lastNumber;
      }
      guarded.state = RELEASED;
      guarded.ward.liveObjects = 0;
      guarded.ward.quarantinedObjects = 0;
    }
    for (const queue of [this.quarantine, this.remembered]) while (queue.length > 0) queue.shift();
    this.table.clear();
    this.runs.clear();
    for (const guarded of all.slice(-this.orders.remember || all.length)) {
      this.table.set(guarded.offset, guarded);
      this.remembered.push(guarded);
    }
  }

  /** Looks at the bytes of every allocation that lives or is in quarantine: D1, D2. Throws the first error. O(bytes). */
  check(): void {
    for (const guarded of this.table.entries()) {
      if (guarded.state === LIVE) this.verifyZones(guarded);
      else if (guarded.state === QUARANTINED) this.verifyFreed(guarded);
    }
  }

  /** Looks at a free slot's bytes: D3. Throws `USE_AFTER_FREE`. */
  checkFreeSlot(slot: number, slotEnd: number): void {
    this.patterns.look(this.space.bufferNow());
    const at = this.patterns.firstOther(slot, slotEnd, FREED);
    if (at !== slotEnd) this.tell(this.freeSlotError(slot, slotEnd, at));
  }

  /** Makes a new slot as free ones are: D3. */
  fillFreeSlot(slot: number, slotEnd: number): void {
    this.patterns.look(this.space.bufferNow());
    this.patterns.fill(slot, slotEnd, FREED);
  }

  /** The error of a free beside or inside a guarded allocation. */
  private errorNear(offset: number): Error | undefined {
    const run = this.runs.get(offset);
    if (run !== undefined) return insideError(run, offset);
    if (typeof offset !== "number" || !(offset >= 0)) return undefined;
    const middle = Math.floor(offset / 16) * 16;
    for (let distance = 0; distance <= NEARBY_BYTES; distance += 16) {
      for (const at of [middle - distance, middle + distance]) {
        const guarded = this.find(at);
        if (guarded !== undefined && guarded.raw <= offset && offset < guarded.rawEnd) {
          return insideError(guarded, offset);
        }
      }
    }
    return undefined;
  }

  /** True when a run that a guarded allocation lies in begins at `offset`. */
  holdsRun(offset: number): boolean {
    return this.runs.get(offset) !== undefined;
  }

  /** The error of a question about `offset`, at which nothing is allocated. */
  notAllocated(offset: number): AllocError {
    return notAllocatedError(offset, this.table.get(offset));
  }

  /** Throws the error, or hands it to whom it is to be reported to. */
  private tell(error: AllocError): void {
    const { report } = this.orders;
    if (report === undefined) throw error;
    report(error);
  }

  /** D2. */
  private verifyFreed(guarded: Guarded): void {
    const { raw, rawEnd, ward } = guarded;
    if (!ward.fills) {
      this.verifyZones(guarded);
      return;
    }
    this.patterns.look(this.space.bufferNow());
    const at = this.patterns.firstOther(raw, rawEnd, FREED);
    if (at !== rawEnd) this.tell(useAfterFreeError(guarded, this.mend(at, raw, rawEnd, FREED)));
  }

  /** Writes `pattern` over `start` to `end`, and returns what stood at `at`. */
  private mend(
    at: number,
    start: number,
    end: number,
    pattern: Pattern,
  ): { at: number; found: number; expected: number } {
    const found = this.patterns.byteAt(at);
    this.patterns.fill(start, end, pattern);
    return { at, found, expected: pattern.byte };
  }

  /** Makes a free slot an allocation's, from D3 to D1 in one pass. */
  private takeFreeSlot(slotCache: number, raw: number, offset: number, end: number, rawEnd: number): void {
    const { patterns } = this;
    let at = patterns.exchange(raw, offset, FREED, ZONE);
    if (at === offset) at = patterns.exchange(offset, end, FREED, this.fresh);
    if (at === end) at = patterns.exchange(end, rawEnd, FREED, ZONE);
    if (at === rawEnd) return;
    const error = this.freeSlotError(raw, rawEnd, at);
    if (this.orders.report === undefined) this.space.release(slotCache, raw);
    this.tell(error);
    patterns.fill(raw, offset, ZONE);
    patterns.fill(offset, end, this.fresh);
    patterns.fill(end, rawEnd, ZONE);
  }

  /** Fills a place of which nothing is known: D1. */
  private fillNew(ward: Ward, raw: number, offset: number, end: number, rawEnd: number): void {
    if (ward.hasZones) {
      this.patterns.fill(raw, offset, ZONE);
      this.patterns.fill(end, rawEnd, ZONE);
    }
    if (ward.fills || this.orders.zero) this.patterns.fill(offset, end, this.fresh);
  }

  /** The error of a free slot whose byte at `at` was written. The slot is as it should be then. */
  private freeSlotError(slot: number, slotEnd: number, at: number): AllocError {
    const wrong = this.mend(at, slot, slotEnd, FREED);
    let last: Guarded | undefined;
    for (const guarded of this.remembered) if (guarded.raw === slot) last = guarded;
    return freeSlotError(slot, slotEnd - slot, wrong, last);
  }

  /** Releases what is oldest in quarantine until so many bytes fit in; false when they never will. */
  private makeRoom(byteLength: number): boolean {
    const { quarantine } = this;
    const { objects, bytes } = this.orders.quarantine;
    if (objects === 0 || byteLength > bytes) return false;
    while (quarantine.length >= objects || quarantine.byteLength + byteLength > bytes) this.releaseOldest();
    return true;
  }

  private releaseOldest(): void {
    this.verifyFreed(this.quarantine.oldest as Guarded);
    const guarded = this.quarantine.shift();
    guarded.ward.quarantinedObjects--;
    this.release(guarded);
  }

  /** Gives the place of a freed allocation back, and remembers the allocation for a while. */
  private release(guarded: Guarded): void {
    guarded.state = RELEASED;
    if (guarded.slotCache === 0) this.runs.delete(guarded.raw);
    this.space.release(guarded.slotCache, guarded.raw);
    this.remembered.push(guarded);
    if (this.remembered.length > this.orders.remember) this.forget(this.remembered.shift());
  }

  private forget(guarded: Guarded): void {
    if (this.table.get(guarded.offset) === guarded) this.table.delete(guarded.offset);
    this.spare = guarded;
  }
}
