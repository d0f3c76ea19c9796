/**
 * How far apart the processors are: nanoseconds in which a cache line goes from one to the other and back. A virtual machine may be
 * moved between processors that share a cache and others that do not, which makes six times the difference; and whatever
 * threads hand to each other goes by cache lines.
 */

import { isMainThread, Worker, workerData } from "node:worker_threads";

/** Round trips of one measurement: well below a millisecond, so that the system seldom interrupts one. */
const TRIPS = 1000;
const MEASUREMENTS = 10;
/** Words, on cache lines of their own: the measurement that is to begin, and the line that goes to and fro. */
const BEGUN = 0;
const LINE = 32;
const WORDS = 64;

let words: Int32Array | undefined;

/** The other end, in a thread of its own: answers each odd number with the next even one. */
function answer(line: Int32Array): never {
  for (let begun = 0; ; begun++) {
    while (Atomics.load(line, BEGUN) === begun) Atomics.wait(line, BEGUN, begun);
    for (let trip = 0; trip < TRIPS; trip++) {
      let seen: number;
      while ((seen = Atomics.load(line, LINE)) % 2 === 0);
      Atomics.store(line, LINE, seen + 1);
    }
  }
}

function measure(line: Int32Array): number {
  Atomics.add(line, BEGUN, 1);
  Atomics.notify(line, BEGUN);
  let start = 0;
  for (let trip = 0; trip < TRIPS; trip++) {
    const asked = Atomics.load(line, LINE) + 1;
    Atomics.store(line, LINE, asked);
    while (Atomics.load(line, LINE) === asked);
    // The first trip is that of waking up.
    if (trip === 0) start = performance.now();
  }
  return (1e6 * (performance.now() - start)) / (TRIPS - 1);
}

/** Nanoseconds of a round trip, the least of some measurements. */
export function roundTripNs(): number {
  if (words === undefined) {
    words = new Int32Array(new SharedArrayBuffer(4 * WORDS));
    new Worker(new URL(import.meta.url), { workerData: words }).unref();
  }
  const line = words;
  return Math.min(...Array.from({ length: MEASUREMENTS }, () => measure(line)));
}

if (!isMainThread && workerData instanceof Int32Array) answer(workerData);
