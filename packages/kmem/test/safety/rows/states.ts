/** Things used while they are walked through, in use, replaced or gone. */
import { BuddyAllocator } from "kmem";
import { allowed, not, PAGE, type Row, throws } from "../row.ts";

const ITERATION: Row = {
  group: "Freeing during iteration",
  name: "each block that `blocks()` gives",
  misuse: () => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    for (let count = 0; count < 5; count++) buddy.allocate(0);
    for (const { offset, free } of buddy.blocks()) if (!free) buddy.free(offset);
    buddy.check();
    if (buddy.freeBytes !== 16 * PAGE) throw new Error("a block was passed over");
  },
  byDefault: allowed("each used block comes once"),
  inDebug: allowed("each used block comes once"),
};

const CACHES: readonly Row[] = [
  {
    group: "Caches",
    name: "destroyed in use",
    misuse: ({ heap }) => {
      const cache = heap.createCache({ name: "nodes", objectSize: 40 });
      cache.allocate();
      cache.destroy();
    },
    byDefault: throws("IN_USE", 'cache "nodes" has 1 objects in use'),
    inDebug: throws("IN_USE", 'cache "nodes" has 1 objects in use'),
  },
  {
    group: "Caches",
    name: "used after it was destroyed",
    misuse: ({ heap }) => {
      const cache = heap.createCache({ name: "nodes", objectSize: 40 });
      cache.destroy();
      cache.allocate();
    },
    byDefault: throws("DETACHED", 'cache "nodes" was destroyed'),
    inDebug: throws("DETACHED", 'cache "nodes" was destroyed'),
  },
  {
    group: "Caches",
    name: "an object freed after its cache was destroyed",
    misuse: (scene) => {
      const cache = scene.heap.createCache({ name: "nodes", objectSize: 40 });
      const first = cache.allocate();
      const offset = scene.mark("A", cache.allocate());
      cache.free(first);
      cache.free(offset);
      cache.destroy();
      scene.heap.free(offset);
    },
    byDefault: throws("INVALID_FREE", "cannot free offset A: no page from 65536 to 655360 begins there"),
    inDebug: throws("DOUBLE_FREE", "cannot free offset A: its 40 bytes are free already"),
  },
  {
    group: "Caches",
    name: "a name taken twice",
    misuse: ({ heap }) => {
      heap.createCache({ name: "nodes", objectSize: 40 });
      heap.createCache({ name: "nodes", objectSize: 24 });
    },
    byDefault: throws("IN_USE", 'cache "nodes" exists already'),
    inDebug: throws("IN_USE", 'cache "nodes" exists already'),
  },
];

const DETACHED_FILL = throws(
  "TypeError",
  "Cannot perform %TypedArray%.prototype.fill on a detached or out-of-bounds ArrayBuffer",
);

const STALE: readonly Row[] = [
  {
    group: "Stale view after growth",
    name: "a write through an array from before the memory grew",
    hasMemory: true,
    misuse: ({ heap }) => {
      const array = heap.array(Uint8Array, 100);
      heap.grow(heap.size + 65536);
      array.fill(1);
    },
    byDefault: DETACHED_FILL,
    inDebug: DETACHED_FILL,
    inSharedDebug: allowed("an array on shared memory stays as it is when that grows"),
  },
  {
    group: "Stale view after growth",
    name: "an array from before the memory grew, freed",
    hasMemory: true,
    misuse: ({ heap }) => {
      const array = heap.array(Uint8Array, 100);
      heap.grow(heap.size + 65536);
      heap.freeArray(array);
      if (heap.stats().objects !== 0) throw new Error("it was not freed");
    },
    byDefault: allowed("the heap knows where it lies"),
    inDebug: allowed("the heap knows where it lies"),
  },
  {
    group: "Stale view after growth",
    name: "a view of one's own from before the memory grew, freed as an array",
    hasMemory: true,
    misuse: ({ heap }) => {
      const view = new Uint8Array(heap.buffer as ArrayBuffer, heap.malloc(100), 100);
      heap.grow(heap.size + 65536);
      heap.freeArray(view);
    },
    byDefault: throws("INVALID_FREE", "the array is not of this heap"),
    inDebug: throws("INVALID_FREE", "the array is not of this heap"),
  },
  {
    group: "Stale view after growth",
    name: "the heap's buffer transferred away, and asked for bytes",
    misuse: ({ heap }) => {
      const moved = structuredClone(heap.buffer, { transfer: [heap.buffer as ArrayBuffer] });
      if (moved.byteLength === 0) throw new Error("nothing was transferred");
      heap.calloc(1, 100);
    },
    endsBytes: true,
    byDefault: throws("DETACHED", "the heap's buffer was transferred or shrunk"),
    inDebug: throws("DETACHED", "the heap's buffer was transferred or shrunk"),
    inSharedDebug: throws("DataCloneError", "Found invalid value in transferList."),
  },
  {
    group: "Stale handle after `reset`",
    name: "freed, nothing being there",
    misuse: (scene) => {
      const offset = scene.mallocInPage("A", 100);
      scene.heap.reset();
      scene.heap.free(offset);
    },
    byDefault: throws("INVALID_FREE", "cannot free offset A: no page from 65536 to 655360 begins there"),
    inDebug: throws("DOUBLE_FREE", "cannot free offset A: its 100 bytes are free already"),
  },
  {
    group: "Stale handle after `reset`",
    name: "freed, its place being another's",
    misuse: (scene) => {
      const offset = scene.malloc("A", 100);
      scene.heap.reset();
      scene.malloc("B", 100);
      scene.heap.free(offset);
    },
    byDefault: not("the new owner's object is freed"),
    inDebug: throws("DOUBLE_FREE", "cannot free offset A: its 100 bytes are free already"),
  },
  {
    group: "Stale handle after `reset`",
    name: "resized, its place being another's",
    misuse: (scene) => {
      const offset = scene.malloc("A", 100);
      scene.heap.reset();
      scene.malloc("B", 100);
      scene.heap.realloc(offset, 200);
    },
    byDefault: not("the new owner's object is resized"),
    inDebug: throws("NOT_ALLOCATED", "no allocation begins at offset A"),
  },
  {
    group: "Stale handle after `reset`",
    name: "an object of a cache, freed, its place being another's",
    misuse: (scene) => {
      const cache = scene.heap.createCache({ name: "nodes", objectSize: 40 });
      const offset = scene.mark("A", cache.allocate());
      scene.heap.reset();
      scene.mark("B", cache.allocate());
      cache.free(offset);
    },
    byDefault: not("the new owner's object is freed"),
    inDebug: throws("DOUBLE_FREE", "cannot free offset A: its 40 bytes are free already"),
  },
];

const LEAKS: readonly Row[] = [
  {
    group: "Leak",
    name: "an allocation that outlives the scope it was made in",
    misuse: (scene) => {
      if (!scene.isDebug) {
        scene.heap.malloc(100);
        return;
      }
      const scope = scene.debugHeap.leakScope("loading");
      scene.malloc("A", 100);
      scope[Symbol.dispose]();
    },
    byDefault: not("`stats()` counts it, nothing says whose it is"),
    inDebug: throws("LEAKED", '1 allocations outlive scope "loading"'),
  },
];

export const STATE_ROWS: readonly Row[] = [ITERATION, ...CACHES, ...STALE, ...LEAKS];
