/** What tests on the running machine need of it, and what they say where it is missing. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll } from "vitest";
import { findTracefs } from "../../src/record/tracefs.ts";

const USUAL_PLACE = "/sys/kernel/tracing";

/** Where tracefs is, mounted if need be; or why there is none. */
export const kernel: { readonly tracefs: string; readonly missing: null } | { readonly missing: string } =
  prepare();

/** Skip a test of the running kernel? It says why, loudly; under CI, it fails instead. */
export function lacksKernel(): boolean {
  return lacks(kernel.missing, "the running kernel");
}

/** Skip a test in a real terminal? */
export function lacksTmux(): boolean {
  const { status } = spawnSync("tmux", ["-V"]);
  return lacks(status === 0 ? null : "tmux is missing: npm run setup -- kernel", "a real terminal");
}

/** Skip a test of recordings of programs? */
export function lacksHeaptrack(): boolean {
  const { status } = spawnSync("heaptrack", ["--version"]);
  return lacks(status === 0 ? null : "heaptrack is missing: npm run setup -- programs", "programs");
}

/** Skip a test that has to make a small disk? */
export function lacksRoot(): boolean {
  return lacks(process.geteuid?.() === 0 ? null : "they need root", "a full disk");
}

function lacks(missing: string | null, what: string): boolean {
  if (missing === null) return false;
  if (process.env["CI"] !== undefined) throw new Error(`tests of ${what} cannot run: ${missing}`);
  process.stderr.write(`\n*** SKIPPED: tests of ${what}: ${missing}\n\n`);
  return true;
}

function prepare(): typeof kernel {
  if (process.platform !== "linux") return { missing: "this is not Linux" };
  if (process.geteuid?.() !== 0) return { missing: "they need root" };
  try {
    return { tracefs: findTracefs(), missing: null };
  } catch {
    spawnSync("sh", ["-c", `mount -t tracefs nodev ${USUAL_PLACE}`]);
  }
  try {
    return { tracefs: findTracefs(), missing: null };
  } catch (error) {
    return { missing: (error as Error).message };
  }
}

const LOCK = join(tmpdir(), "kmem-test-kernel.lock");
const LOOK_MILLISECONDS = 100;

/**
 * Has the tests of this file run while no other file's tests record the kernel, in this run of tests or another: a
 * recording removes what a killed one left, and so would take it from a test that looks at it.
 */
export function recordAlone(): void {
  beforeAll(async () => {
    while (!takeLock()) await setTimeout(LOOK_MILLISECONDS);
  });
  afterAll(() => rmSync(LOCK));
}

function takeLock(): boolean {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    return false;
  } finally {
    removeStaleLock();
  }
}

function removeStaleLock(): void {
  try {
    process.kill(Number(readFileSync(LOCK, "utf8")), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") rmSync(LOCK, { force: true });
  }
}

/** Files whose content is no setting, or that a read would empty or wait for. */
const NO_SETTINGS =
  /^(trace|trace_pipe.*|snapshot.*|per_cpu|instances|saved_.*|available_.*|enabled_functions|touched_functions|free_buffer|printk_formats|.*_hist|error_log|README|dyn_ftrace_total_info|uprobe_profile|kprobe_profile|eprobe.*|rv|hwlat_detector|osnoise|id|format|header_.*|hist.*|inject)$/;

/** Every setting of the machine's own tracing, by file: all that tracefs holds but what it only reports. */
export function tracingSettings(tracefs: string): Map<string, string> {
  const settings = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (NO_SETTINGS.test(entry.name)) continue;
      const file = join(folder, entry.name);
      if (entry.isDirectory()) walk(file);
      else settings.set(file, textOf(file));
    }
  };
  walk(tracefs);
  return settings;
}

/** A file that can only be written is no setting that could be compared. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "";
  }
}

/** The instances that recordings of kmem have now. */
export function kmemInstances(tracefs: string): string[] {
  return readdirSync(join(tracefs, "instances")).filter((name) => name.startsWith("kmem-"));
}
