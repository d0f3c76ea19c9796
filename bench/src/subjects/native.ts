/** Subjects in C: one small program, `native/replay.c`, with the allocator put in by LD_PRELOAD. */

import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runProgram, tryProgram } from "./process.ts";
import type { LatencySample, MemorySample, TimeSample } from "./sample.ts";
import type { Availability, Run, Subject, TimedRun } from "./subject.ts";

/** Name of the loop without an allocator, in C. */
const NATIVE_BASELINE = "loop in C";

const SOURCE_PATH = fileURLToPath(new URL("../../native/replay.c", import.meta.url));
const BUILD_PATH = fileURLToPath(new URL("../../native/build.sh", import.meta.url));
const PROGRAM_PATH = fileURLToPath(new URL("../../build/replay", import.meta.url));

/** A Debian package that holds an allocator, and the library in it. */
interface Library {
  readonly name: string;
  readonly packageName: string;
  /** Start of the library's file name; undefined for the C library's own allocator. */
  readonly fileName: string | undefined;
}

const LIBRARIES: readonly Library[] = [
  { name: "mimalloc", packageName: "libmimalloc2.0", fileName: "libmimalloc.so" },
  { name: "tcmalloc", packageName: "libtcmalloc-minimal4", fileName: "libtcmalloc_minimal.so" },
  { name: "jemalloc", packageName: "libjemalloc2", fileName: "libjemalloc.so" },
  { name: "glibc", packageName: "libc6", fileName: undefined },
];

/** @returns undefined when the replay program is there and newer than its source, or else why it is not */
async function prepareProgram(): Promise<string | undefined> {
  const builtMs = statSync(PROGRAM_PATH, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (builtMs > statSync(SOURCE_PATH).mtimeMs) return undefined;
  try {
    await runProgram(["bash", BUILD_PATH]);
    return undefined;
  } catch {
    return "replay.c cannot be compiled: run `npm run bench:setup`";
  }
}

let prepared: Promise<string | undefined> | undefined;

/** @returns the path of an installed library, from the loader's own list */
async function findLibrary(fileName: string): Promise<string | undefined> {
  const list = (await tryProgram("/sbin/ldconfig", "-p")) ?? "";
  const line = list.split("\n").find((entry) => entry.trimStart().startsWith(fileName));
  return line?.split(" => ")[1];
}

async function packageVersion(packageName: string): Promise<string> {
  const version = await tryProgram("dpkg-query", "--show", "--showformat=${Version}", packageName);
  return version === undefined || version === "" ? "unknown" : version;
}

async function runReplay(run: Run, preload: string, words: readonly string[]): Promise<unknown> {
  const env = preload === "" ? [] : [`LD_PRELOAD=${preload}`];
  return JSON.parse(await runProgram([...run.prefix, "env", ...env, PROGRAM_PATH, ...words]));
}

/** No process in C is ever cut short. */
function uncut<T extends TimeSample | MemorySample>(output: unknown): T {
  return { ...(output as T), isCut: false };
}

function timingWords(kind: string, run: TimedRun): string[] {
  return [
    "time",
    kind,
    run.streamPath,
    String(run.warmupRounds),
    String(run.timedRounds),
    run.columns.join(","),
  ];
}

function latencyWords(kind: string, run: Run, ...rounds: readonly number[]): string[] {
  return ["latency", kind, run.streamPath, ...rounds.map(String)];
}

/** Refuses a sample that another allocator served: a preload that the loader ignored would pass for glibc. */
function assertServedBy<T extends TimeSample | MemorySample | LatencySample>(
  sample: T,
  { name, fileName }: Library,
): T {
  if (!sample.allocator.includes(fileName ?? "libc.so")) {
    throw new Error(`${name} was asked for, but ${sample.allocator} served malloc`);
  }
  return sample;
}

function nativeSubject(library: Library): Subject {
  let path = "";
  const locate = async (): Promise<Availability> => {
    const problem = await (prepared ??= prepareProgram());
    if (problem !== undefined) return { available: false, reason: problem };
    if (library.fileName !== undefined) {
      const found = await findLibrary(library.fileName);
      if (found === undefined) {
        return {
          available: false,
          reason: `${library.packageName} is not installed: run \`npm run bench:setup\``,
        };
      }
      path = found;
    }
    return { available: true, version: await packageVersion(library.packageName) };
  };
  return {
    name: library.name,
    targets: ["heap", "aligned"],
    hasBytes: true,
    baseline: NATIVE_BASELINE,
    footprintIsOfProcess: true,
    locate,
    time: async (run) =>
      assertServedBy(uncut<TimeSample>(await runReplay(run, path, timingWords("allocator", run))), library),
    latency: async (run, warmupRounds, timedRounds) =>
      assertServedBy(
        (await runReplay(
          run,
          path,
          latencyWords("allocator", run, warmupRounds, timedRounds),
        )) as LatencySample,
        library,
      ),
    memory: async (run) =>
      assertServedBy(
        uncut<MemorySample>(await runReplay(run, path, ["memory", "allocator", run.streamPath])),
        library,
      ),
  };
}

const BASELINE_SUBJECT: Subject = {
  name: NATIVE_BASELINE,
  targets: ["heap", "aligned"],
  hasBytes: true,
  baseline: undefined,
  footprintIsOfProcess: true,
  locate: async () => {
    const problem = await (prepared ??= prepareProgram());
    if (problem !== undefined) return { available: false, reason: problem };
    const compiler = await tryProgram(process.env["CC"] ?? "cc", "--version");
    return { available: true, version: compiler?.split("\n")[0] ?? "unknown compiler" };
  },
  time: async (run) => uncut<TimeSample>(await runReplay(run, "", timingWords("baseline", run))),
  latency: async (run, warmupRounds, timedRounds) =>
    (await runReplay(run, "", latencyWords("baseline", run, warmupRounds, timedRounds))) as LatencySample,
  memory: async (run) =>
    uncut<MemorySample>(await runReplay(run, "", ["memory", "baseline", run.streamPath])),
};

/** The C library's allocator, three that Debian packages, and the loop without one. */
export const NATIVE_SUBJECTS: readonly Subject[] = [...LIBRARIES.map(nativeSubject), BASELINE_SUBJECT];
