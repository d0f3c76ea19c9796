/** Runs one scenario once, with workers of its own: each isolate compiles and warms up anew. */

import { SharedHeap } from "kmem";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import * as S from "./scenario.ts";

const WORKER_URL = new URL("worker.ts", import.meta.url);
const LOCKED_URL = new URL("../../packages/kmem/bench/locked-heap.ts", import.meta.url).href;

/** What one run of a scenario gave. */
export interface ScenarioRun {
  /** Pairs a second, of all workers. */
  readonly rate: number;
  /** The same for seconds on a processor: what other programs took away does not count, nor does sleep for a lock. */
  readonly cpuRate: number;
  /** Microseconds of each hold of the lock. */
  readonly holdsUs: readonly number[];
}

/** Runs `scenario` for `periodMs`, after as long a warm-up; with `timesLock`, each hold of the lock is timed. */
export async function runScenario(
  scenario: S.Scenario,
  periodMs: number,
  timesLock = false,
): Promise<ScenarioRun> {
  const control = new SharedArrayBuffer(4 * S.CONTROL_WORDS);
  const ring = new SharedArrayBuffer(4 * S.RING_COUNT);
  const handle = await handleFor(scenario);
  const workers = Array.from({ length: scenario.workerCount }, (_, index) => {
    const workerData: S.WorkerTask = {
      scenario,
      index,
      handle,
      lockedUrl: LOCKED_URL,
      control,
      ring,
      timesLock,
    };
    return new Worker(WORKER_URL, { workerData });
  });
  const heard = (): Promise<unknown[]> =>
    Promise.all(workers.map(async (worker) => ((await once(worker, "message")) as unknown[])[0]));
  const words = new Int32Array(control);
  let reports: S.WorkerReport[] = [];
  await heard();
  for (let period = 1; period <= 2; period++) {
    const answers = heard();
    Atomics.store(words, S.GO, period);
    Atomics.notify(words, S.GO);
    await setTimeout(periodMs);
    Atomics.store(words, S.STOP, period);
    reports = (await answers) as S.WorkerReport[];
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return {
    rate: reports.reduce((sum, { pairs, seconds }) => sum + pairs / seconds, 0),
    cpuRate: reports.reduce((sum, { pairs, cpuSeconds }) => sum + pairs / cpuSeconds, 0),
    holdsUs: reports.flatMap(({ holdsUs }) => holdsUs).sort((a, b) => a - b),
  };
}

async function handleFor({ subject }: S.Scenario): Promise<unknown> {
  if (subject === "heap") return undefined;
  if (subject === "shared") return SharedHeap.create({ size: S.HEAP_BYTES }).handle;
  const { createLockedHeap } = (await import(LOCKED_URL)) as { createLockedHeap(size: number): unknown };
  return createLockedHeap(S.HEAP_BYTES);
}
