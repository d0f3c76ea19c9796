/** Runs flips in a thread of its own, with an eye on it: one that does not come on hangs, one that dies took too much. */
import { Worker } from "node:worker_threads";
import type { FlipPlan, FlipTally } from "./flip.ts";
import type { FlipOrders } from "./worker.ts";

/** A flip takes a millisecond or two; what takes so many does not end. */
const HANG_MS = 20_000;
const LOOK_MS = 250;
/** Megabytes that the thread may have: some times what it needs. */
const MEMORY_MB = 256;

/**
 * Does what `plan` says. A flip that hangs the thread, or makes it take too much memory, ends it, as a failure of the tally.
 * `onProgress` is told now and then which number is being done.
 */
export function watchFlips(plan: FlipPlan, onProgress?: (number: number) => void): Promise<FlipTally> {
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const orders: FlipOrders = { plan, progress };
  const resourceLimits = { maxOldGenerationSizeMb: MEMORY_MB };
  const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: orders, resourceLimits });
  return new Promise((resolve) => {
    let last = -1;
    let lastMove = performance.now();
    const end = (tally: FlipTally): void => {
      clearInterval(timer);
      void worker.terminate().then(() => resolve(tally));
    };
    const failWith = (what: string): void =>
      end({ flips: 0, found: 0, meaningless: {}, failures: [`${plan.kind} ${progress[0]}: ${what}`] });
    const timer = setInterval(() => {
      const number = Atomics.load(progress, 0);
      onProgress?.(number);
      if (number !== last) [last, lastMove] = [number, performance.now()];
      else if (performance.now() - lastMove > HANG_MS) failWith("the thread hangs");
    }, LOOK_MS);
    worker.once("message", end);
    worker.once("error", (error) => failWith(`the thread died: ${String(error)}`));
  });
}

/** The sums of `tallies`. */
export function sumOf(tallies: readonly FlipTally[]): FlipTally {
  const sum: FlipTally = { flips: 0, found: 0, meaningless: {}, failures: [] };
  for (const { flips, found, meaningless, failures } of tallies) {
    sum.flips += flips;
    sum.found += found;
    sum.failures.push(...failures);
    for (const [reason, count] of Object.entries(meaningless)) {
      const key = reason as keyof FlipTally["meaningless"];
      sum.meaningless[key] = (sum.meaningless[key] ?? 0) + count;
    }
  }
  return sum;
}
