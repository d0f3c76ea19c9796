export type { CAllocator, CAllocatorOptions, CHeap } from "./c-allocator.ts";
export {
  type GivenHeapOptions,
  type WasmAllocator,
  wasmAllocator,
  type WasmHeapOptions,
} from "./wasm-allocator.ts";
