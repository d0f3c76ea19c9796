/**
 * Runs a million pairs of an allocation and a free, warmed up, and prints what the collector had to do: its runs, and
 * how much V8's own heap grew. Started by `garbage.test.ts` with `--expose-gc`; its argument names the calls.
 */

import { PerformanceObserver } from "node:perf_hooks";
import { BuddyAllocator, Heap, SlabCache } from "kmem";

const PAIR_COUNT = 1_000_000;
/** Pairs after which V8 has compiled the loop for good. */
const WARMUP_COUNT = 200_000;
/** Sizes of small objects, in turn, of several classes. */
const SIZES = [16, 24, 100, 500, 1024, 1500, 64, 2000];

/** Calls by name, each of one pair. */
function makePair(name: string): (round: number) => void {
  const heap = new Heap({ buffer: new ArrayBuffer(2 ** 22) });
  const buddy = new BuddyAllocator({ size: 2 ** 24 });
  const cache = new SlabCache(buddy, { name: "nodes", objectSize: 40 });
  const sizeOf = (round: number): number => SIZES[round % SIZES.length]!;
  const pairs: Record<string, (round: number) => void> = {
    malloc: (round) => heap.free(heap.malloc(sizeOf(round))),
    tryMalloc: (round) => heap.free(heap.tryMalloc(sizeOf(round))),
    runs: (round) => heap.free(heap.malloc(10_000 + 40 * sizeOf(round))),
    calloc: (round) => heap.free(heap.calloc(1, sizeOf(round))),
    realloc: (round) => heap.free(heap.realloc(heap.malloc(sizeOf(round)), sizeOf(round + 3))),
    slab: () => cache.free(cache.allocate()),
    buddy: (round) => buddy.free(buddy.allocate(round % 4)),
    // What the measurement itself would see.
    garbage: (round) => void (kept = { round }),
  };
  return pairs[name]!;
}

let kept: unknown;
const startsMs: number[] = [];
new PerformanceObserver((list) => {
  startsMs.push(...list.getEntries().map(({ startTime }) => startTime));
}).observe({ entryTypes: ["gc"] });
/** Node hands the collector's entries over in turns of its event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve));
}

const pair = makePair(process.argv[2] ?? "");
for (let round = 0; round < WARMUP_COUNT; round++) pair(round);
globalThis.gc!();
await settle();
const beganMs = performance.now();
const before = process.memoryUsage().heapUsed;
for (let round = 0; round < PAIR_COUNT; round++) pair(round);
const grownBytes = process.memoryUsage().heapUsed - before;
await settle();
const collections = startsMs.filter((startMs) => startMs >= beganMs).length;
console.log(JSON.stringify({ collections, grownBytes, kept: kept !== undefined }));
