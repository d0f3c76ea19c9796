export { DebugCache, type DebugCacheOptions } from "./debug-cache.ts";
export { DebugHeap, type DebugHeapOptions } from "./debug-heap.ts";
export type { DebugHeapStats } from "./debug-stats.ts";
export type { FaultOptions } from "./faults.ts";
export { type Leak, LeakScope, leakText } from "./leaks.ts";
export { DEBUG_PRESETS, type DebugOptions, type DebugPreset, type GuardOptions } from "./options.ts";
export { FREED_BYTE, FRESH_BYTE, ZONE_BYTE } from "./patterns.ts";
export type { Pressure } from "./pressure.ts";
export { RefusedError } from "./refused-error.ts";
export {
  type DebugAttachOptions,
  DebugSharedHeap,
  type DebugSharedHeapHandle,
  type DebugSharedHeapOptions,
} from "./shared/debug-shared-heap.ts";
export type { SharedDebugOptions, ThreadDebugOptions } from "./shared/options.ts";
