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
import { type AllocError, freeError, NONE } from "../errors.ts";
import { Afterlife } from "./afterlife.ts";
import {
  doubleFreeError,
  errorNear,
  freeSlotError,
  insideError,
  notAllocatedError,
  overflowError,
  useAfterFreeError,
} from "./findings.ts";
import { type Guarded, LIVE, QUARANTINED, RELEASED } from "./guarded.ts";
import { OffsetTable } from "./offset-table.ts";
import { FREED, FRESH, type Pattern, Patterns, ZERO, ZONE } from "./patterns.ts";
import { Records } from "./records.ts";
import { takeMoment, Tracker } from "./tracker.ts";
import { bytesBefore, stepOf, type Ward } from "./ward.ts";

/** The heap below, as a guard sees it. */
export interface GuardedSpace {
  /** The end of the space at its largest, in bytes. */
  readonly endOffset: number;
  /** The bytes, as they are now. */
  readonly bufferNow: () => ArrayBufferLike;
  /** Bytes of the slot of cache `slotCache` at `raw`, or of what lies there outside of slabs where that is 0. */
  heldBytes(slotCache: number, raw: number): number;
  /** Gives the slot at `raw` back to cache `slotCache`, or what lies there outside of slabs where that is 0. */
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
  private readonly patterns: Patterns;
  private readonly records = new Records();
  /** Records by offset, whatever their state. */
  private readonly table: OffsetTable;
  /** Of those that lie outside of slabs, live or in quarantine, by where their place or run begins. */
  private readonly runs: OffsetTable;
  private readonly afterlife = new Afterlife(this.records);
  private lastNumber = 0;
  /** What may be in quarantine. */
  private readonly maxObjects: number;
  private readonly maxBytes: number;

  constructor(space: GuardedSpace, orders: GuardOrders) {
    this.space = space;
    this.orders = orders;
    this.maxObjects = orders.quarantine.objects;
    this.maxBytes = orders.quarantine.bytes;
    this.tracker = new Tracker(orders.track, orders.watch);
    this.fresh = orders.zero ? ZERO : FRESH;
    this.patterns = new Patterns(space.bufferNow);
    this.table = new OffsetTable(space.endOffset);
    this.runs = new OffsetTable(space.endOffset);
  }

  /** Guarded allocations so far. */
  get allocationCount(): number {
    return this.lastNumber;
  }

  /** True while nothing was ever guarded. */
  get isUnused(): boolean {
    return this.lastNumber === 0;
  }

  /** How many allocations are in quarantine. */
  get quarantinedObjects(): number {
    return this.afterlife.objects;
  }

  /** The allocations in quarantine. The guard must not be used meanwhile. */
  *quarantined(): IterableIterator<Guarded> {
    for (const record of this.waiting()) yield this.records.read(record);
  }

  private *waiting(): IterableIterator<number> {
    for (const record of this.afterlife) if (this.records.state(record) === QUARANTINED) yield record;
  }

  /** The guarded allocations with numbers above `after` that live, in no order. The guard must not be used meanwhile. */
  *live(after = 0): IterableIterator<Guarded> {
    const { records } = this;
    for (const record of this.table.values()) {
      if (records.state(record) === LIVE && records.number(record) > after) yield records.read(record);
    }
  }

  /**
   * Lays an allocation of `byteLength` bytes out at `raw`, a slot of cache `slotCache` or a place or run (0), up to `rawEnd`,
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
    let former = this.table.get(offset);
    if (former !== 0 && step !== 0) {
      offset += step;
      former = this.table.get(offset);
    }
    const end = offset + byteLength;
    if (ward.hasZones || this.orders.zero) this.patterns.reach(rawEnd);
    if (ward.fillsSlots && slotCache !== 0) {
      const at = this.patterns.layOut(raw, offset, end, rawEnd, this.fresh);
      if (at !== rawEnd) this.meetWrittenSlot(slotCache, raw, offset, end, rawEnd, at);
    } else this.fillNew(ward, raw, offset, end, rawEnd);
    const number = ++this.lastNumber;
    const record = this.records.add(ward, slotCache, raw, rawEnd, offset, byteLength, number);
    if (this.tracker.isDue(number)) this.records.track(record, takeMoment());
    ward.liveObjects++;
    if (former !== 0) this.records.markSuperseded(former);
    this.table.set(offset, record);
    if (slotCache === 0) this.runs.set(raw, record);
    return offset;
  }

  /** The record of the live allocation that begins at `offset`, which may be anything; 0 when none does. */
  find(offset: number): number {
    const record = this.table.get(offset);
    return record !== 0 && this.records.state(record) === LIVE ? record : 0;
  }

  /** Bytes asked for, of a live allocation. */
  byteLength(record: number): number {
    return this.records.byteLength(record);
  }

  /** What a live allocation was allocated from. */
  ward(record: number): Ward {
    return this.records.ward(record);
  }

  /**
   * Frees the allocation at `offset`, which may be anything; false when the guard never gave it out. Throws, changing
   * nothing: `DOUBLE_FREE`; `OVERFLOW` when its red zones were written; `USE_AFTER_FREE` when that which is to leave the
   * quarantine for it was. With `ward`, `INVALID_FREE` when it is another's.
   */
  free(offset: number, ward?: Ward): boolean {
    const { records } = this;
    const record = this.table.get(offset);
    if (record === 0) return false;
    if (records.state(record) !== LIVE) throw doubleFreeError(records.read(record));
    if (ward !== undefined && records.ward(record) !== ward) {
      throw freeError("INVALID_FREE", offset, `it is no object of cache "${ward.name}"`);
    }
    this.freeLive(record, offset);
    return true;
  }

  /** Frees a live allocation, as `find` found it at `offset`. Throws as `free` does. */
  freeLive(record: number, offset: number): void {
    const { records, patterns } = this;
    const ward = records.ward(record);
    const raw = records.raw(record);
    const rawBytes = records.rawBytes(record);
    const rawEnd = raw + rawBytes;
    if (ward.hasZones) {
      patterns.reach(rawEnd);
      const at = patterns.firstOutside(raw, offset, offset + records.byteLength(record), rawEnd);
      if (at !== rawEnd) this.verifyZones(record);
    }
    const isKept = this.hasRoom(rawBytes) || this.makeRoom(rawBytes);
    if (records.isTracked(record)) records.trackFree(record, takeMoment());
    records.markFreed(record, this.lastNumber);
    ward.liveObjects--;
    if (ward.fills) patterns.fill(raw, rawEnd, FREED);
    this.afterlife.push(record, isKept ? QUARANTINED : RELEASED);
    if (isKept) return;
    this.giveBack(record);
    this.forgetSome();
  }

  /** Why `offset`, at which nothing guarded lives, cannot be freed, where the guard (and `ward`) has to do with it. */
  freeError(offset: number, ward?: Ward): Error | undefined {
    const { records } = this;
    const record = this.table.get(offset);
    if (record === 0) return this.errorNear(offset);
    return ward === undefined || records.ward(record) === ward
      ? doubleFreeError(records.read(record))
      : undefined;
  }

  /** Looks at the bytes of everything in quarantine. Throws `USE_AFTER_FREE`. O(bytes). */
  verifyQuarantine(): void {
    for (const record of this.waiting()) this.verifyFreed(record);
  }

  /** Throws `OVERFLOW` when the red zones of a live allocation were written. */
  verifyZones(record: number): void {
    const { records, patterns } = this;
    if (!records.ward(record).hasZones) return;
    const raw = records.raw(record);
    const offset = records.offset(record);
    const end = offset + records.byteLength(record);
    const rawEnd = raw + records.rawBytes(record);
    patterns.reach(rawEnd);
    for (;;) {
      const at = patterns.firstOutside(raw, offset, end, rawEnd);
      if (at === rawEnd) return;
      const wrong =
        at < offset ? this.patterns.mend(at, raw, offset, ZONE) : this.patterns.mend(at, end, rawEnd, ZONE);
      this.tell(overflowError(records.read(record), wrong));
    }
  }

  /** Makes a live allocation end after `byteLength` bytes, fewer than it has: the rest becomes red zone. */
  cut(record: number, byteLength: number): void {
    const { records } = this;
    const offset = records.offset(record);
    const end = offset + records.byteLength(record);
    records.setByteLength(record, byteLength);
    if (!records.ward(record).hasZones) return;
    this.patterns.reach(end);
    this.patterns.fill(offset + byteLength, end, ZONE);
  }

  /** Sets the first `byteLength` bytes of an allocation to zero. */
  clear(offset: number, byteLength: number): void {
    this.patterns.reach(offset + byteLength);
    this.patterns.fill(offset, offset + byteLength, ZERO);
  }

  /** Copies `byteLength` bytes from one allocation to another. */
  copy(to: number, from: number, byteLength: number): void {
    this.patterns.reach(Math.max(to, from) + byteLength);
    this.patterns.copy(to, from, byteLength);
  }

  /**
   * Takes the run that is to leave the quarantine next, if it is one of `byteLength` bytes, and returns its offset; `NONE`
   * when nothing is to leave yet, or it is something else. Throws `USE_AFTER_FREE` when it was written; it stays then.
   * (Giving a run back and taking another would cost more than all else that a guard does.)
   */
  reuseRun(byteLength: number): number {
    const { afterlife, records } = this;
    if (afterlife.objects < this.maxObjects) return NONE;
    const record = afterlife.oldest();
    if (record === 0 || records.slotCache(record) !== 0) return NONE;
    if (this.space.heldBytes(0, records.raw(record)) !== byteLength) return NONE;
    this.verifyFreed(record);
    afterlife.release(record);
    return records.raw(record);
  }

  /** Releases everything in quarantine, or what is of `ward`; true when there was any. Throws as `free` does. */
  relieve(ward?: Ward): boolean {
    const before = this.afterlife.objects;
    for (const record of this.waiting()) {
      if (ward !== undefined && this.records.ward(record) !== ward) continue;
      this.verifyFreed(record);
      this.afterlife.release(record);
      this.giveBack(record);
    }
    this.forgetSome();
    return this.afterlife.objects < before;
  }

  /** Forgets that anything lives or waits, as all of it was freed at once; of the latest it remembers the offsets. */
  reset(): void {
    const { records, table, afterlife } = this;
    for (const record of afterlife) if (records.isSuperseded(record)) records.remove(record);
    const known = [...table.values()].sort((a, b) => records.number(a) - records.number(b));
    for (const record of known) {
      if (records.state(record) === LIVE) {
        records.markReset(record);
        records.markFreed(record, this.lastNumber);
      }
      const ward = records.ward(record);
      ward.liveObjects = 0;
      ward.quarantinedObjects = 0;
    }
    afterlife.clear();
    table.clear();
    this.runs.clear();
    for (const record of known) {
      table.set(records.offset(record), record);
      afterlife.push(record, RELEASED);
    }
    this.forgetSome();
  }

  /**
   * Looks at the bytes of every allocation from `from` to `end`, exclusive, that lives or is in quarantine: D1, D2. Throws the
   * first error. O(bytes).
   */
  check(from: number, end: number): void {
    for (const record of this.table.values(from, end)) {
      const state = this.records.state(record);
      if (state === LIVE) this.verifyZones(record);
      else if (state === QUARANTINED) this.verifyFreed(record);
    }
  }

  /** Looks at a free slot's bytes: D3. Throws `USE_AFTER_FREE`. */
  checkFreeSlot(slot: number, slotEnd: number): void {
    this.patterns.reach(slotEnd);
    const at = this.patterns.firstOther(slot, slotEnd, FREED);
    if (at !== slotEnd) this.tell(this.freeSlotError(slot, slotEnd, at));
  }

  /** Makes a new slot as free ones are: D3. */
  fillFreeSlot(slot: number, slotEnd: number): void {
    this.patterns.reach(slotEnd);
    this.patterns.fill(slot, slotEnd, FREED);
  }

  /** The error of a free beside or inside a guarded allocation. */
  private errorNear(offset: number): Error | undefined {
    const { records } = this;
    const run = this.runs.get(offset);
    if (run !== 0) return insideError(records.read(run), offset);
    return errorNear(offset, (at) => {
      const record = this.find(at);
      return record === 0 ? undefined : records.read(record);
    });
  }

  /** True when the place or run of a guarded allocation outside of slabs begins at `offset`. */
  holdsRun(offset: number): boolean {
    return this.runs.get(offset) !== 0;
  }

  /** The error of a question about `offset`, at which nothing is allocated. */
  notAllocated(offset: number): AllocError {
    const record = this.table.get(offset);
    return notAllocatedError(offset, record === 0 ? undefined : this.records.read(record));
  }

  /** Throws the error, or hands it to whom it is to be reported to. */
  private tell(error: AllocError): void {
    const { report } = this.orders;
    if (report === undefined) throw error;
    report(error);
  }

  /** D2. */
  private verifyFreed(record: number): void {
    const { records, patterns } = this;
    if (!records.ward(record).fills) {
      this.verifyZones(record);
      return;
    }
    const raw = records.raw(record);
    const rawEnd = raw + records.rawBytes(record);
    patterns.reach(rawEnd);
    const at = patterns.firstOther(raw, rawEnd, FREED);
    if (at !== rawEnd) {
      this.tell(useAfterFreeError(records.read(record), this.patterns.mend(at, raw, rawEnd, FREED)));
    }
  }

  /** Tells that the free slot which is laid out has a wrong byte at `at`; where that is not thrown, lays it out all the same. */
  private meetWrittenSlot(
    slotCache: number,
    raw: number,
    offset: number,
    end: number,
    rawEnd: number,
    at: number,
  ): void {
    const { patterns } = this;
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
    const wrong = this.patterns.mend(at, slot, slotEnd, FREED);
    let last = 0;
    for (const record of this.afterlife) if (this.records.raw(record) === slot) last = record;
    return freeSlotError(slot, slotEnd - slot, wrong, last === 0 ? undefined : this.records.read(last));
  }

  /** True when one more, of so many bytes, may be in quarantine. */
  private hasRoom(byteLength: number): boolean {
    const { objects, bytes } = this.afterlife;
    return objects < this.maxObjects && bytes + byteLength <= this.maxBytes;
  }

  /**
   * Releases what is in quarantine the longest until so many bytes fit in; false when they never will. Of a full one it
   * releases a 32nd at once: a few in a row cost half as much as each by itself.
   */
  private makeRoom(byteLength: number): boolean {
    const { afterlife, maxObjects, maxBytes } = this;
    if (maxObjects === 0 || byteLength > maxBytes) return false;
    const most = maxObjects - 1 - (afterlife.objects < maxObjects ? 0 : maxObjects >>> 5);
    while (afterlife.objects > most || afterlife.bytes + byteLength > maxBytes) {
      const oldest = afterlife.oldest();
      this.verifyFreed(oldest);
      afterlife.release(oldest);
      this.giveBack(oldest);
    }
    this.forgetSome();
    return true;
  }

  /** Gives the place of a released allocation back. */
  private giveBack(record: number): void {
    const { records } = this;
    const slotCache = records.slotCache(record);
    const raw = records.raw(record);
    if (slotCache === 0) this.runs.set(raw, 0);
    this.space.release(slotCache, raw);
  }

  /** Forgets what is remembered for longer than it is to be. */
  private forgetSome(): void {
    const { afterlife, records, table } = this;
    afterlife.oldest();
    while (afterlife.remembered > this.orders.remember) {
      const record = afterlife.forget();
      if (!records.isSuperseded(record)) table.set(records.offset(record), 0);
      records.remove(record);
    }
  }
}
