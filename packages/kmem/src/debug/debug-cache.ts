/**
 * A named cache of a heap for debugging. Its objects are guarded as the heap's allocations are, or as the cache says.
 *
 * In a heap where everything is guarded, the objects of a cache where everything is lie in slots with room for their red
 * zones. Any other guarded object lies outside of slabs, so that the slots and the way to them are as without a guard.
 */
import { roundUp } from "../bits/integers.ts";
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { NONE, requireInteger } from "../errors.ts";
import { SlabCache, type SlabCacheHome, type SlabCacheOptions } from "../slab/slab-cache.ts";
import type { SlabPool } from "../slab/slab-pool.ts";
import type { SlabCacheStats } from "../slab/stats.ts";
import type { ByteLimit } from "./byte-limit.ts";
import type { Faults } from "./faults.ts";
import type { Guard } from "./guard.ts";
import type { GuardedPool } from "./guarded-pool.ts";
import type { GuardOptions, GuardSettings } from "./options.ts";
import type { PressureValve } from "./pressure.ts";
import type { Random } from "./random.ts";
import { withReason } from "./refused-error.ts";
import { Sampler } from "./sampler.ts";
import { alignOf, bytesBefore, rawBytesFor, Ward } from "./ward.ts";

/** What a cache of a heap for debugging is for. */
export interface DebugCacheOptions extends SlabCacheOptions {
  /** How its objects are guarded, where that is not as the heap's allocations are; false: not at all. */
  debug?: GuardOptions | false;
  /** Objects that the cache may have at a time, those in quarantine counted. Default: no limit. */
  limitObjects?: number;
}

/** What a cache uses of its heap. */
export interface DebugCacheHost {
  readonly buddy: BuddyAllocator;
  readonly pool: SlabPool;
  /** The pool again, where all of the heap's allocations are guarded. */
  readonly guardedPool: GuardedPool | undefined;
  readonly guard: Guard;
  readonly valve: PressureValve;
  readonly faults: Faults;
  readonly limit: ByteLimit;
  readonly random: Random;
  /** Takes a place or a run of pages for a guarded object and lays it out; `NONE` when there is no space. */
  placeOutside(ward: Ward, byteLength: number, align: number): number;
}

const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** Objects of one size in a heap for debugging. Made by `DebugHeap.createCache`. */
export class DebugCache extends SlabCache {
  /** Objects that the cache may have at a time, those in quarantine counted. */
  readonly limitObjects: number;
  private readonly host: DebugCacheHost;
  private readonly ward: Ward;
  private readonly isInSlots: boolean;
  private readonly construct: ((offset: number) => void) | undefined;
  private readonly align: number;
  private readonly sampler: Sampler;
  /** True where every request is looked at. */
  private readonly isWatched: boolean;
  /** Requests until one is guarded, that one counted. */
  private untilGuarded: number;
  private refusal: string | undefined = undefined;

  /** Made by a heap only. `settings` are those that hold for the cache. */
  constructor(host: DebugCacheHost, options: DebugCacheOptions, settings: GuardSettings) {
    const { name, construct, limitObjects = NO_LIMIT } = options;
    requireInteger("limitObjects", limitObjects, 0, NO_LIMIT);
    const isInSlots = host.guardedPool !== undefined && settings.sample === 1;
    const ward = new Ward(settings, { name, isInSlots, isConstructed: construct !== undefined });
    super(host.buddy, withFiller(host, options, ward), homeFor(host, options, ward, isInSlots));
    this.limitObjects = limitObjects;
    this.host = host;
    this.ward = ward;
    this.isInSlots = isInSlots;
    this.construct = construct;
    this.align = alignOf(options);
    this.isWatched = host.faults.isOn || host.limit.isOn || limitObjects !== NO_LIMIT;
    this.sampler = new Sampler(settings.sample, host.random);
    this.untilGuarded = this.sampler.nextGap();
    host.guardedPool?.setWard(this.number, isInSlots ? ward : undefined);
  }

  /**
   * As `SlabCache.allocate`. Throws `AllocError` `USE_AFTER_FREE` as well, when the place that was to be used was
   * written while it was free, or one in quarantine that had to go for it.
   */
  override allocate(): number {
    const offset = this.tryAllocate();
    if (offset === NONE) throw withReason(this.outOfMemory(), this.refusal);
    return offset;
  }

  /** As `allocate`, but returns `NONE` when there is no space. */
  override tryAllocate(): number {
    const isGuarded = --this.untilGuarded <= 0 && this.ward.settings.sample > 0;
    if (isGuarded || this.isWatched) return this.allocateWatched(isGuarded);
    const offset = super.tryAllocate();
    return offset === NONE ? this.retry(false) : offset;
  }

  /** As `SlabCache.freeBulk`: all or none, each as `free` does it. O(n + bytes in quarantine). */
  override freeBulk(offsets: ArrayLike<number>, n: number): void {
    requireInteger("n", n, 0, offsets.length);
    const { guard } = this.host;
    const plain: number[] = [];
    const guarded = new Set<number>();
    for (let index = 0; index < n; index++) {
      const offset = offsets instanceof Int32Array ? offsets[index] >>> 0 : offsets[index];
      const found = guard.find(offset);
      if (found === 0 || guard.ward(found) !== this.ward || guarded.has(offset)) plain.push(offset);
      else {
        guard.verifyZones(found);
        guarded.add(offset);
      }
    }
    if (guarded.size > 0) guard.verifyQuarantine();
    const wrong = plain.find((offset) => this.isInSlots || guarded.has(offset));
    if (wrong !== undefined) throw this.foreign(wrong);
    super.freeBulk(plain, plain.length);
    for (const offset of guarded) guard.free(offset, this.ward);
  }

  /** As `SlabCache.shrink`; what of the cache is in quarantine goes back first. */
  override shrink(): void {
    this.requireAlive();
    this.host.guard.relieve(this.ward);
    super.shrink();
  }

  /** As `SlabCache.destroy`; what of the cache is in quarantine goes back first. */
  override destroy(): void {
    if (this.number === 0) return;
    this.host.guard.relieve(this.ward);
    super.destroy();
  }

  /** As `SlabCache.stats`; `objects` are those that live, also outside of slabs. O(1). */
  override stats(): SlabCacheStats {
    const stats = super.stats();
    const { liveObjects, quarantinedObjects } = this.ward;
    return { ...stats, objects: stats.objects + (this.isInSlots ? -quarantinedObjects : liveObjects) };
  }

  private allocateWatched(isGuarded: boolean): number {
    this.requireAlive();
    if (isGuarded) this.untilGuarded = this.sampler.nextGap();
    this.refusal = this.host.faults.next();
    if (this.refusal !== undefined) return NONE;
    const offset = this.attempt(isGuarded);
    return offset === NONE ? this.retry(isGuarded) : offset;
  }

  /** Allocates an object, in the way that was chosen for it, within the cache's limit. */
  private attempt(isGuarded: boolean): number {
    if (this.limitObjects !== NO_LIMIT && this.heldObjects() >= this.limitObjects) {
      this.refusal = `cache "${this.name}" has its limit of ${this.limitObjects} objects`;
      return NONE;
    }
    const { limit } = this.host;
    if (limit.isOn && !limit.allows(this.slotSize)) {
      this.refusal = limit.reason;
      return NONE;
    }
    this.refusal = undefined;
    if (!isGuarded) return super.tryAllocate();
    return this.isInSlots ? this.attemptInSlot() : this.attemptOutside();
  }

  private attemptInSlot(): number {
    const slot = super.tryAllocate();
    if (slot === NONE) return NONE;
    const { guard } = this.host;
    return guard.place(this.ward, this.number, slot, slot + this.slotSize, this.objectSize, this.align);
  }

  private attemptOutside(): number {
    const { guard } = this.host;
    const offset = this.host.placeOutside(this.ward, this.objectSize, this.align);
    if (offset === NONE) return super.tryAllocate();
    try {
      this.construct?.(offset);
    } catch (error) {
      guard.free(offset);
      throw error;
    }
    return offset;
  }

  private retry(isGuarded: boolean): number {
    const pressure = {
      requestedBytes: this.objectSize,
      cache: this.name,
      isLimit: this.refusal !== undefined,
    };
    return this.host.valve.retry(pressure, () => this.attempt(isGuarded));
  }

  /** Objects that live or are in quarantine. */
  private heldObjects(): number {
    const { liveObjects, quarantinedObjects } = this.ward;
    return super.stats().objects + (this.isInSlots ? 0 : liveObjects + quarantinedObjects);
  }

  /** Frees an object that lies outside of slabs. */
  protected override freeElsewhere(offset: number): void {
    this.requireAlive();
    const isOutside = !this.isInSlots && this.pool.cacheAt(offset) === 0;
    if (!isOutside || !this.host.guard.free(offset, this.ward)) throw this.foreign(offset);
  }

  /** Why this cache cannot free `offset`. */
  protected override foreign(offset: number): Error {
    this.requireAlive();
    const isOurs = this.isInSlots
      ? this.pool.cacheAt(offset) === this.number
      : this.pool.cacheAt(offset) === 0;
    return (isOurs ? this.host.guard.freeError(offset, this.ward) : undefined) ?? super.foreign(offset);
  }
}

/** The options, with what is done with each slot when its slab is made. */
function withFiller(host: DebugCacheHost, options: DebugCacheOptions, ward: Ward): SlabCacheOptions {
  const { construct, objectSize } = options;
  const { guardedPool } = host;
  if (guardedPool === undefined || ward.settings.sample !== 1) return options;
  const align = alignOf(options);
  const before = bytesBefore(ward, align);
  if (typeof construct === "function") {
    return { ...options, construct: (slot) => construct(slot + before) };
  }
  if (construct !== undefined || !ward.fillsSlots) return options;
  return {
    ...options,
    construct: guardedPool.fillerFor(roundUp(rawBytesFor(ward, objectSize, align), align)),
  };
}

/** Where the cache lives: in slots with room for red zones, where its guarded objects are. */
function homeFor(
  { pool }: DebugCacheHost,
  options: DebugCacheOptions,
  ward: Ward,
  isInSlots: boolean,
): SlabCacheHome {
  if (!isInSlots) return { pool };
  const align = alignOf(options);
  return { pool, slotSize: roundUp(rawBytesFor(ward, options.objectSize, align), align) };
}
