/** Subjects that run inside Node: one process, one allocator, one workload. */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Target } from "../workloads/workload.ts";
import { runProgram } from "./process.ts";
import type { Column, MemorySample, TimeSample } from "./sample.ts";
import type { Availability, Run, Subject } from "./subject.ts";

/** What a process of `child/main.ts` is told. */
export interface ChildTask {
  readonly mode: "time" | "memory";
  /** Module in `child/` that makes the allocator, without its ending. */
  readonly adapter: string;
  /** Whether the allocator is to be a variable to the compiler, and not a constant. */
  readonly isVariable: boolean;
  readonly streamPath: string;
  readonly target: Target;
  readonly spaceBytes: number;
  /** Of a timing process only. */
  readonly warmupRounds: number;
  readonly timedRounds: number;
  readonly columns: readonly Column[];
}

/** Name of the loop without an allocator, in JavaScript. */
const JAVASCRIPT_BASELINE = "loop in JavaScript";

const CHILD_PATH = fileURLToPath(new URL("../child/main.ts", import.meta.url));

type Timing = Pick<ChildTask, "warmupRounds" | "timedRounds" | "columns">;
const UNTIMED: Timing = { warmupRounds: 0, timedRounds: 0, columns: [] };

/** A subject whose processes run `child/main.ts`. */
function javascriptSubject(
  options: Pick<Subject, "name" | "targets" | "hasBytes" | "baseline" | "locate"> &
    Pick<ChildTask, "adapter" | "isVariable">,
): Subject {
  const { adapter, isVariable, ...rest } = options;
  const runChild = async (run: Run, mode: ChildTask["mode"], timing: Timing): Promise<unknown> => {
    const { streamPath, target, spaceBytes, prefix } = run;
    const { warmupRounds, timedRounds, columns } = timing;
    const what = { mode, adapter, isVariable, streamPath, target, spaceBytes };
    const task: ChildTask = { ...what, warmupRounds, timedRounds, columns };
    return JSON.parse(await runProgram([...prefix, process.execPath, CHILD_PATH, JSON.stringify(task)]));
  };
  return {
    ...rest,
    footprintIsOfProcess: false,
    time: async (run) => (await runChild(run, "time", run)) as TimeSample,
    memory: async (run) => (await runChild(run, "memory", UNTIMED)) as MemorySample,
  };
}

/** kmem is there once it is built: the processes import the package as any program would. */
async function locateKmem(): Promise<Availability> {
  const require = createRequire(import.meta.url);
  const manifestPath = require.resolve("kmem/package.json");
  const { version } = require(manifestPath) as { version: string };
  const builtPath = new URL("dist/index.js", `file://${manifestPath}`);
  return existsSync(builtPath)
    ? { available: true, version }
    : { available: false, reason: "not built: run `npm run build`" };
}

const KMEM = { adapter: "kmem", isVariable: false, baseline: JAVASCRIPT_BASELINE, locate: locateKmem };

/** kmem's allocators, and the loop without one. */
export const JAVASCRIPT_SUBJECTS: readonly Subject[] = [
  javascriptSubject({ ...KMEM, name: "kmem Heap", targets: ["heap"], hasBytes: true }),
  javascriptSubject({
    ...KMEM,
    name: "kmem Heap, variable",
    targets: ["heap"],
    hasBytes: true,
    isVariable: true,
  }),
  javascriptSubject({ ...KMEM, name: "kmem BuddyAllocator", targets: ["buddy"], hasBytes: false }),
  javascriptSubject({ ...KMEM, name: "kmem SlabCache", targets: ["slab"], hasBytes: false }),
  javascriptSubject({
    name: JAVASCRIPT_BASELINE,
    adapter: "baseline",
    isVariable: false,
    targets: ["heap", "buddy", "slab"],
    hasBytes: true,
    baseline: undefined,
    locate: async () => ({ available: true, version: `Node ${process.versions.node}` }),
  }),
];
