/** A named cache of a shared heap for debugging, as one thread has it: its objects lie in slots with room for red zones. */
import { roundUp } from "../../bits/integers.ts";
import type { BuddyAllocator } from "../../buddy/buddy-allocator.ts";
import { NONE, requireInteger } from "../../errors.ts";
import { SlabCache, type SlabCacheHome, type SlabCacheOptions } from "../../slab/slab-cache.ts";
import type { SlabPool } from "../../slab/slab-pool.ts";
import type { SlabCacheStats } from "../../slab/stats.ts";
import type { Faults } from "../faults.ts";
import type { PressureValve } from "../pressure.ts";
import { withReason } from "../refused-error.ts";
import { alignOf } from "../ward.ts";
import type { SharedGuard } from "./guard.ts";
import type { GuardTable } from "./table.ts";

/** What a cache uses of its heap. */
export interface DebugSharedCacheHost {
  readonly buddy: BuddyAllocator;
  readonly pool: SlabPool;
  readonly guard: SharedGuard;
  readonly table: GuardTable;
  readonly valve: PressureValve;
  readonly faults: Faults;
  readonly maxThreads: number;
}

/** Objects of one size in a shared heap for debugging. Made by `createCache` and `openCache` of `DebugSharedHeap`. */
export class DebugSharedCache extends SlabCache {
  private readonly host: DebugSharedCacheHost;
  private readonly align: number;
  private refusal: string | undefined = undefined;

  /** Made by a heap only; `number` is that of a cache which some thread has made. */
  constructor(host: DebugSharedCacheHost, options: SlabCacheOptions, number: number | undefined) {
    super(host.buddy, options, homeFor(host, options, number));
    this.host = host;
    if (number === undefined) host.table.setAlign(this.number, alignOf(options));
    this.align = host.table.align(this.number);
  }

  /** As `SlabCache.allocate`. */
  override allocate(): number {
    const offset = this.tryAllocate();
    if (offset === NONE) throw withReason(this.outOfMemory(), this.refusal);
    return offset;
  }

  /** As `allocate`, but returns `NONE` when there is no space. */
  override tryAllocate(): number {
    const { faults, valve } = this.host;
    this.refusal = faults.next();
    if (this.refusal !== undefined) return NONE;
    const offset = this.attempt();
    if (offset !== NONE) return offset;
    const pressure = { requestedBytes: this.objectSize, cache: this.name, isLimit: false };
    return valve.retry(pressure, () => this.attempt());
  }

  /** As `SlabCache.free`. Throws `AllocError` `OVERFLOW` and `USE_AFTER_FREE` as `DebugSharedHeap.free` does. */
  override free(offset: number): void {
    this.host.guard.free(this.cellOf(offset));
  }

  /**
   * As `SlabCache.freeBulk`, but what is in quarantine is not looked at first: where that was written, some may be freed and
   * others not.
   */
  override freeBulk(offsets: ArrayLike<number>, n: number): void {
    requireInteger("n", n, 0, offsets.length);
    const { guard } = this.host;
    const cells = new Set<number>();
    for (let index = 0; index < n; index++) {
      const offset = offsets instanceof Int32Array ? offsets[index] >>> 0 : offsets[index];
      const cell = this.cellOf(offset);
      if (cells.has(cell)) throw this.foreign(offset);
      guard.verify(cell);
      cells.add(cell);
    }
    for (const cell of cells) guard.free(cell);
  }

  /** As `SlabCache.shrink`; what this thread keeps in quarantine goes back first. */
  override shrink(): void {
    this.requireAlive();
    this.host.guard.relieve();
    super.shrink();
  }

  /** As `SlabCache.destroy`; what threads keep in quarantine goes back first. */
  override destroy(): void {
    if (this.number === 0) return;
    const { guard, maxThreads } = this.host;
    guard.relieve();
    guard.relieveOthers(maxThreads);
    super.destroy();
  }

  /** As `SlabCache.stats`; `objects` are those that live. O(what is in quarantine). */
  override stats(): SlabCacheStats {
    const stats = super.stats();
    let waiting = 0;
    for (const { cache } of this.host.guard.quarantined(this.host.maxThreads))
      if (cache === this.name) waiting++;
    return { ...stats, objects: stats.objects - waiting };
  }

  private attempt(): number {
    const slot = super.tryAllocate();
    return slot === NONE ? NONE : this.host.guard.place(slot, this.objectSize, this.align);
  }

  /** The cell of the live object at `offset`. Throws what is wrong where that is none of this cache. */
  private cellOf(offset: number): number {
    const { guard } = this.host;
    const cell = guard.find(offset);
    if (cell === 0 || guard.cacheOf(cell) !== this.number || this.number === 0) throw this.foreign(offset);
    return cell;
  }

  /** Why this cache cannot free `offset`. */
  protected override foreign(offset: number): Error {
    this.requireAlive();
    const isOurs = this.pool.cacheAt(offset) === this.number;
    return (isOurs ? this.host.guard.freeError(offset) : undefined) ?? super.foreign(offset);
  }
}

/** Where the cache lives: in slots with room for red zones. */
function homeFor(
  { pool, guard }: DebugSharedCacheHost,
  options: SlabCacheOptions,
  number: number | undefined,
): SlabCacheHome {
  if (number !== undefined) return { pool, number };
  const align = alignOf(options);
  return { pool, slotSize: roundUp(guard.placeBytes(options.objectSize, align), align) };
}
