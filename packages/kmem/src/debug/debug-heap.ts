/**
 * A heap that finds the mistakes of its users: `Heap`, with all of its methods, and what the options ask for.
 *
 * Where every request is to be looked at, none takes the fast path of `Heap`: it may be refused (faults, limits) or
 * guarded (`guard.ts`). Where every allocation is guarded, they lie in the slots of the size classes, which then hold no
 * others (`guarded-pool.ts`). Where one in so many is, the pool counts requests (`sampled-pool.ts`), and the guarded one lies
 * outside of slabs, in a run of pages, which small ones share (`guarded-places.ts`): so a free of any other never meets the
 * guard, which comes in where `Heap` looks for a run.
 *
 * Cost: with everything off, that of `Heap`. Sampled, a count for each request. Else what `guard.ts` says.
 */
import { MAX_END_OFFSET } from "../backing/backing.ts";
import { roundUp } from "../bits/integers.ts";
import {
  AllocError,
  argumentError,
  freeError,
  NONE,
  type OutOfMemoryError,
  requireInteger,
  requirePowerOfTwo,
} from "../errors.ts";
import { Heap } from "../heap/heap.ts";
import { privateParts } from "../heap/parts.ts";
import type { HeapOptions } from "../heap/space.ts";
import { CLASS_OF, classFor, GRANULE, MAX_SLOT_SIZE, SLOT_SIZES } from "../heap/size-classes.ts";
import type { CheckStep, CheckWindow } from "../inspect/check-round.ts";
import { NO_SLOT } from "../slab/slab-pool.ts";
import type { SlabCacheOptions } from "../slab/slab-cache.ts";
import { ByteLimit } from "./byte-limit.ts";
import { DebugCache, type DebugCacheOptions } from "./debug-cache.ts";
import { type DebugHeapStats, type Waiting, withoutQuarantine } from "./debug-stats.ts";
import { Faults } from "./faults.ts";
import { partialArrayError } from "./findings.ts";
import { Guard, type GuardedSpace } from "./guard.ts";
import { fitsPlace, GuardedPlaces, PLACE_BYTES } from "./guarded-places.ts";
import { GuardedPool, guardedParts } from "./guarded-pool.ts";
import { type Leak, leaksOf, LeakScope } from "./leaks.ts";
import {
  type DebugOptions,
  debugOptions,
  type DebugPreset,
  DEFAULT_GUARD,
  type GuardSettings,
  guardSettings,
  watchOrders,
} from "./options.ts";
import { PressureValve } from "./pressure.ts";
import { Random } from "./random.ts";
import { withReason } from "./refused-error.ts";
import { SampledPool, sampledParts } from "./sampled-pool.ts";
import { Sampler } from "./sampler.ts";
import { rawBytesFor, Ward } from "./ward.ts";

/** The options of a heap for debugging: those of `Heap`, and what it is to look at. */
export interface DebugHeapOptions extends HeapOptions {
  /** What is looked at: options, or the name of a preset. Default "full". */
  debug?: DebugOptions | DebugPreset;
}

/** A heap that finds the mistakes of its users. */
export class DebugHeap extends Heap {
  private readonly hasBytes: boolean;
  /** How allocations are guarded. */
  protected readonly settings: GuardSettings;
  /** Of `malloc` and its family. */
  private readonly ward: Ward;
  private readonly guard: Guard;
  /** Where small objects lie that are guarded beside others that are not. */
  private readonly places: GuardedPlaces;
  private readonly guardedPool: GuardedPool | undefined;
  /** True where every request is looked at. */
  protected readonly isWatched: boolean;
  /** Bytes that a guarded allocation takes beside its own. */
  private readonly addedBytes: number;
  /** The largest request that finds its slot the short way; -1 where none does. */
  private readonly slotLimit: number;
  /** Numbers for what is left to chance. */
  protected readonly random: Random;
  private readonly faults: Faults;
  private readonly limit: ByteLimit;
  private readonly valve: PressureValve;
  /** Why the latest request was refused, where it was not for lack of space. */
  private refusal: string | undefined = undefined;
  /** How many bytes the latest request was for. */
  private refusedBytes = NONE;

  /** For `create` alone. */
  protected constructor(options: DebugHeapOptions) {
    const { debug, ...space } = options;
    const asked = debugOptions(debug);
    const settings = guardSettings(asked, DEFAULT_GUARD);
    const orders = watchOrders(asked);
    const isWhole = settings.sample === 1;
    const ward = new Ward(settings, { name: "malloc", isInSlots: isWhole, isConstructed: false });
    const faults = new Faults(asked.fail);
    const isWatched = isWhole || faults.isOn || orders.limitBytes !== undefined;
    const { randomSlots } = orders;
    const isSampled = settings.sample > 1;
    let makeParts = isSampled ? sampledParts : privateParts;
    if (isWhole || randomSlots) makeParts = guardedParts(isWhole ? ward : undefined);
    super(space, (...place) => ({
      ...makeParts(...place),
      isWatched: isWatched || (isSampled && randomSlots),
    }));
    this.hasBytes = space.buffer !== undefined || space.memory !== undefined;
    if (ward.hasZones) this.requireBytes();
    this.settings = settings;
    this.ward = ward;
    this.isWatched = isWatched;
    this.addedBytes = rawBytesFor(ward, 0, GRANULE);
    // Where some requests are to be refused, all take the long way.
    this.slotLimit =
      isWhole && !faults.isOn && orders.limitBytes === undefined ? MAX_SLOT_SIZE - this.addedBytes : -1;
    this.faults = faults;
    this.random = new Random(orders.seed);
    this.places = new GuardedPlaces({
      pageSize: this.pageSize,
      maxSize: this.maxSize,
      allocateRun: (byteLength, align) => this.allocateRun(byteLength, align),
      releaseRun: (offset) => super.freeRun(offset),
    });
    this.limit = new ByteLimit(orders.limitBytes, () => super.stats().usedBytes - this.places.idleBytes);
    this.guard = new Guard(this.spaceForGuard(), { ...orders, zero: space.zero === true });
    this.valve = new PressureValve(() => this.relieve(), asked.onPressure);
    this.guardedPool =
      this.pool instanceof GuardedPool ? this.preparePool(this.pool, randomSlots) : undefined;
  }

  /**
   * Makes a heap. Throws as the constructor of `Heap` does, RangeError or TypeError for debug options that are not what
   * they should be, and `AllocError` `NO_BYTES` when there are no bytes for red zones or patterns.
   */
  static create(options: DebugHeapOptions): DebugHeap {
    const { sample = 1 } = debugOptions(options.debug);
    if (sample > 1) return new SampledHeap(options);
    return sample === 1 ? new WholeHeap(options) : new DebugHeap(options);
  }

  /**
   * As `Heap.realloc`; a guarded allocation always moves, but where it gets smaller and there is no room elsewhere.
   *
   * Throws `AllocError` `OVERFLOW` or `USE_AFTER_FREE` as `free` does; the old allocation is then as it was.
   */
  override realloc(offset: number, byteLength: number): number {
    if (!this.mayBeGuarded(offset)) return super.realloc(offset, byteLength);
    const record = this.guard.find(offset);
    if (record === 0) return super.realloc(offset, byteLength);
    requireInteger("byteLength", byteLength, 0, MAX_END_OFFSET);
    this.guard.verifyZones(record);
    const usable = this.guard.byteLength(record);
    const moved = this.tryMalloc(byteLength);
    if (moved === NONE) {
      if (byteLength > usable) throw this.outOfMemory(byteLength);
      this.guard.cut(record, byteLength);
      return offset;
    }
    if (this.hasBytes) this.guard.copy(moved, offset, Math.min(usable, byteLength));
    try {
      this.guard.free(offset);
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
    if (!this.mayBeGuarded(offset)) return super.usableSize(offset);
    const record = this.guard.find(offset);
    if (record !== 0) return this.guard.byteLength(record);
    if (!this.owns(offset)) throw this.guard.notAllocated(offset);
    return super.usableSize(offset);
  }

  override owns(offset: number): boolean {
    if (!this.mayBeGuarded(offset)) return super.owns(offset);
    if (super.owns(offset) && !this.isPlaceOfGuarded(offset)) return true;
    return this.guard.find(offset) !== 0;
  }

  /** As `Heap.freeArray`. Throws `AllocError` `INVALID_FREE` as well when the array is not the whole allocation. */
  override freeArray(view: ArrayBufferView): void {
    const { byteOffset, byteLength } = view;
    const record = this.hasBytes && view.buffer === this.buffer ? this.guard.find(byteOffset) : 0;
    const asked = record === 0 ? byteLength : this.guard.byteLength(record);
    if (byteLength !== asked) throw partialArrayError(byteOffset, byteLength, asked);
    super.freeArray(view);
  }

  /** As `Heap.createCache`, with what is to be looked at in the cache. */
  override createCache(options: DebugCacheOptions): DebugCache {
    return super.createCache(options) as DebugCache;
  }

  /** As `Heap.openCache`; `construct` is refused, since the cache has one that knows of red zones. */
  override openCache(name: string, options: Pick<SlabCacheOptions, "construct"> = {}): DebugCache {
    const { construct } = options;
    if (construct !== undefined)
      throw argumentError("construct", "left out in a heap for debugging", construct);
    return super.openCache(name) as DebugCache;
  }

  /** Gives back what is in quarantine, then as `Heap.shrink`. */
  override shrink(): void {
    this.relieve();
    super.shrink();
  }

  /** As `Heap.reset`. Offsets that were given out before are remembered as freed. */
  override reset(): void {
    super.reset();
    this.guard.reset();
    this.places.clear();
  }

  /** As `Heap.stats`, without what is in quarantine. O(that and the quarantine). */
  override stats(): DebugHeapStats {
    const stats = super.stats();
    // A run that is cut into places is no object, but each place that is taken.
    const { idleBytes, takenCount, runCount } = this.places;
    const placeObjects = takenCount - runCount;
    return withoutQuarantine(
      {
        ...stats,
        objects: stats.objects + placeObjects,
        usedBytes: stats.usedBytes - idleBytes,
        largeObjects: stats.largeObjects + placeObjects,
        largeBytes: stats.largeBytes - idleBytes,
      },
      this.waiting(),
      this.guard.allocationCount,
    );
  }

  private *waiting(): IterableIterator<Waiting> {
    for (const { slotCache, raw } of this.guard.quarantined()) {
      const cache = slotCache === 0 ? undefined : this.pool.cacheName(slotCache);
      yield { cache, heldBytes: this.heldBytesAt(slotCache, raw) };
    }
  }

  /**
   * As `Heap.check`, and looks at the red zones of all that is guarded, and at all bytes that are free and filled. Throws
   * `AllocError` `OVERFLOW` or `USE_AFTER_FREE` for the first that was written. O(bytes looked at).
   */
  override check(step?: CheckStep): boolean {
    return this.advance(step, (window) => {
      this.pool.checkPages(window);
      this.checkBytes(window);
    });
  }

  /** D1, D2 and D3, of the guarded allocations and slabs that begin in some pages. */
  private checkBytes({ from, end }: CheckWindow): void {
    const { base, buddy, guard, guardedPool, pageSize, pool } = this;
    const endOffset = base + end * pageSize;
    guard.check(base + from * pageSize, endOffset);
    for (let offset = base + from * pageSize; offset < endOffset; offset += pageSize) {
      const number = pool.cacheAt(offset);
      if (guardedPool?.wardOf(number)?.fillsSlots !== true || !buddy.isAllocated(offset)) continue;
      const slotSize = pool.slotSize(number);
      const slabEnd = offset + buddy.sizeOf(offset);
      for (let slot = offset; slot + slotSize <= slabEnd; slot += slotSize) {
        if (!pool.isObject(slot)) guard.checkFreeSlot(slot, slot + slotSize);
      }
    }
  }

  /**
   * What lives of the guarded allocations with numbers above `after`, by the place where it was allocated, the most bytes
   * first. O(n log n) for n guarded allocations.
   */
  leaks({ after = 0 }: { after?: number } = {}): Leak[] {
    requireInteger("after", after, 0, Number.MAX_SAFE_INTEGER);
    return leaksOf(this.guard.live(after), Date.now());
  }

  /** A scope at whose end, by `using`, no guarded allocation lives that was made in it; `name` is for the message. */
  leakScope(name = "unnamed"): LeakScope {
    const after = this.guard.allocationCount;
    return new LeakScope(name, () => this.leaks({ after }));
  }

  /** As in `Heap`, for every request that is watched. When there is no space, what can give way does first. */
  protected override mallocUncommon(byteLength: number, align?: number): number {
    if (
      align === undefined &&
      typeof byteLength === "number" &&
      byteLength >>> 0 === byteLength &&
      byteLength <= this.slotLimit
    ) {
      const number = CLASS_OF[(byteLength + this.addedBytes + 15) >>> 4];
      const slot = this.pool.allocate(number) >>> 0;
      if (slot !== NO_SLOT >>> 0) {
        return this.guard.place(this.ward, number, slot, slot + SLOT_SIZES[number - 1], byteLength, GRANULE);
      }
    }
    if (this.isWatched) return this.allocateWatched(byteLength, align, this.ward.isInSlots);
    const offset = super.mallocUncommon(byteLength, align);
    if (offset !== NONE) return offset;
    return this.retry(byteLength, () => super.mallocUncommon(byteLength, align));
  }

  /** As in `Heap`, but of what may be guarded just the bytes that were asked for: those behind are red zone. */
  protected override clear(offset: number, byteLength: number): void {
    if (this.hasBytes && this.mayBeGuarded(offset)) this.guard.clear(offset, byteLength);
    else super.clear(offset, byteLength);
  }

  /** As in `Heap`, or the error of a request that was refused. */
  protected override outOfMemory(byteLength: number): OutOfMemoryError {
    const isRefused = byteLength === this.refusedBytes;
    return withReason(super.outOfMemory(byteLength), isRefused ? this.refusal : undefined);
  }

  /** As in `Heap`; what is guarded outside of slabs is freed by the guard. */
  protected override freeRun(offset: number): void {
    if (this.guard.isUnused) super.freeRun(offset);
    else if (this.freeGuarded(offset)) return;
    else if (this.buddy.isAllocated(offset) && !this.isPlaceOfGuarded(offset)) super.freeRun(offset);
    else {
      const error = this.guard.freeError(offset);
      if (error !== undefined) throw error;
      if (this.places.isRun(offset)) throw freeError("INVALID_FREE", offset, "no allocation begins there");
      super.freeRun(offset);
    }
  }

  /** Frees the guarded allocation that lives at `offset`, which may be anything; false when none does. */
  protected freeGuarded(offset: number): boolean {
    const record = this.guard.find(offset);
    if (record === 0) return false;
    this.guard.freeLive(record, offset);
    return true;
  }

  protected override makeCache(options: DebugCacheOptions): DebugCache {
    const { debug = {} } = options;
    const settings = debug === false ? { ...this.settings, sample: 0 } : guardSettings(debug, this.settings);
    if (settings.sample > 0 && (settings.fill || settings.redZone > 0)) this.requireBytes();
    const { buddy, pool, guard, valve, faults, limit, random } = this;
    const guardedPool = this.settings.sample === 1 ? this.guardedPool : undefined;
    const placeOutside = (ward: Ward, byteLength: number, align: number): number =>
      this.placeOutside(ward, byteLength, align);
    return new DebugCache(
      { buddy, pool, guardedPool, guard, valve, faults, limit, random, placeOutside },
      options,
      settings,
    );
  }

  /** Allocates, guarded or not, and returns the offset; `NONE` when there is no space or the request is refused. */
  protected allocateWatched(
    byteLength: number,
    align: number | undefined = GRANULE,
    isGuarded: boolean,
  ): number {
    requireInteger("byteLength", byteLength, 0, MAX_END_OFFSET);
    if (align !== GRANULE) requirePowerOfTwo("align", align);
    this.refusedBytes = byteLength;
    this.refusal = this.faults.next();
    if (this.refusal !== undefined) return NONE;
    const wholeAlign = Math.max(align, GRANULE);
    const offset = this.attempt(byteLength, wholeAlign, isGuarded);
    if (offset !== NONE) return offset;
    return this.retry(byteLength, () => this.attempt(byteLength, wholeAlign, isGuarded));
  }

  /** Tries `attempt` again while something gives way. */
  private retry(byteLength: number, attempt: () => number): number {
    const isLimit = this.refusal !== undefined;
    return this.valve.retry({ requestedBytes: byteLength, cache: undefined, isLimit }, attempt);
  }

  /** Allocates within the limit. */
  private attempt(byteLength: number, align: number, isGuarded: boolean): number {
    this.refusal = undefined;
    const rawLength = isGuarded ? rawBytesFor(this.ward, byteLength, align) : byteLength;
    const isInSlots = !isGuarded || this.ward.isInSlots;
    const number = isInSlots ? classFor(rawLength, align, this.pageSize) : 0;
    if (this.limit.isOn) {
      let heldBytes = this.pagesFor(rawLength);
      if (number !== 0) heldBytes = this.pool.slotSize(number);
      else if (isGuarded && fitsPlace(rawLength, align)) heldBytes = PLACE_BYTES;
      if (!this.limit.allows(heldBytes)) {
        this.refusal = this.limit.reason;
        return NONE;
      }
    }
    if (!isGuarded) return super.mallocUncommon(byteLength, align);
    if (number === 0) {
      const offset = this.placeOutside(this.ward, byteLength, align);
      return offset === NONE && !this.ward.isInSlots ? super.mallocUncommon(byteLength, align) : offset;
    }
    const slot = this.allocateSlot(number);
    if (slot === NONE) return NONE;
    return this.guard.place(this.ward, number, slot, slot + this.pool.slotSize(number), byteLength, align);
  }

  /** Takes a place or a run of pages for a guarded allocation, and lays it out; `NONE` when there is no space. */
  private placeOutside(ward: Ward, byteLength: number, align: number): number {
    const rawLength = rawBytesFor(ward, byteLength, align);
    const raw =
      fitsPlace(rawLength, align) && !ward.isInSlots ? this.places.take() : this.takeRun(rawLength, align);
    if (raw === NONE) return NONE;
    // Filling the rest of its place or pages would be most of what a sampled allocation costs.
    const end = raw + (ward.isInSlots ? this.buddy.sizeOf(raw) : roundUp(rawLength, GRANULE));
    return this.guard.place(ward, 0, raw, end, byteLength, align);
  }

  /** A run for `rawLength` bytes: that which is to leave the quarantine, or another. */
  private takeRun(rawLength: number, align: number): number {
    const run = align > this.pageSize ? NONE : this.guard.reuseRun(this.pagesFor(rawLength));
    return run === NONE ? this.allocateRun(rawLength, align) : run;
  }

  /** Bytes of the pages that an allocation of `rawLength` bytes takes. */
  private pagesFor(rawLength: number): number {
    return roundUp(Math.max(1, rawLength), this.pageSize);
  }

  /** Bytes of the slot of cache `slotCache` at `raw`, or of the place or run there where that is 0. */
  private heldBytesAt(slotCache: number, raw: number): number {
    if (slotCache !== 0) return this.pool.slotSize(slotCache);
    return this.places.isPlace(raw) ? PLACE_BYTES : this.buddy.sizeOf(raw);
  }

  /** Gives back what is held for nobody: what is in quarantine, and runs of places; true when there was any. */
  private relieve(): boolean {
    const hasReleased = this.guard.relieve();
    return this.places.giveBack() || hasReleased;
  }

  /** False where no guarded allocation can be: before the first of them, and in slabs where none are. O(1). */
  private mayBeGuarded(offset: number): boolean {
    if (this.guard.isUnused) return false;
    const number = this.pool.cacheAt(offset);
    return number === 0 || this.guardedPool?.wardOf(number) !== undefined;
  }

  /** True when the slot or run at `offset` is that of a guarded allocation: it is nobody's to free. */
  private isPlaceOfGuarded(offset: number): boolean {
    const number = this.pool.cacheAt(offset);
    if (number !== 0) return this.guardedPool?.wardOf(number) !== undefined;
    return this.guard.holdsRun(offset) || this.places.isRun(offset);
  }

  private requireBytes(): void {
    if (this.hasBytes) return;
    throw new AllocError(
      "NO_BYTES",
      "red zones and patterns need a heap with a buffer or a memory; without, give redZone: 0 and fill: false",
    );
  }

  /** What the guard sees of this heap. */
  private spaceForGuard(): GuardedSpace {
    return {
      endOffset: this.base + this.maxSize,
      bufferNow: () => this.buffer,
      heldBytes: (slotCache, raw) => this.heldBytesAt(slotCache, raw),
      release: (slotCache, raw) => {
        if (slotCache !== 0) this.guardedPool?.freeSlot(slotCache, raw);
        else if (this.places.isPlace(raw)) this.places.put(raw);
        else super.freeRun(raw);
      },
    };
  }

  /** The pool, which was made before this heap, with what it asks of it. */
  private preparePool(pool: GuardedPool, randomSlots: boolean): GuardedPool {
    if (randomSlots) pool.random = this.random;
    pool.owner = {
      freeGuarded: (offset) => {
        if (!this.guard.free(offset)) throw this.guard.freeError(offset) ?? pool.freeError(offset);
      },
      fillFreeSlot: (slot, slotEnd) => this.guard.fillFreeSlot(slot, slotEnd),
    };
    return pool;
  }
}

/** A heap of which every allocation is guarded: a free asks the guard first. */
class WholeHeap extends DebugHeap {
  override free(offset: number): void {
    if (!this.freeGuarded(offset)) super.free(offset);
  }
}

/** A heap of which one allocation in so many is guarded: the others are counted, and take the way of `Heap`. */
class SampledHeap extends DebugHeap {
  private readonly sampler: Sampler;
  /** True where the pool counts the requests that ask it for a slot. */
  private readonly isPoolCounting: boolean;
  /** The first word: requests until one is guarded, that one counted. */
  private readonly countdown: Int32Array;

  constructor(options: DebugHeapOptions) {
    super(options);
    const { pool } = this;
    this.sampler = new Sampler(this.settings.sample, this.random);
    this.isPoolCounting = pool instanceof SampledPool;
    this.countdown = pool instanceof SampledPool ? pool.countdown : new Int32Array(1);
    this.countdown[0] = this.sampler.nextGap();
  }

  /** Counts those requests that the pool does not, and guards the one that is due. */
  protected override mallocUncommon(byteLength: number, align?: number): number {
    const { countdown } = this;
    // The others have asked the pool, on a fast path of `Heap`, and it has counted them.
    if (byteLength > this.fastLimit || align !== undefined) countdown[0]--;
    if (countdown[0] > 0) return super.mallocUncommon(byteLength, align);
    countdown[0] = this.sampler.nextGap();
    return this.allocateWatched(byteLength, align, true);
  }

  /** As in `Heap`, for a request that is counted already. */
  protected override allocateSlot(number: number): number {
    if (this.isPoolCounting) this.countdown[0]++;
    return super.allocateSlot(number);
  }
}
