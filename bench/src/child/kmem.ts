/**
 * kmem's three allocators as the loop sees them.
 *
 * The fields are declared with `declare`, so that they come into being by the constructor's assignment. V8 takes
 * a field of a constant object for a constant as long as it was written once; a field that a class body
 * declares without a value is written twice, first with undefined. The difference is 10 ns a pair.
 */

import { BuddyAllocator, Heap, SlabCache } from "kmem";
import { PAGE_BYTES } from "../workloads/workload.ts";
import {
  createOffsetTable,
  FIRST_HEAP_BYTES,
  type Adapter,
  type AdapterOptions,
  type Allocator,
  type OffsetTable,
} from "./adapter.ts";

function refuse(): never {
  throw new Error("this allocator knows malloc and free alone");
}

/** Makes a heap that begins small and grows within `buffer`. */
type MakeHeap<Buffer> = (options: { buffer: Buffer; size: number }) => Heap;

/** A byte heap that begins small and grows within a buffer of the whole size, with all of its checks on. */
export class HeapAdapter<Buffer extends ArrayBufferLike> implements Adapter {
  declare readonly words: Int32Array;
  declare allocator: Heap;

  constructor(buffer: Buffer, isVariable: boolean, makeHeap: MakeHeap<Buffer>) {
    // A field that was written twice is no constant to V8: so it looks to a function that is handed its heap.
    this.allocator = makeHeap({ buffer, size: FIRST_HEAP_BYTES });
    if (isVariable) this.allocator = makeHeap({ buffer, size: FIRST_HEAP_BYTES });
    this.words = new Int32Array(buffer);
  }

  createTable(slotCount: number): OffsetTable {
    return createOffsetTable(slotCount, this.words.byteLength);
  }

  footprintBytes(): number {
    const stats = this.allocator.stats();
    return stats.heldBytes + stats.metadataBytes;
  }
}

/** A buddy allocator over an offset-only space. */
class BuddyAdapter implements Adapter, Allocator {
  declare readonly allocator: Allocator;
  readonly words = undefined;
  declare private readonly buddy: BuddyAllocator;

  constructor(spaceBytes: number) {
    this.buddy = new BuddyAllocator({ size: spaceBytes, pageSize: PAGE_BYTES });
    this.allocator = this;
  }

  malloc(order: number): number {
    return this.buddy.allocate(order);
  }

  calloc(): number {
    return refuse();
  }

  realloc(): number {
    return refuse();
  }

  free(offset: number): void {
    this.buddy.free(offset);
  }

  /** Always the widest kind: the workloads reach 1e7 pages, and a change of kind on the way would show as growth. */
  createTable(slotCount: number): OffsetTable {
    return new Float64Array(slotCount);
  }

  footprintBytes(): number {
    const { allocatedPages, metadataBytes } = this.buddy.stats();
    return allocatedPages * PAGE_BYTES + metadataBytes;
  }
}

/** A slab cache on a buddy allocator of its own. */
class SlabAdapter implements Adapter, Allocator {
  declare readonly allocator: Allocator;
  readonly words = undefined;
  declare private readonly buddy: BuddyAllocator;
  declare private readonly cache: SlabCache;
  declare private readonly spaceBytes: number;

  constructor(spaceBytes: number, objectBytes: number) {
    this.spaceBytes = spaceBytes;
    this.buddy = new BuddyAllocator({ size: spaceBytes, pageSize: PAGE_BYTES });
    this.cache = new SlabCache(this.buddy, { name: "bench", objectSize: objectBytes });
    this.allocator = this;
  }

  malloc(): number {
    return this.cache.allocate();
  }

  calloc(): number {
    return refuse();
  }

  realloc(): number {
    return refuse();
  }

  free(offset: number): void {
    this.cache.free(offset);
  }

  createTable(slotCount: number): OffsetTable {
    return createOffsetTable(slotCount, this.spaceBytes);
  }

  footprintBytes(): number {
    // The tables of a cache's slabs are in no figure that it reports.
    const { allocatedPages, metadataBytes } = this.buddy.stats();
    return allocatedPages * PAGE_BYTES + metadataBytes;
  }
}

/** @returns kmem's allocator for the target */
export function createAdapter({ task, objectBytes }: AdapterOptions): Adapter {
  const { target, spaceBytes, isVariable } = task;
  switch (target) {
    case "heap":
    case "aligned":
      return new HeapAdapter(new ArrayBuffer(spaceBytes), isVariable, (options) => new Heap(options));
    case "buddy":
      return new BuddyAdapter(spaceBytes);
    case "slab":
      return new SlabAdapter(spaceBytes, objectBytes);
  }
}
