export { loadHeap, type LoadOptions } from "./load-heap.ts";
export { saveHeap } from "./save-heap.ts";
