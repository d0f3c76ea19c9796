/** What a subject is: an allocator, or the loop without one, that the benchmarks can run. */

import type { Target } from "../workloads/workload.ts";
import type { Column, LatencySample, MemorySample, TimeSample } from "./sample.ts";

/** Whether a subject can run here. */
export type Availability =
  | { readonly available: true; readonly version: string }
  | { readonly available: false; readonly reason: string };

/** What a process is to do, beside being told which subject it is. */
export interface Run {
  readonly streamPath: string;
  readonly target: Target;
  /** Size of the space for allocators that need one. */
  readonly spaceBytes: number;
  /** Words put before the command, to pin the process; may be empty. */
  readonly prefix: readonly string[];
}

/** A run that is timed. */
export interface TimedRun extends Run {
  readonly warmupRounds: number;
  readonly timedRounds: number;
  /** Columns in the order in which to run them. */
  readonly columns: readonly Column[];
}

/** An allocator under test, or a baseline. */
export interface Subject {
  readonly name: string;
  /** Targets whose workloads it can run. */
  readonly targets: readonly Target[];
  /** Whether its objects have bytes, so that the `write` column means something. */
  readonly hasBytes: boolean;
  /** Most slots of a workload that it can run in a time that somebody waits for; undefined: any number. */
  readonly maxSlotCount?: number;
  /** Whether it searches lists and takes microseconds: its operations are not timed one by one. */
  readonly isSlow?: boolean;
  /** Name of the baseline of the same language; undefined on a baseline itself. */
  readonly baseline: string | undefined;
  /** Whether its reported footprint is that of a whole process, from which the baseline's is taken off. */
  readonly footprintIsOfProcess: boolean;
  /** Looks whether the subject can run, and which version. Compiles what needs compiling. */
  locate(): Promise<Availability>;
  /** Runs one timing process. Rejects when the process fails. */
  time(run: TimedRun): Promise<TimeSample>;
  /** Runs one process that times each operation by itself. Rejects when the process fails. */
  latency(run: Run, warmupRounds: number, timedRounds: number): Promise<LatencySample>;
  /** Runs one memory process. Rejects when the process fails. */
  memory(run: Run): Promise<MemorySample>;
}
