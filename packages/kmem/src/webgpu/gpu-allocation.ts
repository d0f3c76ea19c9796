/**
 * The handle of an allocation in a GPU heap: an object that stays the same while defragmentation moves the bytes.
 *
 * Whoever keeps a copy of `buffer` or `offset` (a bind group does) makes it anew when `version` has changed, or when
 * `onMove` is called.
 */
import { AllocError, NONE } from "../errors.ts";
import type { BlockBuffer } from "./block-buffer.ts";
import type { BufferLike, QueueLike } from "./device.ts";

/** A move of an allocation's bytes. */
export interface GpuMove<Buffer extends BufferLike = BufferLike> {
  /** What was moved; its fields tell the new place. */
  readonly allocation: GpuAllocation<Buffer>;
  /** The buffer that it was in. That may be destroyed by now. */
  readonly fromBuffer: Buffer;
  /** Its offset there, in bytes. */
  readonly fromOffset: number;
}

/** The fields of a handle that only its heap writes. */
interface Place<Buffer extends BufferLike> {
  block: BlockBuffer<Buffer>;
  offset: number;
  version: number;
  range: number;
  ending: AllocError | "freeing" | undefined;
}

/** Bytes in a GPU buffer. Made by `GpuHeap.allocate`. */
export class GpuAllocation<Buffer extends BufferLike = BufferLike> {
  /** Where in the buffer they begin, in bytes; a multiple of the alignment asked for. */
  declare readonly offset: number;
  /** How many they are: what was asked for, rounded up to a multiple of 4 as bindings and copies demand. */
  declare readonly size: number;
  /** How often they were moved. */
  declare readonly version: number;
  /** Set to true to keep defragmentation from moving them. Default false. */
  declare pinned: boolean;
  /** Called after `defragment` has moved them. Default: nothing. */
  declare onMove: ((move: GpuMove<Buffer>) => void) | undefined;
  /** For the heap: the buffer it is in, with the heap's notes on that. */
  declare readonly block: BlockBuffer<Buffer>;
  /** For the heap: its alignment in granules. */
  declare readonly align: number;
  /** For the heap: its number in the heap's space, `NONE` once it is freed. */
  declare readonly range: number;
  /** For the heap: that it is to be freed when the GPU is done, or why its bytes are gone. */
  declare readonly ending: AllocError | "freeing" | undefined;

  /** Made by a heap only. */
  constructor(block: BlockBuffer<Buffer>, offset: number, size: number, align: number, range: number) {
    this.block = block;
    this.range = range;
    this.offset = offset;
    this.size = size;
    if (align > 1) this.align = align;
  }

  /** How it ended: freed, to be freed when the GPU is done, or lost with its buffer; undefined while it lives. */
  get end(): AllocError | "freed" | "freeing" | undefined {
    return this.range === NONE ? "freed" : this.ending;
  }

  /** The buffer that the bytes are in now. */
  get buffer(): Buffer {
    return this.block.buffer;
  }

  /**
   * Frees the bytes at once. Work that was submitted before still finds them: the queue does things in order. Throws
   * `AllocError` `DOUBLE_FREE` when that was done before. O(1).
   */
  free(): void {
    this.block.owner.free(this);
  }

  /**
   * Frees the bytes once the GPU has done what has been submitted to `queue`, and what the code that runs now will
   * submit before it ends or awaits. From now on the handle counts as freed. Throws as `free` does. O(1).
   */
  freeAfter(queue: QueueLike): void {
    this.block.owner.freeAfter(this, queue);
  }

  /** `free`, so that `using` works. Nothing happens when it is freed already. */
  [Symbol.dispose](): void {
    if (this.end === undefined) this.free();
  }
}

// What few handles have is theirs only once it is set: so a handle takes 56 bytes instead of 96, and more of them fit in
// the processor's caches.
Object.assign(GpuAllocation.prototype, { version: 0, pinned: false, align: 1 });

/** Throws `AllocError` `NOT_ALLOCATED` when `allocation` is freed, or why its bytes are gone. */
export function requireLive({ end, offset }: { readonly end: unknown; readonly offset: number }): void {
  if (end === undefined) return;
  throw end instanceof AllocError ? end : new AllocError("NOT_ALLOCATED", "the allocation was freed", offset);
}

/** The fields that only the heap writes, for the heap to write. */
export function writable<Buffer extends BufferLike>(allocation: GpuAllocation<Buffer>): Place<Buffer> {
  return allocation;
}
