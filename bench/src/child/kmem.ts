/**
 * kmem's three allocators as the loop sees them.
 *
 * The fields are declared with `declare`, so that they come into being by the constructor's assignment. V8 takes
 * a field of a constant object for a constant as long as it was written once; a field that a class body
 * declares without a value is written twice, first with undefined. The difference is 10 ns a pair.
 */

import { BuddyAllocator, Heap, SlabCache } from "kmem";
import * as layout from "../stream/layout.ts";
import { PAGE_BYTES } from "../workloads/workload.ts";
import {
  createOffsetTable,
  FIRST_HEAP_BYTES,
  type Adapter,
  type AdapterOptions,
  type OffsetTable,
} from "./adapter.ts";

/** Constants of this module: see `offset-loop.ts`. */
const { KIND_CALLOC, KIND_REALLOC, alignedSizeOf, alignmentOf } = layout;

function refuse(kind: number): never {
  throw new Error(`this allocator knows no operation of kind ${kind}`);
}

/** Makes a heap that begins small and grows within `buffer`. */
type MakeHeap = (options: { buffer: ArrayBuffer; size: number }) => Heap;

/** A byte heap that begins small and grows within an array buffer of the whole size, with all of its checks on. */
export class HeapAdapter implements Adapter {
  declare readonly words: Int32Array;
  declare private heap: Heap;

  constructor(spaceBytes: number, isVariable: boolean, makeHeap: MakeHeap) {
    const buffer = new ArrayBuffer(spaceBytes);
    // A field that was written twice is no constant to V8: so it looks to a function that is handed its heap.
    this.heap = makeHeap({ buffer, size: FIRST_HEAP_BYTES });
    if (isVariable) this.heap = makeHeap({ buffer, size: FIRST_HEAP_BYTES });
    this.words = new Int32Array(buffer);
  }

  allocate(byteLength: number): number {
    return this.heap.malloc(byteLength);
  }

  allocateOtherwise(kind: number, old: number, argument: number): number {
    if (kind === KIND_REALLOC) return this.heap.realloc(old, argument);
    if (kind === KIND_CALLOC) return this.heap.calloc(1, argument);
    return this.heap.malloc(alignedSizeOf(argument), alignmentOf(argument));
  }

  free(offset: number): void {
    this.heap.free(offset);
  }

  createTable(slotCount: number): OffsetTable {
    return createOffsetTable(slotCount, this.words.byteLength);
  }

  footprintBytes(): number {
    const stats = this.heap.stats();
    return stats.heldBytes + stats.metadataBytes;
  }
}

/** A buddy allocator over an offset-only space. */
class BuddyAdapter implements Adapter {
  readonly words = undefined;
  declare private readonly buddy: BuddyAllocator;

  constructor(spaceBytes: number) {
    this.buddy = new BuddyAllocator({ size: spaceBytes, pageSize: PAGE_BYTES });
  }

  allocate(order: number): number {
    return this.buddy.allocate(order);
  }

  allocateOtherwise(kind: number): number {
    return refuse(kind);
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
class SlabAdapter implements Adapter {
  readonly words = undefined;
  declare private readonly buddy: BuddyAllocator;
  declare private readonly cache: SlabCache;
  declare private readonly spaceBytes: number;

  constructor(spaceBytes: number, objectBytes: number) {
    this.spaceBytes = spaceBytes;
    this.buddy = new BuddyAllocator({ size: spaceBytes, pageSize: PAGE_BYTES });
    this.cache = new SlabCache(this.buddy, { name: "bench", objectSize: objectBytes });
  }

  allocate(): number {
    return this.cache.allocate();
  }

  allocateOtherwise(kind: number): number {
    return refuse(kind);
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
      return new HeapAdapter(spaceBytes, isVariable, (options) => new Heap(options));
    case "buddy":
      return new BuddyAdapter(spaceBytes);
    case "slab":
      return new SlabAdapter(spaceBytes, objectBytes);
  }
}
