/**
 * The naive way to share a heap, as a rival for the benchmarks: the plain `Heap` on shared tables, one lock around each
 * call. It is made of the library's own parts, as they are published, which its public face does not give away; so it
 * lies here. It has no recovery, no growth that others see, and no caches of its own.
 */
import { BuddyAllocator } from "../dist/buddy/buddy-allocator.js";
import { freeListWordCount } from "../dist/buddy/free-lists.js";
import { STATE_WORDS } from "../dist/buddy/tables.js";
import { WAITING_WORDS } from "../dist/buddy/waiting-runs.js";
import { Heap } from "../dist/heap/heap.js";
import { addSizeClasses, type MakeHeapParts } from "../dist/heap/parts.js";
import { GRANULE, SLOT_SIZES } from "../dist/heap/size-classes.js";
import { Lock } from "../dist/shared/lock.js";
import { poolLayout } from "../dist/slab/layout.js";
import { SlabPool } from "../dist/slab/slab-pool.js";

const PAGE = 4096;

/** What a thread needs to attach. */
export interface LockedHeapHandle {
  readonly buffer: SharedArrayBuffer;
  readonly lock: SharedArrayBuffer;
  readonly state: SharedArrayBuffer;
  readonly lists: SharedArrayBuffer;
  readonly waiting: SharedArrayBuffer;
  readonly pages: SharedArrayBuffer;
  readonly pool: SharedArrayBuffer;
}

/** Bytes and tables of a heap of `size` bytes, a power of two. */
export function createLockedHeap(size: number): LockedHeapHandle {
  const pageCount = size / PAGE;
  const space = {
    cacheLimit: SLOT_SIZES.length,
    endOffset: size,
    granule: GRANULE,
    pageSize: PAGE,
    threadCount: 1,
  };
  return {
    buffer: new SharedArrayBuffer(size),
    lock: new SharedArrayBuffer(64),
    state: new SharedArrayBuffer(4 * STATE_WORDS),
    lists: new SharedArrayBuffer(4 * freeListWordCount(pageCount, Math.log2(pageCount))),
    waiting: new SharedArrayBuffer(4 * WAITING_WORDS),
    pages: new SharedArrayBuffer(pageCount),
    pool: new SharedArrayBuffer(4 * poolLayout(space).wordCount),
  };
}

/** One thread's view of a heap that has one lock. All threads must have attached before the first allocates. */
class LockedHeap {
  private readonly heap: Heap;
  private readonly lock: Lock;

  constructor(heap: Heap, lock: Lock) {
    this.heap = heap;
    this.lock = lock;
  }

  malloc(byteLength: number): number {
    this.lock.acquire();
    try {
      return this.heap.malloc(byteLength);
    } finally {
      this.lock.release();
    }
  }

  free(offset: number): void {
    this.lock.acquire();
    try {
      this.heap.free(offset);
    } finally {
      this.lock.release();
    }
  }
}

/** Attaches thread number `thread`. */
export function attachLockedHeap(handle: LockedHeapHandle, thread: number): LockedHeap {
  const lock = new Lock(new Int32Array(handle.lock), 0, thread, 5000);
  const makeParts: MakeHeapParts = (space, makeRoom) => {
    const buddy = new BuddyAllocator(space, {
      state: new Int32Array(handle.state),
      lists: new Int32Array(handle.lists),
      waiting: new Int32Array(handle.waiting),
      pages: new Uint8Array(handle.pages),
    });
    const words = new Int32Array(handle.pool);
    const place = { endOffset: space.size, threadCount: 1, thread: 0, words, minSlabBytes: 0 };
    const pool = new SlabPool(buddy, GRANULE, SLOT_SIZES.length, makeRoom, place);
    if (pool.cacheCount === 0) addSizeClasses(pool);
    return { buddy, pool };
  };
  // The first to come makes the size classes, and no other at the same time.
  return new LockedHeap(
    lock.locked(() => new Heap({ buffer: handle.buffer }, makeParts)),
    lock,
  );
}
