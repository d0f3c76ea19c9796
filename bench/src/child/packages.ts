/** Allocators that npm has, written in JavaScript: they work in an array buffer and keep their lists in it. */

import { createRequire } from "node:module";
import { MemPool } from "@thi.ng/malloc";
import { KIND_CALLOC, KIND_REALLOC } from "../stream/layout.ts";
import { createOffsetTable, type Adapter, type AdapterOptions, type OffsetTable } from "./adapter.ts";

/** `@thi.ng/malloc`, with its defaults but for the alignment, which is that of the others. */
class MemPoolAdapter implements Adapter {
  declare readonly words: Int32Array;
  declare private readonly pool: MemPool;

  constructor(spaceBytes: number) {
    const buffer = new ArrayBuffer(spaceBytes);
    this.pool = new MemPool({ buf: buffer, align: 16 });
    this.words = new Int32Array(buffer);
  }

  allocate(byteLength: number): number {
    const offset = this.pool.malloc(byteLength);
    if (offset === 0 && byteLength > 0) throw new Error("@thi.ng/malloc is out of memory");
    return offset;
  }

  allocateOtherwise(kind: number, old: number, argument: number): number {
    if (kind === KIND_REALLOC) return old === 0 ? this.allocate(argument) : this.pool.realloc(old, argument);
    if (kind === KIND_CALLOC) return this.pool.calloc(argument);
    throw new Error("@thi.ng/malloc knows no alignment of a single allocation");
  }

  free(offset: number): void {
    this.pool.free(offset);
  }

  createTable(slotCount: number): OffsetTable {
    return createOffsetTable(slotCount, this.words.byteLength);
  }

  footprintBytes(): number {
    return this.pool.stats().top;
  }
}

/** The part of the package `malloc` that is used; it has no types of its own. */
interface SkipListAllocator {
  alloc(byteLength: number): number;
  calloc(byteLength: number): number;
  free(offset: number): number;
  sizeOf(offset: number): number;
  inspect(): {
    readonly blocks: readonly { readonly type: string; readonly offset: number; readonly size: number }[];
  };
}

/** The package `malloc`: free blocks in a skip list. */
class SkipListAdapter implements Adapter {
  declare readonly words: Int32Array;
  declare private readonly bytes: Uint8Array;
  declare private readonly allocator: SkipListAllocator;

  constructor(spaceBytes: number) {
    const buffer = new ArrayBuffer(spaceBytes);
    const Allocator = createRequire(import.meta.url)("malloc") as new (
      buffer: ArrayBuffer,
    ) => SkipListAllocator;
    this.allocator = new Allocator(buffer);
    this.words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  allocate(byteLength: number): number {
    const offset = this.allocator.alloc(Math.max(byteLength, 1));
    if (offset === 0) throw new Error("malloc is out of memory");
    return offset;
  }

  allocateOtherwise(kind: number, old: number, argument: number): number {
    if (kind === KIND_CALLOC) return this.allocator.calloc(Math.max(argument, 1));
    if (kind !== KIND_REALLOC) throw new Error("the package malloc knows no alignment");
    const offset = this.allocate(argument);
    this.bytes.copyWithin(offset, old, old + Math.min(argument, this.allocator.sizeOf(old)));
    this.allocator.free(old);
    return offset;
  }

  free(offset: number): void {
    this.allocator.free(offset);
  }

  createTable(slotCount: number): OffsetTable {
    return createOffsetTable(slotCount, this.words.byteLength);
  }

  /** Up to the end of the last used block. */
  footprintBytes(): number {
    const used = this.allocator.inspect().blocks.filter(({ type }) => type === "used");
    return used.reduce((end, { offset, size }) => Math.max(end, offset + size), 0);
  }
}

/** @returns the adapter of the package that the task names */
export function createAdapter({ task }: AdapterOptions): Adapter {
  return task.allocator === "mem-pool"
    ? new MemPoolAdapter(task.spaceBytes)
    : new SkipListAdapter(task.spaceBytes);
}
