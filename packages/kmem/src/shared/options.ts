/** What a shared heap is made from. */
import type { MemoryLike } from "../backing/backing.ts";
import { roundUp } from "../bits/integers.ts";
import { argumentError, requireInteger, requirePowerOfTwo } from "../errors.ts";
import { heapSpace, type HeapSpace } from "../heap/space.ts";
import { MAX_THREADS, type SharedGeometry } from "./layout.ts";

/** What a shared heap manages, and for how many threads. */
export interface SharedHeapOptions {
  /** Bytes in the heap. Without `buffer` or `memory`, a `SharedArrayBuffer` of so many is made. */
  size?: number;
  /** The bytes: a `SharedArrayBuffer`, growable or not. */
  buffer?: SharedArrayBuffer;
  /** The bytes: a shared `WebAssembly.Memory`. */
  memory?: MemoryLike;
  /** Bytes that the heap may grow to when it runs out. Default: what the buffer or memory allows; else `size`. */
  maxSize?: number;
  /** The offset of the heap's first byte, rounded up to a whole page. Default 0. */
  base?: number;
  /** Bytes in a page; a power of two from 512 to 2^20. Default 4096. */
  pageSize?: number;
  /** The most threads that are attached at a time, 1 to 254. Default 16. */
  maxThreads?: number;
  /** The most named caches that are ever made, 0 to 512. Default 32. */
  maxCaches?: number;
  /** Keep for each allocation which thread made it, for `recover` and `freeOwnedBy`: a byte for 16. Default false. */
  trackOwners?: boolean;
  /** Set every allocation's bytes to zero. Default false. */
  zero?: boolean;
  /**
   * Milliseconds for which one thread may hold the lock before those that wait for it get `STALLED`, 1 to 2^30.
   * Default 5000.
   */
  stallMs?: number;
}

/** A heap that is to be made. */
export interface HeapPlan {
  readonly geometry: SharedGeometry;
  readonly space: HeapSpace;
  readonly bytes: { buffer: SharedArrayBuffer } | { memory: MemoryLike };
}

/** The geometry that options ask for, and the bytes. Throws as the constructor of `Heap` does. */
export function planHeap(options: SharedHeapOptions): HeapPlan {
  const { size, memory } = options;
  const pageSize = requireInteger("pageSize", options.pageSize ?? 4096, 512, 2 ** 20);
  const maxThreads = requireInteger("maxThreads", options.maxThreads ?? 16, 1, MAX_THREADS);
  const maxCaches = requireInteger("maxCaches", options.maxCaches ?? 32, 0, 512);
  const stallMs = requireInteger("stallMs", options.stallMs ?? 5000, 1, 2 ** 30);
  let { buffer } = options;
  if (buffer !== undefined && !(buffer instanceof SharedArrayBuffer)) {
    throw argumentError("buffer", "a SharedArrayBuffer", buffer);
  }
  if (memory !== undefined && !(memory?.buffer instanceof SharedArrayBuffer)) {
    throw argumentError("memory", "a shared WebAssembly.Memory", memory);
  }
  if (buffer === undefined && memory === undefined) {
    requireInteger("size", size, 1, 2 ** 32);
    const given = requireInteger("base", options.base ?? 0, 0, 2 ** 32 - (size as number));
    const base = roundUp(given, requirePowerOfTwo("pageSize", pageSize));
    const most = requireInteger("maxSize", options.maxSize ?? size, size as number, 2 ** 32 - base);
    const byteLength = base + (size as number);
    buffer =
      most > (size as number)
        ? new SharedArrayBuffer(byteLength, { maxByteLength: base + most })
        : new SharedArrayBuffer(byteLength);
  }
  const bytes = memory === undefined ? { buffer: buffer as SharedArrayBuffer } : { memory };
  const { space } = heapSpace({ ...options, ...bytes, pageSize });
  return {
    space,
    bytes,
    geometry: {
      ...space,
      maxThreads,
      maxCaches,
      trackOwners: options.trackOwners === true,
      zero: options.zero === true,
      stallMs,
    },
  };
}
