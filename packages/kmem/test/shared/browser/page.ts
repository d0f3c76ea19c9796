// The page's own thread, which may never wait: a global for the test to call, bundled by it.

import { SharedHeap } from "../../../src/index.ts";
import type { Command } from "./worker.ts";

interface PageWorker {
  addEventListener(type: "message", listener: (event: { data: unknown }) => void, once: { once: true }): void;
  addEventListener(type: "error", listener: (event: { message: string }) => void, once: { once: true }): void;
  postMessage(command: Command): void;
  terminate(): void;
}
declare const Worker: new (url: string) => PageWorker;
declare const crossOriginIsolated: boolean;

/** What the scenario saw. */
export interface Report {
  readonly isIsolated: boolean;
  /** Calls of `Atomics.wait` on this thread, but for those with a time of 0, which ask whether it may wait. */
  readonly waits: number;
  readonly threads: readonly unknown[];
  /** Objects whose bytes were not what their maker wrote. */
  readonly changed: number;
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  /** The size as another worker saw it after it grew. */
  readonly sizeThere: unknown;
  /** Rounds of allocating and freeing on this thread beside the worker that was terminated. */
  readonly rounds: number;
  readonly owned: number;
  readonly freed: number;
  readonly objectsLeft: number;
}

/** Sends a command and waits for the answer. */
function ask(worker: PageWorker, command: Command): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => resolve(data), { once: true });
    worker.addEventListener("error", ({ message }) => reject(new Error(message)), { once: true });
    worker.postMessage(command);
  });
}

let waits = 0;
const realWait = Atomics.wait;
Atomics.wait = ((words: Int32Array, at: number, value: number, timeoutMs?: number) => {
  if (timeoutMs !== 0) {
    waits++;
    throw new Error("Atomics.wait on the page's own thread");
  }
  return realWait(words, at, value, timeoutMs);
}) as typeof Atomics.wait;

async function share(): Promise<Report> {
  const heap = SharedHeap.create({ size: 2 ** 17, maxSize: 2 ** 22, maxThreads: 4, trackOwners: true });
  const one = new Worker("worker.js");
  const other = new Worker("worker.js");
  const { handle } = heap;
  const threads = [await ask(one, { name: "attach", handle }), await ask(other, { name: "attach", handle })];
  const sizeBefore = heap.size;
  // More than there is: the worker has to grow the heap, and this thread has to see the bytes.
  const offsets = (await ask(one, { name: "allocate", count: 5000 })) as number[];
  const bytes = new Uint8Array(heap.buffer);
  const changed = offsets.filter(
    (offset, index) => bytes[offset] !== index % 256 || bytes[offset + 99] !== index % 256,
  );
  for (const offset of offsets.slice(0, 2500)) heap.free(offset);
  const sizeThere = await ask(other, { name: "free", offsets: offsets.slice(2500) });

  // All three allocate and free at the same time, until one worker is terminated in the midst of it.
  const counter = new Int32Array(new SharedArrayBuffer(8));
  const otherCounter = new Int32Array(new SharedArrayBuffer(8));
  one.postMessage({ name: "hammer", counter: counter.buffer });
  const otherDone = ask(other, { name: "hammer", counter: otherCounter.buffer });
  let rounds = 0;
  while (Atomics.load(counter, 0) < 2000) {
    const mine = Array.from({ length: 200 }, () => heap.malloc(64));
    for (const offset of mine) heap.free(offset);
    rounds++;
  }
  one.terminate();
  // A page hears nothing of the end of a worker: it is over when its counter stands still.
  for (let seen = -1; seen !== counter[0];) {
    seen = Atomics.load(counter, 0);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const dead = threads[0] as number;
  const owned = heap.recover(dead).owned!.objects;
  const freed = heap.freeOwnedBy(dead);
  // The other one has gone on meanwhile, or goes on now, if it waited for the dead one's lock.
  const seen = Atomics.load(otherCounter, 0);
  while (Atomics.load(otherCounter, 0) < seen + 100) await new Promise((resolve) => setTimeout(resolve, 1));
  Atomics.store(otherCounter, 1, 1);
  await otherDone;
  heap.check({ quiet: true });
  const { objects } = heap.stats();
  return {
    isIsolated: crossOriginIsolated,
    waits,
    threads,
    changed: changed.length,
    sizeBefore,
    sizeAfter: heap.size,
    sizeThere,
    rounds,
    owned,
    freed,
    objectsLeft: objects,
  };
}

Object.assign(globalThis, { share });
