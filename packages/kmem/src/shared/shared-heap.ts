/**
 * The heap of many threads: `Heap`'s methods from any worker, on one shared space of bytes.
 *
 * All state lies in one `SharedArrayBuffer` of tables (`layout.ts`). `create` makes them, `handle` carries them through
 * `postMessage`, and each thread attaches once, which gives it a number and magazines of its own. Small allocations
 * touch the lock once in a batch (`shared-pool.ts`); large ones, growth and figures hold it for as long as they take.
 *
 * A thread may be killed at any point. `recover`, called by another thread, then gives back what it held free, and, if
 * it held the lock, rebuilds what follows from the truth maps. The objects that the dead thread made live on.
 *
 * Invariant SH1: a thread's number is in state THREAD_ALIVE for as long as a heap object uses its region.
 */
import { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { FreeLists } from "../buddy/free-lists.ts";
import { rebuildBuddy } from "../buddy/rebuild.ts";
import { AllocError, argumentError, requireInteger } from "../errors.ts";
import { Heap } from "../heap/heap.ts";
import { addSizeClasses, type HeapParts, type MakeHeapParts } from "../heap/parts.ts";
import { GRANULE, SLOT_SIZES } from "../heap/size-classes.ts";
import type { HeapSnapshot } from "../heap/snapshot.ts";
import type { HeapStats } from "../heap/stats.ts";
import type { CheckStep, CheckWindow } from "../inspect/check-round.ts";
import { SlabCache, type SlabCacheOptions } from "../slab/slab-cache.ts";
import { type Attachment, establish, join } from "./attachment.ts";
import { cacheLimitOf, type SharedHeapHandle } from "./handle.ts";
import * as L from "./layout.ts";
import { detachedError, type Lock } from "./lock.ts";
import type { SharedHeapOptions } from "./options.ts";
import { SharedPool } from "./shared-pool.ts";

/** How much of a shared heap a check is to look at. */
export interface SharedCheckStep extends CheckStep {
  /** True says that no other thread is in the middle of a call. Default false. */
  quiet?: boolean | undefined;
}

/** What `recover` found and did. */
export interface RecoveryReport {
  /** The dead thread's number. */
  threadId: number;
  /** True when it died while it held the lock: everything that can be rebuilt was. */
  heldLock: boolean;
  /** Free slots that it had in its magazines, which all threads can have again. */
  slots: number;
  /** The allocations that it had made and that live; undefined where owners are not tracked. */
  owned: OwnedReport | undefined;
}

/** Allocations of one thread. */
export interface OwnedReport {
  /** Their number. */
  objects: number;
  /** Their bytes: of slots, and of runs of pages. */
  bytes: number;
}

/** The parts of the heap that thread `attachment.thread` sees; made by the first thread, found by the others. */
function sharedParts({ geometry, tables, thread, lock }: Attachment, isWatched: boolean): MakeHeapParts {
  return (space, makeRoom) => {
    const buddy = new BuddyAllocator(space, tables.buddy);
    const pool = new SharedPool(buddy, GRANULE, cacheLimitOf(geometry), makeRoom, {
      place: {
        endOffset: geometry.base + geometry.maxSize,
        threadCount: L.REGIONS_PER_THREAD * geometry.maxThreads,
        thread,
        words: tables.pool,
        minSlabBytes: L.MIN_SLAB_BYTES,
        maxBatch: L.MAX_BATCH,
        magazineDepth: L.MAGAZINE_DEPTH,
        magazineBytes: L.MAGAZINE_BYTES,
      },
      lock,
      names: tables.names,
      unnamed: SLOT_SIZES.length,
      owners: tables.owners,
      homes: tables.homes,
    });
    if (pool.cacheCount === 0) addSizeClasses(pool);
    return { buddy, pool, isWatched };
  };
}

/** A heap that any number of threads use at the same time; each has a `SharedHeap` object of its own. */
export class SharedHeap extends Heap {
  /** What other threads need to attach. */
  readonly handle: SharedHeapHandle;
  /** This thread's number in the heap, from 0. */
  readonly threadId: number;
  private readonly tables: L.SharedTables;
  private readonly geometry: L.SharedGeometry;
  private readonly lock: Lock;
  /** The pool, as its own class. */
  private readonly sharedPool: SharedPool;

  /** For `create` and `attach`, and for the classes above: with `isWatched`, every request comes by `mallocUncommon`. */
  protected constructor(attachment: Attachment, isWatched = false) {
    const { handle, geometry, tables, thread, lock, size } = attachment;
    const { base, pageSize, maxSize, zero } = geometry;
    const { memory, buffer } = handle;
    const bytes = memory === undefined ? { buffer: buffer as SharedArrayBuffer } : { memory };
    super({ ...bytes, base, pageSize, maxSize, zero, size }, sharedParts(attachment, isWatched));
    this.handle = handle;
    this.threadId = thread;
    this.tables = tables;
    this.geometry = geometry;
    this.lock = lock;
    this.sharedPool = this.pool as SharedPool;
  }

  /**
   * Makes a heap, and attaches this thread to it.
   *
   * Throws RangeError or TypeError for options that are not what they should be, as `new Heap` does.
   */
  static create(options: SharedHeapOptions): SharedHeap {
    return new SharedHeap(establish(options));
  }

  /**
   * Attaches this thread to the heap of `handle`, under the number `threadId`, or the first that is free.
   *
   * A heap object is for one thread: a second one in the same thread takes a number of its own. Throws `AllocError`,
   * with nothing written: `INVALID_HANDLE` for what is not a handle, or one of another version or geometry;
   * `TOO_MANY_THREADS` when the number, or every number, is taken.
   */
  static attach(handle: SharedHeapHandle, options: { threadId?: number } = {}): SharedHeap {
    return new SharedHeap(join(handle, options.threadId));
  }

  /**
   * Leaves the heap: what this thread holds free goes back, its number may be another's. What it allocated stays
   * allocated, and is nobody's. Every further call of this object throws `AllocError` `DETACHED`, but for a second
   * `detach`, which does nothing. O(caches + slots held), with `trackOwners` O(size).
   */
  detach(): void {
    if (this.isDetached) return;
    if (this.geometry.trackOwners) this.sharedPool.disown(this.threadId);
    this.sharedPool.giveUpRegion();
    this.sharedPool.close();
    this.lock.close();
    Atomics.store(this.tables.threads, this.threadId, L.THREAD_FREE);
  }

  /** `detach()`, for `using`. */
  [Symbol.dispose](): void {
    this.detach();
  }

  /**
   * Gives back what thread `threadId` held, which has died without `detach`: its magazines, the lock and what it was
   * doing with it. The caller vouches that it runs no more: in Node, after the worker's `exit` event. All other threads
   * go on meanwhile. It may be called again, by any thread, also after it was itself interrupted. Of several dead threads,
   * recover first the one that holds the lock: for another, this would wait for it, and throw `STALLED`.
   *
   * Its allocations live on; with `trackOwners` they are reported, and its number stays taken until `freeOwnedBy`.
   * Without, the number is free. Throws RangeError for this thread's own number. O(caches + slots held); O(size) where
   * the thread held the lock, or owners are tracked.
   */
  recover(threadId: number): RecoveryReport {
    this.requireOther(threadId);
    const { threads } = this.tables;
    Atomics.compareExchange(threads, threadId, L.THREAD_ALIVE, L.THREAD_DEAD);
    const heldLock = this.acquireFromTheDead();
    let slots = 0;
    try {
      if (heldLock) this.rebuild();
      for (let thread = 0; thread < threads.length; thread++) {
        if (threads[thread] !== L.THREAD_DEAD) continue;
        this.inheritFrom(thread);
        slots += this.sharedPool.inherit(thread);
        Atomics.store(threads, thread, this.geometry.trackOwners ? L.THREAD_MOURNED : L.THREAD_FREE);
      }
    } finally {
      this.lock.release();
      this.lock.wakeAll();
    }
    return { threadId, heldLock, slots, owned: this.ownedBy(threadId) };
  }

  /**
   * Frees what thread `threadId` allocated and left, after it was recovered, and gives its number free; returns the
   * number of allocations freed. Nobody else may free any of them meanwhile.
   *
   * Throws `AllocError` `IN_USE` while the thread is attached, RangeError for this thread's own number. Without
   * `trackOwners` there is nothing to free. O(size).
   */
  freeOwnedBy(threadId: number): number {
    this.requireOther(threadId);
    const { threads } = this.tables;
    if (threads[threadId] === L.THREAD_ALIVE || threads[threadId] === L.THREAD_DEAD) {
      throw new AllocError("IN_USE", `thread ${threadId} is attached: recover it first if it is dead`);
    }
    const offsets: number[] = [];
    this.forEachOwned(threadId, (offset) => offsets.push(offset));
    for (const offset of offsets) this.free(offset);
    Atomics.compareExchange(threads, threadId, L.THREAD_MOURNED, L.THREAD_FREE);
    return offsets.length;
  }

  /**
   * The named cache that this or another thread made with `createCache`. Throws `AllocError` `NOT_ALLOCATED` when there
   * is none of that name.
   */
  override openCache(name: string): SlabCache {
    return this.lock.locked(() => {
      const number = this.cacheNumber(name);
      if (number === 0) throw new AllocError("NOT_ALLOCATED", `there is no cache "${name}"`);
      const { objectSize } = this.pool.stats(number);
      return this.makeCache({ name, objectSize }, number);
    });
  }

  /** Makes a cache, or, with `number`, what this thread needs to use one that is made. */
  protected override makeCache(options: SlabCacheOptions, number?: number): SlabCache {
    return new SlabCache(this.buddy, options, { pool: this.pool, ...(number !== undefined && { number }) });
  }

  /**
   * Makes a cache that every thread can open by its name. As `Heap.createCache`, but the name has at most 30 UTF-16
   * units, `construct` is refused (the thread that makes a slab may be another), and a number is never used again: the
   * heap's `maxCaches` counts destroyed ones too.
   */
  override createCache(options: SlabCacheOptions): SlabCache {
    const { name, construct } = options;
    if (typeof name === "string") requireInteger("the length of name", name.length, 0, L.MAX_NAME_LENGTH);
    if (construct !== undefined) throw argumentError("construct", "left out in a shared heap", construct);
    return this.lock.locked(() => super.createCache(options));
  }

  override grow(newSize: number): void {
    this.lock.locked(() => super.grow(newSize));
  }

  override shrink(): void {
    this.lock.locked(() => super.shrink());
  }

  /** As `Heap.reset`. Throws `AllocError` `IN_USE` while another thread is attached. */
  override reset(): void {
    this.lock.locked(() => {
      const { threads } = this.tables;
      const other = threads.findIndex((state, thread) => state !== L.THREAD_FREE && thread !== this.threadId);
      if (other >= 0) {
        const isMourned = threads[other] === L.THREAD_MOURNED;
        const reason = isMourned ? `what thread ${other} owned was not freed` : `thread ${other} is attached`;
        throw new AllocError("IN_USE", reason);
      }
      super.reset();
    });
  }

  /** As `Heap.stats`; what other threads do at this moment may be half counted. */
  override stats(): HeapStats {
    return this.lock.locked(() => super.stats());
  }

  override snapshot(): HeapSnapshot {
    return this.lock.locked(() => super.snapshot());
  }

  /**
   * As `Heap.check`, while other threads are at work: slots on their way between a magazine and an object are passed
   * over. With `quiet`, nothing is. The lock is held for as long as it takes: with `pages`, for a step.
   */
  override check(step: SharedCheckStep = {}): boolean {
    const { quiet = false } = step;
    return this.lock.locked(() => this.advance(step, (window) => this.checkPages(window, quiet)));
  }

  /** What `check` does of one step, but for the pages; the lock is held. */
  protected checkPages(window: CheckWindow, isQuiet: boolean): void {
    this.sharedPool.checkPages(window, isQuiet);
  }

  /** True once this thread has left the heap. */
  protected get isDetached(): boolean {
    return this.lock.isClosed;
  }

  protected override read<Result>(read: (parts: HeapParts) => Result): Result {
    return this.lock.locked(() => super.read(read));
  }

  /** As in a heap of one thread, under the lock. */
  protected override allocateRun(byteLength: number, align: number): number {
    this.lock.acquire();
    try {
      return super.allocateRun(byteLength, align);
    } finally {
      this.lock.release();
    }
  }

  /** As in a heap of one thread, under the lock. */
  protected override freeRun(offset: number): void {
    this.lock.acquire();
    try {
      super.freeRun(offset);
    } finally {
      this.lock.release();
    }
  }

  /** As in a heap of one thread, under the lock. */
  protected override resizeRun(offset: number, usable: number, byteLength: number): boolean {
    this.lock.acquire();
    try {
      return super.resizeRun(offset, usable, byteLength);
    } finally {
      this.lock.release();
    }
  }

  /** Takes the lock; returns true when it was a dead thread that held it. */
  private acquireFromTheDead(): boolean {
    const { holder } = this.lock;
    if (holder >= 0 && this.tables.threads[holder] === L.THREAD_DEAD && this.lock.takeOver(holder))
      return true;
    this.lock.acquire();
    return false;
  }

  /** Rebuilds what follows from the truth maps. The pages first: the slabs are found by the blocks they lie in. */
  private rebuild(): void {
    const { buddy } = this.tables;
    const { tablePages, maxOrder, firstPage } = L.pageCounts(this.geometry);
    const lists = new FreeLists(tablePages, maxOrder, buddy.lists);
    const firstOffset = this.base - firstPage * this.pageSize;
    rebuildBuddy(buddy, lists, firstPage, (page) => this.pool.isOwned(firstOffset + page * this.pageSize));
    this.sharedPool.rebuild((thread) => this.tables.threads[thread] === L.THREAD_ALIVE);
  }

  /** Calls `visit` with each allocation that thread `threadId` made and that lives. O(size). */
  protected forEachOwned(threadId: number, visit: (offset: number) => void): void {
    this.sharedPool.forEachOwned(threadId, visit);
  }

  /** Takes what else dead thread `threadId` held free; the lock is held, and all that follows from the truth maps is right. */
  protected inheritFrom(_threadId: number): void {
    // The pool has it all.
  }

  private ownedBy(threadId: number): OwnedReport | undefined {
    if (!this.geometry.trackOwners) return undefined;
    const owned = { objects: 0, bytes: 0 };
    this.forEachOwned(threadId, (offset) => {
      const byteLength = this.lock.locked(() => this.sizeAt(offset));
      if (byteLength === 0) return;
      owned.objects++;
      owned.bytes += byteLength;
    });
    return owned;
  }

  /**
   * Bytes of the allocation that begins at `offset`, or began there a moment ago: others free at any time. 0 when its
   * pages have gone back as well. The lock is held.
   */
  protected sizeAt(offset: number): number {
    const number = this.pool.cacheAt(offset);
    if (number !== 0) return this.pool.slotSize(number);
    return this.pool.isLarge(offset) ? this.buddy.sizeOf(offset) : 0;
  }

  /** Refuses this thread's own number, and everything once this thread has left: another one may have it by then. */
  private requireOther(threadId: number): void {
    if (this.isDetached) throw detachedError();
    requireInteger("threadId", threadId, 0, this.tables.threads.length - 1);
    if (threadId === this.threadId) throw argumentError("threadId", "another thread's", threadId);
  }
}
