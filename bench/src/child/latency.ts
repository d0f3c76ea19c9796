/** The latency pass of a JavaScript subject: every operation timed by itself, after a warm-up. */

import { PerformanceObserver } from "node:perf_hooks";
import { checksumOf, OPERATION_WORDS, type OperationStream } from "../stream/layout.ts";
import type { ChildTask } from "../subjects/javascript.ts";
import type { LatencyRound, LatencySample } from "../subjects/sample.ts";
import type { Loop } from "./loop.ts";

/** One run of the collector, in milliseconds since the process began. */
interface Collection {
  readonly startMs: number;
  readonly endMs: number;
}

/** The share of the warm-up that runs untimed, which is several times as fast. */
const UNTIMED_SHARE = 3 / 4;

/** Times the operations of some rounds one by one, the clock's own cost included. */
export async function measureLatency(
  loop: Loop,
  stream: OperationStream,
  task: ChildTask,
): Promise<LatencySample> {
  const begin = stream.setupCount * OPERATION_WORDS;
  const end = begin + stream.roundCount * OPERATION_WORDS;
  const times = new Float64Array(stream.roundCount);
  const starts = new Float64Array(stream.roundCount);
  const collections = watchCollector();
  const rounds: LatencyRound[] = [];
  const roundCount = task.warmupRounds + task.timedRounds;
  loop.run("write", 0, begin);
  for (let round = 0; round < roundCount; round++) {
    // At last the timed way of running, so that V8 has compiled just that.
    if (round < UNTIMED_SHARE * task.warmupRounds) loop.run("write", begin, end);
    else timeEach(loop, begin, end, starts, times);
    loop.run("write", end, stream.words.length);
    await new Promise((resolve) => setImmediate(resolve)); // the collector's figures arrive
    if (round >= task.warmupRounds) rounds.push(roundOf(times, starts, collections()));
  }
  return {
    allocator: task.allocator,
    checksum: checksumOf(stream),
    operationCount: stream.setupCount + roundCount * (stream.roundCount + stream.teardownCount),
    rounds,
  };
}

/** @returns the figures of a round whose operations began at `starts` and took `times`, both in ms */
function roundOf(
  times: Float64Array,
  starts: Float64Array,
  collections: readonly Collection[],
): LatencyRound {
  const hits = collections.filter(
    ({ startMs, endMs }) => endMs > (starts[0] ?? 0) && startMs < (starts.at(-1) ?? 0) + (times.at(-1) ?? 0),
  );
  const isHit = (index: number): boolean => {
    const startMs = starts[index] as number;
    const endMs = startMs + (times[index] as number);
    return hits.some((hit) => hit.startMs < endMs && hit.endMs > startMs);
  };
  const worstWithout = times.reduce((most, time, index) => (time > most && !isHit(index) ? time : most), 0);
  const sorted = times.toSorted();
  const quantile = (share: number): number => 1e6 * (sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return {
    p50Ns: quantile(0.5),
    p99Ns: quantile(0.99),
    p9999Ns: quantile(0.9999),
    maxNs: quantile(1),
    maxOutsideCollectorNs: 1e6 * worstWithout,
    collectionCount: hits.length,
    collectionNs: 1e6 * hits.reduce((sum, hit) => sum + hit.endMs - hit.startMs, 0),
  };
}

function timeEach(loop: Loop, begin: number, end: number, starts: Float64Array, times: Float64Array): void {
  let index = 0;
  for (let at = begin; at < end; at += OPERATION_WORDS) {
    const start = performance.now();
    loop.run("write", at, at + OPERATION_WORDS);
    times[index] = performance.now() - start;
    starts[index++] = start;
  }
}

/** @returns a function that gives the collector's runs so far */
function watchCollector(): () => readonly Collection[] {
  const collections: Collection[] = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      collections.push({ startMs: startTime, endMs: startTime + duration });
    }
  }).observe({ entryTypes: ["gc"] });
  return () => collections;
}
