/** Subjects that run inside Node: one process, one allocator, one workload. */

import { existsSync, readFileSync } from "node:fs";
import { createRequire, findPackageJSON } from "node:module";
import type { Target } from "../workloads/workload.ts";
import { childProgram } from "./child-program.ts";
import { locateModule, modulePath, type ModuleName } from "./modules.ts";
import { runProgram } from "./process.ts";
import type { Column, LatencySample, MemorySample, TimeSample } from "./sample.ts";
import type { Availability, Run, Subject } from "./subject.ts";

/** What a process of `child/main.ts` is told. */
export interface ChildTask {
  readonly mode: "time" | "memory" | "latency";
  /** Which loop runs, `child/LOOP-loop.ts`. */
  readonly loop: "offset" | "object" | "inside";
  /** Module in `child/` that makes the allocator for the offset loop, without its ending. */
  readonly adapter: string;
  /** Which allocator, where a loop or an adapter knows several. */
  readonly allocator: string;
  /** Path of the Wasm module that the allocator is in, or that calls it; "" for none. */
  readonly modulePath: string;
  /** Whether the allocator is to be a variable to the compiler, and not a constant. */
  readonly isVariable: boolean;
  readonly streamPath: string;
  readonly target: Target;
  readonly spaceBytes: number;
  /** Of a timing process, or a latency process. */
  readonly warmupRounds: number;
  readonly timedRounds: number;
  readonly columns: readonly Column[];
  /**
   * What a round is timed by. The processor time of the thread that runs it is the same where others want the processor,
   * V8's compiling threads among them; time on the wall is what a program's user sees.
   */
  readonly clock: "wall" | "processor";
  /** Milliseconds after which a timing process stops; undefined for never. */
  readonly limitMs?: number;
}

/** Name of the loop without an allocator, in JavaScript. */
const JAVASCRIPT_BASELINE = "loop in JavaScript";

/** Time that a slow subject may take in one process, its set-up aside. */
const LIMIT_MS = 2000;
/** The same for a heap that takes stacks. */
const TRACED_LIMIT_MS = 8000;
/**
 * V8 compiles up to 920 bytes of bytecode into a loop, most of which `malloc`, `free` and `calloc` take; `realloc` and what is
 * rarer stay calls. With so many there is room for all of kmem's.
 */
const ALL_INLINED = ["--max-inlined-bytecode-size-cumulative=3000"];
/** Most slots of a workload for such an allocator: a process gets no further than this in its set-up. */
const SLOW_MAX_SLOTS = 20_000;
/** The same for objects of the collector's, and for allocators in Wasm modules. */
const GUEST_MAX_SLOTS = 2_000_000;

type Timing = Pick<ChildTask, "warmupRounds" | "timedRounds" | "columns">;
const UNTIMED: Timing = { warmupRounds: 0, timedRounds: 0, columns: [] };

type Kind = Pick<ChildTask, "loop" | "adapter" | "allocator"> &
  Partial<Pick<ChildTask, "isVariable" | "clock" | "limitMs">> & {
    readonly module?: ModuleName;
    /** What Node is started with, before the program. */
    readonly nodeFlags?: readonly string[];
  };
type Facts = Pick<Subject, "name" | "targets" | "hasBytes" | "locate"> &
  Partial<Pick<Subject, "baseline" | "footprintIsOfProcess" | "maxSlotCount" | "isSlow">>;

/** A subject whose processes run `child/main.ts`. */
function javascriptSubject(facts: Facts, kind: Kind): Subject {
  const runChild = async (run: Run, mode: ChildTask["mode"], timing: Timing): Promise<unknown> => {
    const { streamPath, target, spaceBytes, prefix } = run;
    const { warmupRounds, timedRounds, columns } = timing;
    const { module, nodeFlags = [], ...rest } = kind;
    const path = module === undefined ? "" : modulePath(module);
    const facts = { isVariable: false, clock: "wall", ...rest } as const;
    const what = { ...facts, mode, modulePath: path, streamPath, target, spaceBytes };
    const task: ChildTask = { ...what, warmupRounds, timedRounds, columns };
    const program = [process.execPath, ...nodeFlags, childProgram(), JSON.stringify(task)];
    return JSON.parse(await runProgram([...prefix, ...program]));
  };
  return {
    baseline: JAVASCRIPT_BASELINE,
    footprintIsOfProcess: false,
    ...facts,
    time: async (run) => (await runChild(run, "time", run)) as TimeSample,
    latency: async (run, warmupRounds, timedRounds) =>
      (await runChild(run, "latency", { ...UNTIMED, warmupRounds, timedRounds })) as LatencySample,
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

/** @returns a function that looks for a package of npm's */
function locatePackage(name: string): Subject["locate"] {
  return async () => {
    const path = findPackageJSON(name, import.meta.url);
    if (path === undefined) return { available: false, reason: "not installed: run `npm ci`" };
    const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
    return { available: true, version };
  };
}

/** kmem's version; the reason of whichever is missing, kmem or the compiler of the module around it. */
async function locateKmemInWasm(): Promise<Availability> {
  const module = await locateModule("kmem");
  return module.available ? locateKmem() : module;
}

/** AssemblyScript's version: its allocator comes with its compiler. */
async function locateTlsf(): Promise<Availability> {
  const found = await locatePackage("assemblyscript")();
  if (!found.available) return found;
  const module = await locateModule("tlsf");
  return module.available ? found : module;
}

async function locateNode(): Promise<Availability> {
  return { available: true, version: `Node ${process.versions.node}` };
}

const KMEM = { loop: "offset", adapter: "kmem", allocator: "kmem" } as const;
const HEAP = { hasBytes: true, targets: ["heap", "aligned"], locate: locateKmem } as const;

const GUEST = { ...HEAP, maxSlotCount: GUEST_MAX_SLOTS } as const;

const OWN_SUBJECTS: readonly Subject[] = [
  javascriptSubject({ ...HEAP, name: "kmem Heap" }, KMEM),
  javascriptSubject({ ...HEAP, name: "kmem Heap, inlined" }, { ...KMEM, nodeFlags: ALL_INLINED }),
  javascriptSubject({ ...HEAP, name: "kmem Heap, variable" }, { ...KMEM, isVariable: true }),
  javascriptSubject(
    {
      ...HEAP,
      name: "kmem Heap, in Wasm",
      locate: locateKmemInWasm,
      maxSlotCount: GUEST_MAX_SLOTS,
    },
    { loop: "inside", adapter: "", allocator: "kmem", module: "kmem" },
  ),
  javascriptSubject(
    { name: "kmem BuddyAllocator", targets: ["buddy"], hasBytes: false, locate: locateKmem },
    KMEM,
  ),
  javascriptSubject({ name: "kmem SlabCache", targets: ["slab"], hasBytes: false, locate: locateKmem }, KMEM),
];

/**
 * The heap that debug heaps are held against, the same once more, and those, by preset, with a shared heap of one thread, and that with
 * a guard: measured by a program of their own.
 * The loop writes a whole word into each object, which no red zone lets pass in a smaller one: so they are measured without
 * the write.
 */
const UNWRITTEN = { ...HEAP, hasBytes: false, baseline: undefined } as const;
export const DEBUG_SUBJECTS: readonly Subject[] = [
  ...["kmem Heap", "kmem Heap, again"].map((name) =>
    javascriptSubject({ ...UNWRITTEN, name }, { ...KMEM, clock: "processor" }),
  ),
  ...[
    ...["off", "sampled", "full", "traced"].map((preset) => ["DebugHeap", preset] as const),
    ["SharedHeap", "shared"] as const,
    ["DebugSharedHeap", "shared full"] as const,
  ].map(([face, preset]) =>
    javascriptSubject(
      { ...UNWRITTEN, name: `kmem ${face}, ${preset}` },
      {
        ...KMEM,
        adapter: "debug",
        allocator: preset,
        clock: "processor",
        ...(preset === "traced" ? { limitMs: TRACED_LIMIT_MS } : {}),
      },
    ),
  ),
];

const WASM_SUBJECTS: readonly Subject[] = [
  ...(["dlmalloc", "emmalloc"] as const).flatMap((module) => [
    javascriptSubject(
      { ...GUEST, name: module, locate: () => locateModule(module) },
      { loop: "offset", adapter: "wasm", allocator: module, module },
    ),
    javascriptSubject(
      { ...GUEST, name: `${module}, in Wasm`, locate: () => locateModule(module) },
      { loop: "inside", adapter: "", allocator: module, module },
    ),
  ]),
  javascriptSubject(
    { ...GUEST, name: "AssemblyScript TLSF", targets: ["heap"], locate: locateTlsf },
    { loop: "offset", adapter: "wasm", allocator: "tlsf", module: "tlsf" },
  ),
];

const PACKAGE_SUBJECTS: readonly Subject[] = [
  ["@thi.ng/malloc", "@thi.ng/malloc", "mem-pool"] as const,
  ["malloc (npm)", "malloc", "skip-list"] as const,
].map(([name, packageName, allocator]) =>
  javascriptSubject(
    {
      name,
      targets: ["heap"],
      hasBytes: true,
      locate: locatePackage(packageName),
      maxSlotCount: SLOW_MAX_SLOTS,
      isSlow: true,
    },
    { loop: "offset", adapter: "packages", allocator, limitMs: LIMIT_MS },
  ),
);

const COLLECTED_SUBJECTS: readonly Subject[] = [
  ["new Uint8Array", "typed-array"] as const,
  ["Buffer.allocUnsafe", "buffer"] as const,
].map(([name, allocator]) =>
  javascriptSubject(
    {
      name,
      targets: ["heap"],
      hasBytes: true,
      locate: locateNode,
      footprintIsOfProcess: true,
      maxSlotCount: GUEST_MAX_SLOTS,
    },
    { loop: "object", adapter: "", allocator, limitMs: LIMIT_MS },
  ),
);

const BASELINE_SUBJECT = {
  ...javascriptSubject(
    {
      name: JAVASCRIPT_BASELINE,
      targets: ["heap", "aligned", "buddy", "slab"],
      hasBytes: true,
      locate: locateNode,
      footprintIsOfProcess: true,
    },
    { loop: "offset", adapter: "baseline", allocator: "baseline" },
  ),
  baseline: undefined,
};

/** kmem's allocators, those inside Wasm modules, npm's, the collector, and the loop without any. */
export const JAVASCRIPT_SUBJECTS: readonly Subject[] = [
  ...OWN_SUBJECTS,
  ...WASM_SUBJECTS,
  ...PACKAGE_SUBJECTS,
  ...COLLECTED_SUBJECTS,
  BASELINE_SUBJECT,
];
