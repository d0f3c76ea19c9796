// Runs a built program from start to end in a process of its own, and tells how long that took and what it put out.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Allocator } from "./build.ts";
import type { Program } from "./programs.ts";

/** What one run gave. */
export interface ProgramRun {
  /** From the loading of the module to the end of `main`, in milliseconds. */
  readonly totalMs: number;
  /** Processor time of the program's thread in between, which other work on the machine disturbs less. */
  readonly cpuMs: number;
  /** Bytes of the memory at the end. */
  readonly memoryBytes: number;
  /** What it printed, without times, and a digest of each file that it wrote. */
  readonly output: string;
}

const CHILD = join(import.meta.dirname, "child.ts");

/** Builds `program` with an allocator, if that is not done yet, and runs it. Throws when it ends with an error. */
export function runProgram(program: Program, allocator: Allocator, scale: number): ProgramRun {
  const { files, flags } = program.sources();
  const script = build(program.name, files, flags, allocator);
  const folder = mkdtempSync(join(tmpdir(), "kmem-program-"));
  try {
    program.prepare?.(folder, scale);
    const child = spawnSync(process.execPath, [CHILD, script, ...program.args(scale)], {
      cwd: folder,
      encoding: "utf8",
      // The program prints to the first; what was measured comes through the last.
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    if (child.status !== 0)
      throw new Error(`${program.name} on ${allocator} failed: ${child.stdout}${child.stderr}`);
    const measured = JSON.parse(child.output[3]!) as Omit<ProgramRun, "output">;
    const printed = child.stdout + child.stderr;
    const text = program.times === undefined ? printed : printed.replaceAll(program.times, "…");
    return { ...measured, output: text + digests(folder) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A line for each file of a folder: its name and a digest of what is in it. */
function digests(folder: string): string {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .map(
      ({ name }) =>
        `${name} ${createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex")}\n`,
    )
    .join("");
}
