/** Allocators that npm has, written in JavaScript: they work in an array buffer and keep their lists in it. */

import { createRequire } from "node:module";
import { MemPool } from "@thi.ng/malloc";
import {
  createOffsetTable,
  type Adapter,
  type AdapterOptions,
  type Allocator,
  type OffsetTable,
} from "./adapter.ts";

/** `@thi.ng/malloc`, with its defaults but for the alignment, which is that of the others. */
class MemPoolAdapter implements Adapter, Allocator {
  declare readonly allocator: Allocator;
  declare readonly words: Int32Array;
  declare private readonly pool: MemPool;

  constructor(spaceBytes: number) {
    const buffer = new ArrayBuffer(spaceBytes);
    this.pool = new MemPool({ buf: buffer, align: 16 });
    this.allocator = this;
    this.words = new Int32Array(buffer);
  }

  malloc(byteLength: number, align?: number): number {
    if (align !== undefined) throw new Error("@thi.ng/malloc knows no alignment of a single allocation");
    const offset = this.pool.malloc(byteLength);
    if (offset === 0 && byteLength > 0) throw new Error("@thi.ng/malloc is out of memory");
    return offset;
  }

  calloc(count: number, byteLength: number): number {
    return this.pool.calloc(count * byteLength);
  }

  realloc(old: number, byteLength: number): number {
    return old === 0 ? this.malloc(byteLength) : this.pool.realloc(old, byteLength);
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
class SkipListAdapter implements Adapter, Allocator {
  declare readonly allocator: Allocator;
  declare readonly words: Int32Array;
  declare private readonly bytes: Uint8Array;
  declare private readonly list: SkipListAllocator;

  constructor(spaceBytes: number) {
    const buffer = new ArrayBuffer(spaceBytes);
    const SkipList = createRequire(import.meta.url)("malloc") as new (
      buffer: ArrayBuffer,
    ) => SkipListAllocator;
    this.list = new SkipList(buffer);
    this.allocator = this;
    this.words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  malloc(byteLength: number, align?: number): number {
    if (align !== undefined) throw new Error("the package malloc knows no alignment");
    const offset = this.list.alloc(Math.max(byteLength, 1));
    if (offset === 0) throw new Error("malloc is out of memory");
    return offset;
  }

  calloc(count: number, byteLength: number): number {
    return this.list.calloc(Math.max(count * byteLength, 1));
  }

  realloc(old: number, byteLength: number): number {
    const offset = this.malloc(byteLength);
    this.bytes.copyWithin(offset, old, old + Math.min(byteLength, this.list.sizeOf(old)));
    this.list.free(old);
    return offset;
  }

  free(offset: number): void {
    this.list.free(offset);
  }

  createTable(slotCount: number): OffsetTable {
    return createOffsetTable(slotCount, this.words.byteLength);
  }

  /** Up to the end of the last used block. */
  footprintBytes(): number {
    const used = this.list.inspect().blocks.filter(({ type }) => type === "used");
    return used.reduce((end, { offset, size }) => Math.max(end, offset + size), 0);
  }
}

/** @returns the adapter of the package that the task names */
export function createAdapter({ task }: AdapterOptions): Adapter {
  return task.allocator === "mem-pool"
    ? new MemPoolAdapter(task.spaceBytes)
    : new SkipListAdapter(task.spaceBytes);
}
