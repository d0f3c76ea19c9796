export {
  BuddyAllocator,
  type BuddyBlock,
  type BuddyOptions,
  type BuddyRange,
  type BuddyStats,
} from "./buddy/buddy-allocator.ts";
export { AllocError, type AllocErrorCode, NONE, OutOfMemoryError, type OutOfMemoryFacts } from "./errors.ts";
export type { CheckStep } from "./inspect/check-round.ts";
export { externalFragmentationIndex, unusableFreeSpaceIndex } from "./inspect/fragmentation.ts";
export { Heap, type TypedArrayConstructor } from "./heap/heap.ts";
export type { HeapOptions } from "./heap/space.ts";
export type { HeapSnapshot, RangeSnapshot, SlabSnapshot } from "./heap/snapshot.ts";
export type { HeapStats } from "./heap/stats.ts";
export type { MemoryLike } from "./backing/backing.ts";
export type { SharedHeapHandle } from "./shared/handle.ts";
export type { SharedHeapOptions } from "./shared/options.ts";
export {
  type OwnedReport,
  type RecoveryReport,
  type SharedCheckStep,
  SharedHeap,
} from "./shared/shared-heap.ts";
export { SlabCache, type SlabCacheOptions } from "./slab/slab-cache.ts";
export type { SlabCacheStats } from "./slab/stats.ts";
