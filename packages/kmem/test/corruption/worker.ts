/** A thread that flips bits as it is told, so that whoever watches it can end it when it hangs. */
import { parentPort, workerData } from "node:worker_threads";
import { type FlipPlan, runFlips } from "./flip.ts";

/** What the thread is told. */
export interface FlipOrders {
  readonly plan: FlipPlan;
  /** One word: the number that is being done. */
  readonly progress: Int32Array<SharedArrayBuffer>;
}

const { plan, progress } = workerData as FlipOrders;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
parentPort!.postMessage(runFlips(plan, (number) => Atomics.store(progress, 0, number)));
