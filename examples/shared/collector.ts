// What the garbage collector did while something ran.

import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";

/** Pauses of the garbage collector, in milliseconds. */
export interface Pauses {
  readonly count: number;
  readonly totalMs: number;
  readonly longestMs: number;
}

/** Runs `body` and returns how long it took in all, in milliseconds, and what of that the collector took. */
export async function withPauses(body: () => void): Promise<{ totalMs: number; pauses: Pauses }> {
  const durationsMs: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) durationsMs.push(duration);
  });
  observer.observe({ entryTypes: ["gc"] });
  const startedMs = performance.now();
  body();
  const totalMs = performance.now() - startedMs;
  // The entries come once the program is idle.
  await setImmediate();
  await setImmediate();
  observer.disconnect();
  const pauses = {
    count: durationsMs.length,
    totalMs: durationsMs.reduce((sum, ms) => sum + ms, 0),
    longestMs: Math.max(0, ...durationsMs),
  };
  return { totalMs, pauses };
}
