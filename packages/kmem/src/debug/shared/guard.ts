/**
 * The guard of a shared heap, as one of its threads has it: lays allocations out between red zones, fills and compares
 * bytes, and keeps what was freed from reuse. Any thread may free what another has made.
 *
 * What is known of an allocation lies in the cell of its offset (`table.ts`), which all threads see; where and when
 * something was done, as a stack, is known to the thread that did it.
 *
 * An allocation is claimed before its bytes are looked at or filled, so two threads never work on the same:
 *
 *     place ──▶ LIVE ──claim──▶ CLAIMED ──filled──▶ QUARANTINED ──claim──▶ CLAIMED ──compared──▶ RELEASED
 *                 ◀── red zone written ──┘               ◀── freed bytes written ──┘
 *
 * Invariants, of the bytes where the heap fills them, as long as the program keeps to its own:
 *   DS1: of a LIVE allocation, the bytes from its place's begin to its own and from its end to its place's are `ZONE`.
 *   DS2: of a QUARANTINED one, the bytes of its place are `FREED`; and where everything is guarded, of every free place.
 * And of the table:
 *   DS3: a cell is CLAIMED by a thread only while that is in a call, and stands in its ring then.
 *   DS4: whatever is QUARANTINED stands in the ring of the thread that freed it.
 * So what a thread that was killed had in its hands is found in its ring (`inherit`). One place at most is lost with it: that
 * which it had just taken from the heap or was giving back, as if its owner had died with it.
 */
import { type AllocError, NONE } from "../../errors.ts";
import type { Waiting } from "../debug-stats.ts";
import {
  doubleFreeError,
  errorNear,
  insideError,
  notAllocatedError,
  overflowError,
  useAfterFreeError,
} from "../findings.ts";
import {
  type Guarded,
  LIVE as IS_LIVE,
  QUARANTINED as IS_QUARANTINED,
  RELEASED as IS_RELEASED,
} from "../guarded.ts";
import { FREED, FRESH, type Pattern, Patterns, ZERO, ZONE } from "../patterns.ts";
import { type Moment, takeMoment, Tracker } from "../tracker.ts";
import { bytesBefore, rawBytesFor, stepOf, Ward } from "../ward.ts";
import {
  CLAIMED,
  FREE_PLACE,
  type GuardTable,
  LIVE,
  MAX_BEFORE,
  PLACE,
  QUARANTINED,
  RELEASED,
  type Ring,
  UNKNOWN,
} from "./table.ts";

/** So many recorded moments are kept before those of allocations that are no more are looked for. */
const FIRST_MOMENTS = 1024;

/** The heap below, as a guard sees it. */
export interface SharedGuardedSpace {
  readonly base: number;
  /** The bytes, as they are now. */
  bufferNow(): ArrayBufferLike;
  /** Bytes in the heap now. */
  sizeNow(): number;
  /** Bytes of the slot or run that is in use at `raw`; 0 when none is. */
  heldBytes(raw: number): number;
  /** The number of the cache in whose slab `raw` lies; 0 where it lies in none. */
  cacheAt(raw: number): number;
  /** The name of cache `number`. */
  cacheName(number: number): string;
  /** Gives the slot or run at `raw` back. */
  release(raw: number): void;
}

/** What a thread's guard is made from, beside the table. */
export interface SharedGuardOrders {
  readonly thread: number;
  readonly track: number;
  readonly watch: readonly number[];
  readonly report: ((error: AllocError) => void) | undefined;
  /** True where new allocations are to be zero. */
  readonly zero: boolean;
}

/** A recorded moment, and the allocation that it is of. */
interface Recorded {
  readonly number: number;
  readonly madeBy: number;
  allocated: Moment | undefined;
  freed: Moment | undefined;
}

export class SharedGuard {
  private readonly space: SharedGuardedSpace;
  private readonly table: GuardTable;
  private readonly thread: number;
  private readonly report: ((error: AllocError) => void) | undefined;
  private readonly isZero: boolean;
  private readonly ward: Ward;
  /** True where everything that was ever freed is `FREED`. */
  private readonly fillsAll: boolean;
  private readonly ring: Ring;
  private readonly tracker: Tracker;
  private readonly patterns: Patterns;
  private readonly fresh: Pattern;
  /** Bytes of the places that this thread keeps in quarantine, as far as nobody else has let them out. */
  private keptBytes = 0;
  /** The bytes of each that its ring holds, by where it stands there. */
  private readonly kept: Float64Array;
  /** What this thread has recorded, by cell. */
  private readonly moments = new Map<number, Recorded>();
  private mostMoments = FIRST_MOMENTS;

  constructor(space: SharedGuardedSpace, table: GuardTable, orders: SharedGuardOrders) {
    const { sample, redZone, fill } = table.settings;
    this.space = space;
    this.table = table;
    this.thread = orders.thread;
    this.report = orders.report;
    this.isZero = orders.zero;
    this.ward = new Ward(
      { sample, redZone, fill },
      { name: "malloc", isInSlots: false, isConstructed: false },
    );
    this.fillsAll = this.ward.fills && sample === 1;
    this.ring = table.ring(orders.thread);
    this.kept = new Float64Array(this.ring.capacity);
    this.tracker = new Tracker(orders.track, orders.watch);
    this.patterns = new Patterns(() => space.bufferNow());
    this.fresh = orders.zero ? ZERO : FRESH;
  }

  /** Bytes of the place that an allocation needs; `NONE` for an alignment so large that it cannot be guarded. */
  placeBytes(byteLength: number, align: number): number {
    return bytesBefore(this.ward, align) > MAX_BEFORE - align
      ? NONE
      : rawBytesFor(this.ward, byteLength, align);
  }

  /**
   * Lays an allocation of `byteLength` bytes out in the place at `raw`, which this thread has just got, and returns its offset.
   * Throws `USE_AFTER_FREE` when that is not as it was left; it is given back then.
   */
  place(raw: number, byteLength: number, align: number): number {
    const { patterns, table, ward } = this;
    const rawEnd = raw + this.space.heldBytes(raw);
    patterns.reach(rawEnd);
    const vacantEnd = this.fillsAll ? Math.min(rawEnd, raw + table.vacantBytes(raw)) : raw;
    const step = table.turn(raw) ? stepOf(ward, align) : 0;
    const offset = raw + bytesBefore(ward, align) + step;
    const end = offset + byteLength;
    if (vacantEnd === rawEnd) {
      const at = patterns.layOut(raw, offset, end, rawEnd, this.fresh);
      if (at !== rawEnd) this.meetWritten(raw, rawEnd, at);
      if (at === rawEnd) return this.enter(raw, offset, byteLength);
    } else {
      const at = patterns.firstOther(raw, vacantEnd, FREED);
      if (at !== vacantEnd) this.meetWritten(raw, vacantEnd, at);
    }
    patterns.fill(raw, offset, ZONE);
    if (ward.fills || this.isZero) patterns.fill(offset, end, this.fresh);
    patterns.fill(end, rawEnd, ZONE);
    return this.enter(raw, offset, byteLength);
  }

  /** Makes the allocation that was laid out known. */
  private enter(raw: number, offset: number, byteLength: number): number {
    const { table, thread } = this;
    const number = table.nextNumber(thread);
    const isTracked = this.tracker.isDue(number);
    const cell = table.add(raw, offset, byteLength, { thread, number, isTracked });
    if (isTracked) this.record(cell, { allocated: takeMoment() });
    return offset;
  }

  /** Tells that the free place at `raw` has a wrong byte at `at`; where that is thrown, the place is free again, put right. */
  private meetWritten(raw: number, end: number, at: number): void {
    const { table, space } = this;
    const guarded = this.read(table.cell(table.partner(table.cell(raw))));
    const wrong = this.patterns.mend(at, raw, end, FREED);
    this.tell(useAfterFreeError(guarded, wrong), () => space.release(raw));
  }

  /** Says that what was given out at `offset` is not guarded. */
  leaveUnguarded(offset: number): void {
    this.table.forgetPlace(offset);
  }

  /** Leaves the bytes of an allocation that is not guarded, and is about to be freed, as free ones are. */
  fillUnguarded(offset: number): void {
    if (this.fillsAll) this.fillPlace(offset);
  }

  /** The cell of the live allocation that begins at `offset`, which may be anything; 0 when none does. */
  find(offset: number): number {
    const cell = this.table.cellAt(offset);
    return this.table.state(cell) === LIVE ? cell : 0;
  }

  /** True where nothing at `offset` is the guard's, or no longer: what is allocated there then is so without a guard. */
  isElsewhere(offset: number): boolean {
    const state = this.table.state(this.table.cellAt(offset));
    return state === UNKNOWN || state === RELEASED || state === FREE_PLACE;
  }

  /** Bytes asked for, of the live allocation at `cell`. */
  byteLength(cell: number): number {
    return this.table.byteLength(cell);
  }

  /** The cache whose slot the allocation at `cell` lies in; 0 where it lies in none. */
  cacheOf(cell: number): number {
    return this.space.cacheAt(this.table.partner(cell));
  }

  /**
   * What a thread that was killed or has left owns at `raw`: the offset of the live allocation whose place begins there; `raw` where
   * that is not guarded, or was not yet given out; `NONE` where it is freed.
   */
  ownedAt(raw: number): number {
    const { table } = this;
    const cell = table.cellAt(raw);
    if (table.state(cell) !== PLACE) return raw;
    const offset = table.partner(cell);
    const state = table.state(table.cell(offset));
    if (state === LIVE) return offset;
    if (state === CLAIMED || state === QUARANTINED) return NONE;
    // It was killed between the two words that make an allocation known.
    table.forgetPlace(raw);
    return raw;
  }

  /**
   * Frees the allocation at `cell`, which lived a moment ago. Throws, changing nothing: `DOUBLE_FREE` when another thread was
   * faster; `OVERFLOW` when its red zones were written; `USE_AFTER_FREE` when that which is to leave the quarantine for it was.
   */
  free(cell: number): void {
    const { table, patterns, ring, thread, ward } = this;
    const raw = table.partner(cell);
    const byteLength = this.space.heldBytes(raw);
    ring.announce(cell);
    if (!table.claim(cell, LIVE, thread)) throw this.doubleFree(cell);
    const offset = table.offset(cell);
    const rawEnd = raw + byteLength;
    patterns.reach(rawEnd);
    const at = patterns.firstOutside(raw, offset, offset + table.byteLength(cell), rawEnd);
    if (at !== rawEnd) this.verifyZones(cell, true);
    const isKept = this.makeRoom(byteLength, cell);
    table.setFreedBy(cell, thread);
    if (table.isTracked(cell)) this.record(cell, { freed: takeMoment() });
    if (ward.fills) patterns.fill(raw, rawEnd, FREED);
    if (!isKept) {
      this.release(cell);
      return;
    }
    table.settle(cell, QUARANTINED);
    this.kept[ring.push()] = byteLength;
    this.keptBytes += byteLength;
  }

  /** Why `offset`, at which nothing guarded lives, cannot be freed, where the guard has to do with it. */
  freeError(offset: number): Error | undefined {
    const { table } = this;
    const cell = table.cellAt(offset);
    const state = table.state(cell);
    if (state === PLACE) return insideError(this.read(table.cell(table.partner(cell))), offset);
    if (state !== UNKNOWN && state !== FREE_PLACE) return this.doubleFree(cell);
    return this.errorNear(offset);
  }

  /** The error of a question about `offset`, at which nothing is allocated. */
  notAllocated(offset: number): AllocError {
    const { table } = this;
    const cell = table.cellAt(offset);
    const state = table.state(cell);
    const isKnown = state !== UNKNOWN && state < PLACE;
    return notAllocatedError(offset, isKnown ? this.read(cell) : undefined);
  }

  /** Throws `OVERFLOW` when the red zones of a live allocation of the caller's were written. */
  verify(cell: number): void {
    this.verifyZones(cell, false);
  }

  /** Makes a live allocation end after `byteLength` bytes, fewer than it has: the rest becomes red zone. */
  cut(cell: number, byteLength: number): void {
    const { table, patterns } = this;
    const offset = table.offset(cell);
    const end = offset + table.byteLength(cell);
    patterns.reach(end);
    patterns.fill(offset + byteLength, end, ZONE);
    table.setByteLength(cell, byteLength);
  }

  /** Sets the first `byteLength` bytes of an allocation to zero. */
  clear(offset: number, byteLength: number): void {
    this.patterns.reach(offset + byteLength);
    this.patterns.fill(offset, offset + byteLength, ZERO);
  }

  /** Copies `byteLength` bytes from the allocation at `from` to that at `to`. */
  copy(to: number, from: number, byteLength: number): void {
    this.patterns.reach(Math.max(to, from) + byteLength);
    this.patterns.copy(to, from, byteLength);
  }

  /**
   * Releases what this thread keeps in quarantine; true when there was any. Throws `USE_AFTER_FREE` for what was written, which
   * then stays, put right.
   */
  relieve(): boolean {
    const hadAny = this.ring.count > 0;
    while (this.ring.count > 0) this.letOut();
    return hadAny;
  }

  /**
   * Releases what the other threads keep in quarantine, as many as the heap can have; true when there was any. (They find it
   * gone when they come to it.) Throws as `relieve`.
   */
  relieveOthers(threadCount: number): boolean {
    const { table } = this;
    let hadAny = false;
    for (let thread = 0; thread < threadCount; thread++) {
      if (thread === this.thread) continue;
      for (const cell of table.ring(thread)) {
        this.ring.announce(cell);
        if (!table.claim(cell, QUARANTINED, this.thread)) continue;
        this.compareAndRelease(cell);
        hadAny = true;
      }
    }
    return hadAny;
  }

  /** Gives back what thread `dead`, which was killed, kept in quarantine or was about to. What of it was written is not told. */
  inherit(dead: number): void {
    const { table } = this;
    const ring = table.ring(dead);
    for (const cell of [...ring, ring.announced]) {
      if (cell === 0) continue;
      this.ring.announce(cell);
      const isLeft = table.isClaimedBy(cell, dead) || this.claimFreedBy(cell, dead);
      if (!isLeft) continue;
      // It may have been killed while it filled it.
      if (this.ward.fills) this.fillPlace(table.partner(cell));
      this.release(cell);
    }
    ring.clear();
  }

  /** Claims an allocation if it is in quarantine, and `thread` has freed it. */
  private claimFreedBy(cell: number, thread: number): boolean {
    return this.table.freedBy(cell) === thread && this.table.claim(cell, QUARANTINED, this.thread);
  }

  /** What is in quarantine, of as many threads as the heap can have. */
  *quarantined(threadCount: number): IterableIterator<Waiting> {
    const { table, space } = this;
    const seen = new Set<number>();
    for (let thread = 0; thread < threadCount; thread++) {
      for (const cell of table.ring(thread)) {
        if (table.state(cell) !== QUARANTINED || seen.has(cell)) continue;
        seen.add(cell);
        const raw = table.partner(cell);
        const number = space.cacheAt(raw);
        const cache = number === 0 ? undefined : space.cacheName(number);
        yield { cache, heldBytes: space.heldBytes(raw) };
      }
    }
  }

  /** The live allocations, in the order of their offsets; with `thread`, those that it has made. O(size). */
  *live(thread: number | undefined): IterableIterator<Guarded> {
    const { table, space } = this;
    for (const cell of table.cells(LIVE, space.base, space.base + space.sizeNow())) {
      if (thread === undefined || table.madeBy(cell) === thread) yield this.read(cell);
    }
  }

  /** Guarded allocations so far of this thread, and of those before it that had its number. */
  get allocationCount(): number {
    return this.table.lastNumber(this.thread);
  }

  /**
   * Looks at the bytes of every allocation from `from` to `end`, exclusive, that lives or is in quarantine: DS1, DS2. Throws the
   * first error. What is wrong is put right only where `isQuiet` says that no other thread is in a call. O(bytes).
   */
  check(from: number, end: number, isQuiet: boolean): void {
    const { table, ward } = this;
    for (const cell of table.cells(LIVE, from, end)) this.checkBytes(cell, LIVE, isQuiet);
    if (!ward.fills) return;
    for (const cell of table.cells(QUARANTINED, from, end)) this.checkBytes(cell, QUARANTINED, isQuiet);
  }

  /** Forgets that anything lives or waits, as all of it was freed at once. */
  reset(): void {
    const { space } = this;
    this.table.releaseAll(this.thread, space.base + space.sizeNow());
    this.ring.clear();
    this.keptBytes = 0;
  }

  /** Looks at the bytes of an allocation which is in state `state` before and after. */
  private checkBytes(cell: number, state: typeof LIVE | typeof QUARANTINED, isQuiet: boolean): void {
    const { table, patterns } = this;
    const number = table.number(cell);
    const guarded = this.read(cell);
    const { raw, offset, byteLength, rawEnd } = guarded;
    const isLive = state === LIVE;
    const at = isLive ? this.wrongZone(guarded) : this.wrongFreed(guarded);
    if (at === rawEnd) return;
    const wrong = { at, found: patterns.byteAt(at), expected: (isLive ? ZONE : FREED).byte };
    if (table.state(cell) !== state || table.number(cell) !== number) return;
    if (isQuiet && isLive) {
      patterns.fill(raw, offset, ZONE);
      patterns.fill(offset + byteLength, rawEnd, ZONE);
    } else if (isQuiet) patterns.fill(raw, rawEnd, FREED);
    this.tell(isLive ? overflowError(guarded, wrong) : useAfterFreeError(guarded, wrong));
  }

  /** The first byte of an allocation's red zones that is wrong; the end of its place when none is. */
  private wrongZone({ raw, offset, byteLength, rawEnd }: Guarded): number {
    this.patterns.reach(rawEnd);
    return this.patterns.firstOutside(raw, offset, offset + byteLength, rawEnd);
  }

  /** The first byte of a freed allocation's place that is wrong; the end of that when none is. */
  private wrongFreed({ raw, rawEnd }: Guarded): number {
    this.patterns.reach(rawEnd);
    return this.patterns.firstOther(raw, rawEnd, FREED);
  }

  /** DS1. What is wrong is put right; where that is thrown, an allocation that was claimed lives again. */
  private verifyZones(cell: number, isClaimed: boolean): void {
    for (;;) {
      const guarded: Guarded = { ...this.read(cell), state: IS_LIVE };
      const { raw, offset, byteLength, rawEnd } = guarded;
      const at = this.wrongZone(guarded);
      if (at === rawEnd) return;
      const [start, end] = at < offset ? [raw, offset] : [offset + byteLength, rawEnd];
      const wrong = this.patterns.mend(at, start, end, ZONE);
      this.tell(overflowError(guarded, wrong), () => {
        if (isClaimed) this.table.settle(cell, LIVE);
      });
    }
  }

  /** DS2, of an allocation that is claimed, which then is released; where something is wrong and thrown, it stays in quarantine. */
  private compareAndRelease(cell: number): void {
    const { table, patterns } = this;
    if (this.ward.fills) {
      const raw = table.partner(cell);
      const rawEnd = raw + this.space.heldBytes(raw);
      patterns.reach(rawEnd);
      const at = patterns.firstOther(raw, rawEnd, FREED);
      if (at !== rawEnd) {
        const guarded = this.read(cell);
        const wrong = this.patterns.mend(at, raw, rawEnd, FREED);
        this.tell(useAfterFreeError(guarded, wrong), () => table.settle(cell, QUARANTINED));
      }
    }
    this.release(cell);
  }

  /** Fills the slot or run at `raw`, which is this thread's, as free ones are. */
  private fillPlace(raw: number): void {
    const rawEnd = raw + this.space.heldBytes(raw);
    this.patterns.reach(rawEnd);
    this.patterns.fill(raw, rawEnd, FREED);
  }

  /** Gives the place of an allocation that is claimed back. */
  private release(cell: number): void {
    const { table, space } = this;
    const raw = table.partner(cell);
    // In this order, since the place may be another thread's as soon as it is given back.
    table.vacate(raw, space.heldBytes(raw));
    table.release(cell);
    space.release(raw);
  }

  /**
   * True when the allocation at `cell`, which is claimed, may be in quarantine; for that the earliest leave it. Where that throws,
   * the allocation lives again.
   */
  private makeRoom(byteLength: number, cell: number): boolean {
    const { objects, bytes } = this.table.settings.quarantine;
    if (objects === 0 || byteLength > bytes) return false;
    try {
      while (this.ring.count >= objects || this.keptBytes + byteLength > bytes) this.letOut();
    } catch (error) {
      this.table.settle(cell, LIVE);
      throw error;
    }
    return true;
  }

  /** Lets the one that this thread has kept the longest out of quarantine, if no other thread has. */
  private letOut(): void {
    const { ring, table } = this;
    const cell = ring.first;
    if (table.claim(cell, QUARANTINED, this.thread)) this.compareAndRelease(cell);
    this.keptBytes -= this.kept[ring.shift()];
  }

  /** The error of a free beside or inside a guarded allocation. */
  private errorNear(offset: number): Error | undefined {
    return errorNear(offset, (at) => {
      const cell = this.find(at);
      return cell === 0 ? undefined : this.read(cell);
    });
  }

  private doubleFree(cell: number): Error {
    return doubleFreeError(this.read(cell));
  }

  /** Throws the error, or hands it to whom it is to be reported to. Where that throws, `undo` is called first. */
  private tell(error: AllocError, undo?: () => void): void {
    try {
      if (this.report === undefined) throw error;
      this.report(error);
    } catch (thrown) {
      undo?.();
      throw thrown;
    }
  }

  /** Writes down when and where something was done with an allocation. */
  private record(cell: number, moment: Partial<Pick<Recorded, "allocated" | "freed">>): void {
    const { moments, table } = this;
    const { allocated, freed } = this.recorded(cell) ?? { allocated: undefined, freed: undefined };
    const number = table.number(cell);
    const madeBy = table.madeBy(cell);
    moments.set(cell, { number, madeBy, allocated, freed, ...moment });
    if (moments.size <= this.mostMoments) return;
    for (const at of moments.keys()) {
      if (table.state(at) === RELEASED || this.recorded(at) === undefined) moments.delete(at);
    }
    this.mostMoments = Math.max(FIRST_MOMENTS, 2 * moments.size);
  }

  /** What this thread has recorded of the allocation at a cell, and not of one before it. */
  private recorded(cell: number): Recorded | undefined {
    const recorded = this.moments.get(cell);
    const isOfIt =
      recorded?.number === this.table.number(cell) && recorded.madeBy === this.table.madeBy(cell);
    return isOfIt ? recorded : undefined;
  }

  /** All that is known of the allocation at a cell, for a person. */
  private read(cell: number): Guarded {
    const { table } = this;
    const state = table.state(cell);
    const raw = table.partner(cell);
    const recorded = this.recorded(cell);
    return {
      offset: table.offset(cell),
      byteLength: table.byteLength(cell),
      raw,
      rawEnd: raw + this.space.heldBytes(raw),
      slotCache: this.space.cacheAt(raw),
      number: table.number(cell),
      state: state === LIVE ? IS_LIVE : state === RELEASED ? IS_RELEASED : IS_QUARANTINED,
      allocated: recorded?.allocated,
      freed: recorded?.freed,
      freedAfter: undefined,
      isReset: false,
      threads: { madeBy: table.madeBy(cell), freedBy: table.freedBy(cell) },
    };
  }
}
