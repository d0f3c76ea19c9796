/** Every operation of a heap, done on one whose tables may be spoilt: each may throw an `AllocError`, and nothing else. */
import { AllocError, type Heap, type SlabCache } from "../../src/index.ts";
import { saveHeap } from "../../src/image/index.ts";
import type { Corruptible } from "./corruptible.ts";

const PAGE = 4096;

/** An operation, and its name. */
type Operation = [name: string, operation: () => unknown];

/** The operations on one cache. */
function onCache(cache: SlabCache): Operation[] {
  const offsets: number[] = [];
  return [
    ["allocateBulk", () => cache.allocateBulk(offsets, 12)],
    ["freeBulk", () => cache.freeBulk(offsets, Math.min(12, offsets.length))],
    ["cache.stats", () => cache.stats()],
    ["tryAllocate", () => cache.tryAllocate()],
    ["cache.shrink", () => cache.shrink()],
    ["allocate", () => cache.allocate()],
  ];
}

/** The operations on one allocation. */
function onAllocation(heap: Heap, offset: number): Operation[] {
  return [
    ["owns", () => heap.owns(offset)],
    ["cacheAt", () => heap.cacheAt(offset)],
    ["usableSize", () => heap.usableSize(offset)],
    ["realloc", () => heap.realloc(offset, 3000)],
    ["free", () => heap.free(offset)],
    ["free", () => heap.free(offset)],
    ["free", () => heap.free(offset + 16)],
  ];
}

/** All operations, in an order that makes each meet what those before it left. */
function operationsOn({ heap, caches, live }: Corruptible): Operation[] {
  const made: number[] = [];
  const malloc = (byteLength: number): Operation => [
    `malloc(${byteLength})`,
    () => made.push(heap.malloc(byteLength)),
  ];
  let array = new Float64Array(0);
  return [
    ...[16, 100, 200, 700, 5000, 8192, 3 * PAGE].map(malloc),
    ...Array.from({ length: 20 }, () => malloc(16)),
    ["malloc aligned", () => made.push(heap.malloc(100, 2 * PAGE))],
    ["tryMalloc", () => heap.tryMalloc(6 * PAGE)],
    ["calloc", () => made.push(heap.calloc(10, 100))],
    ["array", () => (array = heap.array(Float64Array, 100))],
    ["freeArray", () => heap.freeArray(array)],
    ...caches.flatMap(onCache),
    ...live.flatMap((offset) => onAllocation(heap, offset)),
    ...Array.from({ length: 12 }, (): Operation => ["free", () => heap.free(made.pop() ?? 0)]),
    ["createCache", () => heap.createCache({ name: "new", objectSize: 300 }).allocate()],
    ["openCache", () => heap.openCache("new").destroy()],
    ["stats", () => heap.stats()],
    ["snapshot", () => heap.snapshot()],
    ["saveHeap", () => saveHeap(heap)],
    ["check", () => heap.check()],
    ["shrink", () => heap.shrink()],
    ["grow", () => heap.grow(heap.maxSize)],
    ...Array.from({ length: 40 }, () => malloc(PAGE)),
    ["reset", () => heap.reset()],
    malloc(50),
    malloc(5 * PAGE),
  ];
}

/**
 * Does all operations, beginning with number `first` and coming round. Returns what the first of them threw that is no
 * `AllocError`, with its name; undefined when none did.
 */
export function exercise(subject: Corruptible, first: number): string | undefined {
  const operations = operationsOn(subject);
  for (let count = 0; count < operations.length; count++) {
    const [name, operation] = operations[(first + count) % operations.length]!;
    try {
      operation();
    } catch (error) {
      if (!(error instanceof AllocError)) return `${name} threw ${(error as Error).stack ?? String(error)}`;
    }
  }
  return undefined;
}
