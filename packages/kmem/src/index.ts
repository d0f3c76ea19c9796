export {
  BuddyAllocator,
  type BuddyBlock,
  type BuddyOptions,
  type BuddyRange,
  type BuddyStats,
} from "./buddy/buddy-allocator.ts";
export { AllocError, type AllocErrorCode, NONE, OutOfMemoryError, type OutOfMemoryFacts } from "./errors.ts";
export { externalFragmentationIndex, unusableFreeSpaceIndex } from "./inspect/fragmentation.ts";
