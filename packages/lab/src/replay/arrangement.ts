/** How a heap is arranged for the objects of a recording: which of them share a cache. */
import { KMALLOC, type ObjectStream, type RecordedCache } from "./object-stream.ts";

/** The arrangements that a replay knows. */
export type Arrangement =
  /** A cache for each of the recorded ones; what came from `kmalloc` or `malloc`, by `malloc`. */
  | "heap"
  /** Every object by `malloc`, in the heap's own size classes. */
  | "malloc"
  /** Slab caches only: size classes of the caller's in place of `malloc`'s; what is larger than all, by `malloc`. */
  | "slabs";

/** Sizes of the kernel's own kmalloc caches, in bytes. */
export const KMALLOC_CLASSES: readonly number[] = [
  8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192,
];

/** The same objects, arranged. `classes` rises. O(objects). */
export function arranged(
  stream: ObjectStream,
  arrangement: Arrangement,
  classes: readonly number[],
): ObjectStream {
  if (arrangement === "heap") return stream;
  if (arrangement === "malloc") {
    return { ...stream, caches: [], cacheOf: new Int32Array(stream.cacheOf.length).fill(KMALLOC) };
  }
  const ownClasses: RecordedCache[] = classes.map((size) => ({ name: `size-${size}`, objectSize: size }));
  const cacheOf = stream.cacheOf.map((cache, object) => {
    if (cache !== KMALLOC) return cache;
    const fitting = classes.findIndex((size) => size >= stream.bytesRequested[object]!);
    return fitting < 0 ? KMALLOC : stream.caches.length + fitting;
  });
  return { ...stream, caches: [...stream.caches, ...ownClasses], cacheOf };
}
