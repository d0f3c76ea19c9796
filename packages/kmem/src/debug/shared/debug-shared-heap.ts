/**
 * A shared heap that finds the mistakes of its threads: `SharedHeap`, with all of its methods, where one thread's write to
 * what another has freed, or has beside its own, is found as well, and it is told which threads it was.
 *
 * Every request is looked at, so none takes the fast path of `Heap`. A guarded allocation lies in a slot or run that the
 * heap below has given out for it; that heap knows of no other.
 *
 * Cost: that of a `SharedHeap`, and what `guard.ts` says; as many bytes of tables as the heap has used.
 */
import { MAX_END_OFFSET } from "../../backing/backing.ts";
import { NONE, type OutOfMemoryError, requireInteger, requirePowerOfTwo } from "../../errors.ts";
import { classFor, GRANULE } from "../../heap/size-classes.ts";
import type { CheckWindow } from "../../inspect/check-round.ts";
import { type Attachment, establish, join } from "../../shared/attachment.ts";
import { cacheLimitOf, invalidHandle, openTables, type SharedHeapHandle } from "../../shared/handle.ts";
import type { SharedGeometry } from "../../shared/layout.ts";
import type { SharedHeapOptions } from "../../shared/options.ts";
import { type SharedCheckStep, SharedHeap } from "../../shared/shared-heap.ts";
import type { SlabCache, SlabCacheOptions } from "../../slab/slab-cache.ts";
import { type DebugHeapStats, withoutQuarantine } from "../debug-stats.ts";
import type { Faults } from "../faults.ts";
import { partialArrayError } from "../findings.ts";
import { type Leak, leaksOf, LeakScope } from "../leaks.ts";
import type { DebugPreset } from "../options.ts";
import { PressureValve } from "../pressure.ts";
import { Random } from "../random.ts";
import { withReason } from "../refused-error.ts";
import { Sampler } from "../sampler.ts";
import { DebugSharedCache } from "./debug-shared-cache.ts";
import { SharedGuard, type SharedGuardedSpace } from "./guard.ts";
import {
  type SharedDebugOptions,
  sharedDebugOptions,
  sharedSettings,
  type ThreadDebugOptions,
  type ThreadOrders,
  threadOrders,
} from "./options.ts";
import { GuardTable, type TableGeometry } from "./table.ts";

/** The options of a shared heap for debugging: those of `SharedHeap`, and what it is to look at. */
export interface DebugSharedHeapOptions extends SharedHeapOptions {
  /** What is looked at: options, or the name of a preset. Default "full". */
  debug?: SharedDebugOptions | DebugPreset;
}

/** What a thread needs to attach: a plain object that structured clone carries. */
export interface DebugSharedHeapHandle extends SharedHeapHandle {
  readonly format: "kmem-debug-shared-heap";
  /** The tables of the guard. */
  readonly guard: SharedArrayBuffer;
}

/** How a thread attaches. */
export interface DebugAttachOptions {
  /** The number that it is to have. Default: the first that is free. */
  threadId?: number;
  /** What it looks at for itself; what the heap's maker has settled holds for all. */
  debug?: ThreadDebugOptions;
}

function tableGeometry(geometry: SharedGeometry): TableGeometry {
  const { base, maxSize, maxThreads } = geometry;
  return { base, maxSize, maxThreads, cacheLimit: cacheLimitOf(geometry) };
}

/** A heap that many threads use at the same time, and that finds the mistakes of each. */
export class DebugSharedHeap extends SharedHeap {
  declare readonly handle: DebugSharedHeapHandle;
  private readonly guard: SharedGuard;
  private readonly table: GuardTable;
  private readonly maxThreads: number;
  private readonly valve: PressureValve;
  private readonly faults: Faults;
  private readonly sampler: Sampler;
  /** Requests until one is guarded, that one counted. */
  private untilGuarded: number;
  /** Why the latest request was refused, where it was not for lack of space. */
  private refusal: string | undefined = undefined;

  private constructor(attachment: Attachment, table: GuardTable, orders: ThreadOrders) {
    super(attachment, true);
    const { thread, geometry } = attachment;
    const { faults, onPressure, seed } = orders;
    this.table = table;
    this.maxThreads = geometry.maxThreads;
    this.guard = new SharedGuard(this.spaceForGuard(), table, { ...orders, thread, zero: geometry.zero });
    this.valve = new PressureValve(() => this.relieve(), onPressure);
    this.faults = faults;
    this.sampler = new Sampler(table.settings.sample, new Random(seed + thread));
    this.untilGuarded = this.sampler.nextGap();
  }

  /**
   * Makes a heap, and attaches this thread to it.
   *
   * Throws as `SharedHeap.create` does, and RangeError or TypeError for debug options that are not what they should be.
   */
  static override create(options: DebugSharedHeapOptions): DebugSharedHeap {
    const { debug, ...shared } = options;
    const asked = sharedDebugOptions(debug);
    const settings = sharedSettings(asked);
    const orders = threadOrders(asked);
    const attachment = establish(shared);
    const table = GuardTable.create(tableGeometry(attachment.geometry), settings);
    return new DebugSharedHeap(withGuard(attachment, table), table, orders);
  }

  /**
   * Attaches this thread to the heap of `handle`, as `SharedHeap.attach` does.
   *
   * Throws as that does, `INVALID_HANDLE` also for the handle of a heap that is not for debugging, and RangeError or TypeError
   * for debug options that are not what they should be.
   */
  static override attach(handle: SharedHeapHandle, options: DebugAttachOptions = {}): DebugSharedHeap {
    const { threadId, debug = {} } = options;
    const orders = threadOrders(debug);
    const { format, guard } = (handle ?? {}) as Partial<DebugSharedHeapHandle>;
    if (format !== "kmem-debug-shared-heap" || !(guard instanceof SharedArrayBuffer)) {
      throw invalidHandle("it is not the handle of a shared heap for debugging");
    }
    const plain: SharedHeapHandle = { ...handle, format: "kmem-shared-heap" };
    const { geometry } = openTables(plain);
    const table = GuardTable.open(guard, tableGeometry(geometry));
    if (typeof table === "string") throw invalidHandle(table);
    return new DebugSharedHeap(withGuard(join(plain, threadId), table), table, orders);
  }

  /**
   * As `SharedHeap.free`. Any thread may free what another has made.
   *
   * Throws `AllocError` as well, the allocation being as it was then: `OVERFLOW` when bytes before or behind it were written;
   * `USE_AFTER_FREE` when those of an earlier free of this thread were, whose place had to leave the quarantine for it.
   */
  override free(offset: number): void {
    const { guard } = this;
    const cell = guard.find(offset);
    if (cell !== 0) guard.free(cell);
    else this.freeUnguarded(offset);
  }

  /**
   * As `SharedHeap.realloc`; a guarded allocation always moves, but where it gets smaller and there is no room elsewhere.
   * Throws `AllocError` `OVERFLOW` or `USE_AFTER_FREE` as `free` does; the old allocation is then as it was.
   */
  override realloc(offset: number, byteLength: number): number {
    const { guard } = this;
    const cell = guard.find(offset);
    if (cell === 0) {
      if (!this.owns(offset)) throw guard.notAllocated(offset);
      return super.realloc(offset, byteLength);
    }
    requireInteger("byteLength", byteLength, 0, MAX_END_OFFSET);
    guard.verify(cell);
    const usable = guard.byteLength(cell);
    const moved = this.tryMalloc(byteLength);
    if (moved === NONE) {
      if (byteLength > usable) throw this.outOfMemory(byteLength);
      guard.cut(cell, byteLength);
      return offset;
    }
    guard.copy(moved, offset, Math.min(usable, byteLength));
    try {
      guard.free(cell);
    } catch (error) {
      this.free(moved);
      throw error;
    }
    return moved;
  }

  /**
   * Bytes that may be used at `offset`: of a guarded allocation just those that were asked for. Throws as
   * `Heap.usableSize` does.
   */
  override usableSize(offset: number): number {
    const cell = this.guard.find(offset);
    if (cell !== 0) return this.guard.byteLength(cell);
    if (!this.owns(offset)) throw this.guard.notAllocated(offset);
    return super.usableSize(offset);
  }

  override owns(offset: number): boolean {
    return this.guard.find(offset) !== 0 || (this.guard.isElsewhere(offset) && super.owns(offset));
  }

  /** As `Heap.freeArray`. Throws `AllocError` `INVALID_FREE` as well when the array is not the whole allocation. */
  override freeArray(view: ArrayBufferView): void {
    const { byteOffset, byteLength } = view;
    const cell = view.buffer === this.buffer ? this.guard.find(byteOffset) : 0;
    const asked = cell === 0 ? byteLength : this.guard.byteLength(cell);
    if (byteLength !== asked) throw partialArrayError(byteOffset, byteLength, asked);
    super.freeArray(view);
  }

  /** Gives back what this thread keeps in quarantine, then as `SharedHeap.shrink`. */
  override shrink(): void {
    this.guard.relieve();
    super.shrink();
  }

  /** Gives back what this thread keeps in quarantine, as `free` does it, then as `SharedHeap.detach`. */
  override detach(): void {
    if (!this.isDetached) this.guard.relieve();
    super.detach();
  }

  /** As `SharedHeap.reset`. Offsets that were given out before are remembered as freed. */
  override reset(): void {
    super.reset();
    this.guard.reset();
  }

  /** As `SharedHeap.stats`, without what is in quarantine. O(that and the quarantines). */
  override stats(): DebugHeapStats {
    const { guard, table, maxThreads } = this;
    return this.read(() =>
      withoutQuarantine(super.stats(), guard.quarantined(maxThreads), table.allocationCount(maxThreads)),
    );
  }

  /**
   * As `SharedHeap.check`, and looks at the red zones of all that is guarded, and at the freed bytes of all quarantines. Throws
   * `AllocError` `OVERFLOW` or `USE_AFTER_FREE` for the first that was written. With `quiet`, that is put right, and so told once;
   * while others are at work, only the thread that frees it, or lets it out of quarantine, can do that. O(bytes looked at).
   */
  override check(step: SharedCheckStep = {}): boolean {
    return super.check(step);
  }

  /**
   * What lives of the guarded allocations, of all threads or of `thread` alone and then only those with numbers above `after`, by
   * the place where this thread has made them, the most bytes first. O(size).
   */
  leaks({ thread, after = 0 }: { thread?: number; after?: number } = {}): Leak[] {
    requireInteger("after", after, 0, Number.MAX_SAFE_INTEGER);
    const live = this.read(() => [...this.guard.live(thread)]);
    return leaksOf(thread === undefined ? live : live.filter(({ number }) => number > after), Date.now());
  }

  /** A scope at whose end, by `using`, nothing guarded lives that this thread has made in it; `name` is for the message. */
  leakScope(name = "unnamed"): LeakScope {
    const { threadId: thread } = this;
    const after = this.guard.allocationCount;
    return new LeakScope(name, () => this.leaks({ thread, after }));
  }

  /** As in `Heap`, for every request. When there is no space, what can give way does first. */
  protected override mallocUncommon(byteLength: number, align: number = GRANULE): number {
    requireInteger("byteLength", byteLength, 0, MAX_END_OFFSET);
    requirePowerOfTwo("align", align);
    this.refusal = this.faults.next();
    if (this.refusal !== undefined) return NONE;
    const isGuarded = this.isNextGuarded();
    const offset = this.attempt(byteLength, align, isGuarded);
    if (offset !== NONE) return offset;
    const pressure = { requestedBytes: byteLength, cache: undefined, isLimit: false };
    return this.valve.retry(pressure, () => this.attempt(byteLength, align, isGuarded));
  }

  /** As in `Heap`, but of what is guarded just the bytes that were asked for: those behind are red zone. */
  protected override clear(offset: number, byteLength: number): void {
    if (this.guard.find(offset) !== 0) this.guard.clear(offset, byteLength);
    else super.clear(offset, byteLength);
  }

  /** As in `Heap`, or the error of a request that was refused. */
  protected override outOfMemory(byteLength: number): OutOfMemoryError {
    return withReason(super.outOfMemory(byteLength), this.refusal);
  }

  /** Makes or opens a named cache: guarded where everything is, in slots with room for red zones. */
  protected override makeCache(options: SlabCacheOptions, number?: number): SlabCache {
    if (this.table.settings.sample !== 1) return super.makeCache(options, number);
    const { buddy, pool, guard, table, valve, faults, maxThreads } = this;
    return new DebugSharedCache({ buddy, pool, guard, table, valve, faults, maxThreads }, options, number);
  }

  /** What `check` does of one step, and DS1 and DS2. */
  protected override checkPages(window: CheckWindow, isQuiet: boolean): void {
    const { base, pageSize } = this;
    super.checkPages(window, isQuiet);
    this.guard.check(base + window.from * pageSize, base + window.end * pageSize, isQuiet);
  }

  protected override inheritFrom(threadId: number): void {
    this.guard.inherit(threadId);
  }

  /** As in `SharedHeap`, of what lives: with the offsets that were given out. */
  protected override forEachOwned(threadId: number, visit: (offset: number) => void): void {
    super.forEachOwned(threadId, (raw) => {
      const offset = this.guard.ownedAt(raw);
      if (offset !== NONE) visit(offset);
    });
  }

  protected override sizeAt(offset: number): number {
    const cell = this.guard.find(offset);
    return cell === 0 ? super.sizeAt(offset) : this.guard.byteLength(cell);
  }

  /** Counts a request; true when it is to be guarded. */
  private isNextGuarded(): boolean {
    if (--this.untilGuarded > 0) return false;
    this.untilGuarded = this.sampler.nextGap();
    return this.table.settings.sample > 0;
  }

  private attempt(byteLength: number, align: number, isGuarded: boolean): number {
    const wholeAlign = Math.max(align, GRANULE);
    const placeBytes = isGuarded ? this.guard.placeBytes(byteLength, wholeAlign) : NONE;
    if (placeBytes === NONE) {
      const offset = super.mallocUncommon(byteLength, align);
      if (offset !== NONE) this.guard.leaveUnguarded(offset);
      return offset;
    }
    const number = classFor(placeBytes, wholeAlign, this.pageSize);
    const raw = number === 0 ? this.allocateRun(placeBytes, wholeAlign) : this.allocateSlot(number);
    return raw === NONE ? NONE : this.guard.place(raw, byteLength, wholeAlign);
  }

  /** Gives back what is in quarantine, this thread's first; true when there was any. */
  private relieve(): boolean {
    if (this.guard.relieve()) return true;
    if (!this.guard.relieveOthers(this.maxThreads)) return false;
    // Their slots are not to wait in the magazines of this thread.
    this.pool.shrinkAll();
    return true;
  }

  private freeUnguarded(offset: number): void {
    const isAllocated = this.guard.isElsewhere(offset) && super.owns(offset);
    const error = isAllocated ? undefined : this.guard.freeError(offset);
    if (error !== undefined) throw error;
    if (isAllocated) this.guard.fillUnguarded(offset);
    super.free(offset);
  }

  /** What the guard sees of this heap. */
  private spaceForGuard(): SharedGuardedSpace {
    const { base, pool } = this;
    return {
      base,
      bufferNow: () => this.buffer,
      sizeNow: () => this.size,
      // A run is looked at under the lock: its neighbours change.
      heldBytes: (raw) => {
        const number = pool.cacheAt(raw);
        return number === 0 ? this.read(() => super.sizeAt(raw)) : pool.slotSize(number);
      },
      cacheAt: (raw) => pool.cacheAt(raw),
      cacheName: (number) => pool.cacheName(number),
      release: (raw) => super.free(raw),
    };
  }
}

/** The attachment, with a handle that tells of the guard. */
function withGuard(attachment: Attachment, table: GuardTable): Attachment {
  const handle: DebugSharedHeapHandle = {
    ...attachment.handle,
    format: "kmem-debug-shared-heap",
    guard: table.buffer,
  };
  return { ...attachment, handle };
}
