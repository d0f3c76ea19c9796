export { alignmentFor } from "./alignment.ts";
export {
  type BufferDescriptor,
  type BufferLike,
  type BufferOf,
  type DeviceLike,
  type EncoderLike,
  type LimitsLike,
  type QueueLike,
} from "./device.ts";
export type { GpuAllocation, GpuMove } from "./gpu-allocation.ts";
export {
  type CopyOptions,
  type Defragmentation,
  type DefragmentOptions,
  GpuHeap,
  type GpuHeapOptions,
} from "./gpu-heap.ts";
export type { GpuHeapStats } from "./stats.ts";
