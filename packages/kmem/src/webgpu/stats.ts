/** The figures of a GPU heap. */

/** Figures of a GPU heap at one moment. Sizes in bytes. */
export interface GpuHeapStats {
  /** Buffers that many allocations share. */
  blockBuffers: number;
  /** Buffers with one large allocation each. */
  dedicatedBuffers: number;
  /** Allocations, those included that `freeAfter` is to free and has not yet. */
  allocations: number;
  /** Allocations that `freeAfter` is to free and has not yet. */
  waitingFrees: number;
  /** Bytes of all buffers. */
  heldBytes: number;
  /** Bytes of the allocations, each rounded up to a multiple of the heap's alignment, and beyond by a sixteenth at most. */
  usedBytes: number;
  /** Bytes that are free in the buffers. */
  freeBytes: number;
  /** Pieces that the free bytes are in. */
  freeRanges: number;
  /** Bytes of the largest piece, 0 when nothing is free. */
  largestFreeBytes: number;
  /**
   * The share of holes in the shared buffers, 0 to 1: bytes that are free between allocations, the longest free tail of
   * a buffer left out of the count.
   */
  holes: number;
  /** Bytes of the heap's own tables, in JavaScript's memory. */
  metadataBytes: number;
}
