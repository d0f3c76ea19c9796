/** A GPU buffer of a heap, and its span in the heap's space. */
import type { BufferLike, QueueLike } from "./device.ts";

/** The heap of a buffer, as far as the handles of its allocations need it. */
export interface AllocationOwner {
  /** Frees the allocation of that handle. */
  free(handle: object): void;
  /** Frees it once the queue is done. */
  freeAfter(handle: object, queue: QueueLike): void;
}

/** A buffer that allocations share, or one that a single large allocation has for itself. */
export interface BlockBuffer<Buffer extends BufferLike = BufferLike> {
  readonly buffer: Buffer;
  /** The heap that it belongs to. */
  readonly owner: AllocationOwner;
  /** The number of its span. */
  readonly span: number;
  /** The span's length, in granules. */
  readonly length: number;
  /** True when it was made for one allocation. */
  readonly isDedicated: boolean;
  /** Allocations in it. */
  allocationCount: number;
  /** True once its memory has been given back. */
  isDestroyed: boolean;
}
