/** One worker of a scenario: it does its part between GO and STOP, first to warm up, then to be measured. */

import { Heap, SharedHeap, type SharedHeapHandle } from "kmem";
import { parentPort, workerData } from "node:worker_threads";
import { createRandom, integerBelow } from "../src/random.ts";
import * as S from "./scenario.ts";

const { scenario, index, handle, lockedUrl, control, ring, timesLock } = workerData as S.WorkerTask;
const words = new Int32Array(control);
const slots = new Int32Array(ring);

interface Allocator {
  malloc(byteLength: number): number;
  free(offset: number): void;
}

// A constant of the module, as a worker's heap is; V8 then knows its tables.
const heap = await open();

async function open(): Promise<Allocator> {
  if (scenario.subject === "heap") return new Heap({ buffer: new SharedArrayBuffer(S.HEAP_BYTES) });
  if (scenario.subject === "shared") return SharedHeap.attach(handle as SharedHeapHandle);
  const { attachLockedHeap } = (await import(lockedUrl)) as {
    attachLockedHeap(handle: unknown, thread: number): Allocator;
  };
  return attachLockedHeap(handle, index);
}

/** Operations between two looks at STOP, and entries of the tables of random numbers. */
const CHUNK = 4096;
const TABLE_MASK = 65535;
const next = createRandom(index + 1);
const below = (limit: number): number => integerBelow(next, limit);
const sizes = Uint16Array.from(
  { length: TABLE_MASK + 1 },
  () => S.MIN_BYTES + below(S.MAX_BYTES - S.MIN_BYTES + 1),
);
const victims = Uint16Array.from({ length: TABLE_MASK + 1 }, () => below(S.LIVE_COUNT));
const live = new Float64Array(S.LIVE_COUNT);
let at = 0;

/** CHUNK random replacements. */
function replaceSome(): number {
  for (let count = 0; count < CHUNK; count++) {
    at = (at + 1) & TABLE_MASK;
    const victim = victims[at]!;
    heap.free(live[victim]!);
    live[victim] = heap.malloc(sizes[at]!);
  }
  return CHUNK;
}

let head = 0;
let tail = 0;

/** Looks at the other side in vain before this one sleeps, and milliseconds of sleep: well below a ring's worth of work. */
const IDLE_LOOKS = 100;
const IDLE_MS = 0.05;
let idleLooks = 0;
/** A word that nobody changes, to sleep on. */
const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Notes that there were `count` objects to move; sleeps where there have been none for a while. */
function rest(count: number): void {
  if (count > 0) idleLooks = 0;
  else if (++idleLooks > IDLE_LOOKS) Atomics.wait(nobody, 0, 0, IDLE_MS);
}

/** Allocates up to CHUNK objects into the ring. */
function produceSome(): number {
  const room = S.RING_COUNT - ((head - Atomics.load(words, S.TAIL)) | 0);
  const end = head + Math.min(room, CHUNK);
  const first = head;
  while (head < end) {
    at = (at + 1) & TABLE_MASK;
    slots[head & (S.RING_COUNT - 1)] = heap.malloc(sizes[at]!);
    head++;
    if (head % S.RING_BATCH === 0) Atomics.store(words, S.HEAD, head | 0);
  }
  Atomics.store(words, S.HEAD, head | 0);
  rest(head - first);
  return (head - first) / 2;
}

/** Frees up to CHUNK objects of the ring. */
function consumeSome(): number {
  const count = Math.min((Atomics.load(words, S.HEAD) - tail) | 0, CHUNK);
  const end = tail + count;
  while (tail < end) {
    heap.free(slots[tail & (S.RING_COUNT - 1)]! >>> 0);
    tail++;
    if (tail % S.RING_BATCH === 0) Atomics.store(words, S.TAIL, tail | 0);
  }
  Atomics.store(words, S.TAIL, tail | 0);
  rest(count);
  return count / 2;
}

function bothSome(): number {
  return produceSome() + consumeSome();
}

function partOf(): () => number {
  if (scenario.pattern === "own") return replaceSome;
  if (scenario.workerCount === 1) return bothSome;
  return index % 2 === 0 ? produceSome : consumeSome;
}

const holdsUs: number[] = [];

/** Notes how long each hold of a SharedHeap's lock takes. Reaches into the heap: no user can. */
function timeLock(): void {
  const lock = (heap as unknown as { lock: { acquire(): void; release(): void; depth: number } }).lock;
  const acquire = lock.acquire.bind(lock);
  const release = lock.release.bind(lock);
  let since = 0;
  lock.acquire = () => {
    acquire();
    if (lock.depth === 1) since = performance.now();
  };
  lock.release = () => {
    if (lock.depth === 1) holdsUs.push(1000 * (performance.now() - since));
    release();
  };
}

if (scenario.pattern === "own")
  for (let slot = 0; slot < S.LIVE_COUNT; slot++) live[slot] = heap.malloc(sizes[slot]!);
if (timesLock) timeLock();
const doSome = partOf();

// Periods are numbered from 1; the first is for warming up. The main thread counts GO up, and STOP when one is over.
parentPort!.postMessage("ready");
for (let period = 1; period <= 2; period++) {
  while (Atomics.load(words, S.GO) < period) Atomics.wait(words, S.GO, period - 1);
  holdsUs.length = 0;
  let pairs = 0;
  const start = performance.now();
  const cpuStart = process.threadCpuUsage();
  while (Atomics.load(words, S.STOP) < period) pairs += doSome();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.threadCpuUsage(cpuStart);
  const cpuSeconds = (user + system) / 1e6;
  holdsUs.sort((a, b) => a - b);
  parentPort!.postMessage({ pairs, seconds, cpuSeconds, holdsUs } satisfies S.WorkerReport);
}
