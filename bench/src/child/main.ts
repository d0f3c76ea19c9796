/**
 * One process of a JavaScript subject: reads a stream, replays it, prints one JSON document. Its only
 * argument is a {@link ChildTask} as JSON. Started by `subjects/javascript.ts`.
 */

import { checksumOf, OPERATION_WORDS } from "../stream/layout.ts";
import type { ChildTask } from "../subjects/javascript.ts";
import type { LatencySample, MemorySample, TimeSample } from "../subjects/sample.ts";
import { measureLatency } from "./latency.ts";
import type { Loop } from "./loop.ts";
import { measureMemory } from "./memory.ts";
import { stream, task } from "./task.ts";

/** Operations between two looks at the clock, where time may run out. */
const SLICE_OPERATIONS = 4096;

const { loop } = (await import(`./${task.loop}-loop.ts`)) as { readonly loop: Loop };
const roundBegin = stream.setupCount * OPERATION_WORDS;
const roundEnd = roundBegin + stream.roundCount * OPERATION_WORDS;
/** The part of a round's operations and its teardown's that are the round's. */
const roundShare = stream.roundCount / (stream.roundCount + stream.teardownCount);

/**
 * Runs the set-up, then warm-up and timed rounds of each column, the teardown after each. A subject with a time
 * limit is cut short in the round in which it is reached, and that round reckoned from its part. By processor time, which
 * the system counts in steps of milliseconds, all timed rounds are one, and the teardowns with them.
 */
function measureTime({ columns, warmupRounds, timedRounds, limitMs }: ChildTask): TimeSample {
  loop.run(columns[0] ?? "plain", 0, roundBegin);
  let operationCount = stream.setupCount;
  const roundsNs: TimeSample["roundsNs"] = {};
  const started = performance.now();
  for (const column of columns) {
    const timesNs: number[] = [];
    let timedFromNs = 0;
    for (let round = 0; round < warmupRounds + timedRounds; round++) {
      if (round === warmupRounds) timedFromNs = now();
      const endMs = limitMs === undefined ? Infinity : started + limitMs;
      const { ns, operations } = timeRound(column, endMs);
      operationCount += operations;
      if (operations < stream.roundCount) {
        roundsNs[column] = [(ns * stream.roundCount) / operations];
        return {
          allocator: task.allocator,
          roundsNs,
          checksum: checksumOf(stream),
          operationCount,
          isCut: true,
        };
      }
      if (round >= warmupRounds) timesNs.push(ns);
      loop.run(column, roundEnd, stream.words.length);
      operationCount += stream.teardownCount;
    }
    roundsNs[column] = task.clock === "wall" ? timesNs : [((now() - timedFromNs) / timedRounds) * roundShare];
  }
  return { allocator: task.allocator, roundsNs, checksum: checksumOf(stream), operationCount, isCut: false };
}

/** Nanoseconds of the clock that the task names, from some moment on. */
function now(): number {
  if (task.clock === "wall") return Number(process.hrtime.bigint());
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

/** Runs one round, or as much of it as there is time for: a slice at least. */
function timeRound(column: "write" | "plain", endMs: number): { ns: number; operations: number } {
  const start = now();
  let at = roundBegin;
  if (endMs === Infinity) {
    loop.run(column, roundBegin, roundEnd);
    at = roundEnd;
  }
  while (at < roundEnd && (at === roundBegin || performance.now() < endMs)) {
    const next = Math.min(at + SLICE_OPERATIONS * OPERATION_WORDS, roundEnd);
    loop.run(column, at, next);
    at = next;
  }
  return { ns: now() - start, operations: (at - roundBegin) / OPERATION_WORDS };
}

async function measure(): Promise<TimeSample | MemorySample | LatencySample> {
  if (task.mode === "memory") return measureMemory(loop, stream, task);
  if (task.mode === "latency") return measureLatency(loop, stream, task);
  return measureTime(task);
}

console.log(JSON.stringify(await measure()));
