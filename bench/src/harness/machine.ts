/** What machine, software and commit a document's figures belong to. */

import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { tryProgram } from "../subjects/process.ts";

/** The machine that figures were measured on. */
export interface Machine {
  readonly processor: string;
  readonly processorCount: number;
  readonly memoryBytes: number;
  /** Size of each cache level as `lscpu` names it, such as `L2: 1 MiB`. */
  readonly caches: readonly string[];
  readonly kernel: string;
  readonly system: string;
  /** Choice in force for transparent huge pages: `always`, `madvise`, `never` or `unknown`. */
  readonly hugePages: string;
  /** Mean number of running processes in the minute before the run: other work disturbs the figures. */
  readonly loadAverage: number;
}

/** The commit that was measured. */
export interface Commit {
  /** Full hash, or `unknown`. */
  readonly hash: string;
  /** Whether tracked files differed from it, other than stored results. */
  readonly modified: boolean;
}

const REPOSITORY_PATH = fileURLToPath(new URL("../../..", import.meta.url));

function tryRead(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Reads the machine's facts. What cannot be read is `unknown`. */
export async function describeMachine(): Promise<Machine> {
  const caches = JSON.parse(
    (await tryProgram("lscpu", "--caches=NAME,ONE-SIZE", "--json")) ?? '{"caches":[]}',
  ) as {
    caches: readonly Record<string, string>[];
  };
  return {
    processor: cpus()[0]?.model ?? "unknown",
    processorCount: cpus().length,
    memoryBytes: totalmem(),
    caches: caches.caches.map((cache) => `${cache["name"]} ${cache["one-size"]}`),
    kernel: release(),
    system: /^PRETTY_NAME="(.*)"$/m.exec(tryRead("/etc/os-release"))?.[1] ?? "unknown",
    hugePages: /\[(\w+)\]/.exec(tryRead("/sys/kernel/mm/transparent_hugepage/enabled"))?.[1] ?? "unknown",
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** @returns the commit that is checked out */
export async function describeCommit(): Promise<Commit> {
  const hash = await tryProgram("git", "-C", REPOSITORY_PATH, "rev-parse", "HEAD");
  const changes = await tryProgram(
    "git",
    "-C",
    REPOSITORY_PATH,
    "status",
    "--porcelain",
    "--untracked-files=no",
    "--",
    ".",
    ":!bench/results",
  );
  return { hash: hash ?? "unknown", modified: changes !== "" };
}

/** @returns words that pin a command to the last processor this process may use, or none where that cannot be done */
export async function pinningPrefix(): Promise<readonly string[]> {
  const allowed = /^Cpus_allowed_list:\s*(.*)$/m.exec(tryRead("/proc/self/status"))?.[1] ?? "";
  const last = /(\d+)$/.exec(allowed)?.[1];
  if (last === undefined) return [];
  const prefix = ["taskset", "--cpu-list", last];
  return (await tryProgram(...prefix, "true")) === undefined ? [] : prefix;
}
