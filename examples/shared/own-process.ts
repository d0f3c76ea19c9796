// Measures each subject in a process of its own, so that none meets a heap or compiled code that another left behind.

import { execFileSync } from "node:child_process";

/** Runs the program at `file` once more, told to measure `subject`, and returns the JSON that it prints. */
export function measureAlone<Result>(file: string, subject: string, ...args: string[]): Result {
  const output = execFileSync(process.execPath, ["--expose-gc", file, subject, ...args], {
    encoding: "utf8",
  });
  return JSON.parse(output) as Result;
}

/** Bytes of JavaScript objects and of buffers that live now, after a full collection. Needs `--expose-gc`. */
export function liveBytes(): number {
  global.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
