// What the main thread and the workers of the pool say to each other: offsets, never bytes.

import type { SharedHeapHandle } from "kmem";

/** Bytes of a digest. */
export const DIGEST_BYTES = 32;

/** What a worker is started with. */
export interface Start {
  readonly handle: SharedHeapHandle;
  /** Its number in the heap, so that the main thread knows whom to recover. */
  readonly threadId: number;
}

/** To a worker: hash these bytes, and free them. With `dies`, the worker dies before it has done the latter, or told. */
export interface Job {
  readonly chunk: number;
  readonly offset: number;
  readonly byteLength: number;
  readonly dies: boolean;
}

/** From a worker: where the digest lies. Whoever hears of it frees it. */
export interface Done {
  readonly chunk: number;
  readonly digestOffset: number;
}
