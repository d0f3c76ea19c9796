/** Workloads that were recorded: what real programs and a real kernel asked for, in their order. */

import { readIndex, readRecording, type RecordingEntry } from "../recordings/catalogue.ts";
import { OPERATION, type Workload } from "./workload.ts";

/** Operations that the timed rounds of a process should hold together, so that a figure is a few milliseconds' at least. */
const TIMED_OPERATIONS = 8e6;
const MIN_TIMED_ROUNDS = 3;
const MAX_TIMED_ROUNDS = 60;
/**
 * Operations of the warm-up: V8 has compiled and recompiled all by then, also what a program does seldom: on sqlite3 it does so
 * until the fifteenth million, on node until the fortieth, and rounds in which it does take two or three times as long as others,
 * since its compiling threads are on the same processor.
 */
const WARMUP_OPERATIONS = 4.8e7;

/** All recorded workloads: `real/NAME` for heaps, `pages/NAME` for buddy allocators. */
export function recordedWorkloads(): Workload[] {
  return readIndex().map(recordedWorkload);
}

function recordedWorkload({ name, target, description, operations }: RecordingEntry): Workload {
  const roundCount = Object.values(operations).reduce((sum, count) => sum + count, 0);
  const timedRounds = Math.ceil(TIMED_OPERATIONS / roundCount);
  return {
    name: `${target === "heap" ? "real" : "pages"}/${name}`,
    description,
    target,
    unit: OPERATION,
    warmupRounds: Math.ceil(WARMUP_OPERATIONS / roundCount),
    timedRounds: Math.min(MAX_TIMED_ROUNDS, Math.max(MIN_TIMED_ROUNDS, timedRounds)),
    hasLatency: target === "heap",
    quick: name === "python3" || name === "cc1",
    build: () => readRecording(name),
  };
}
