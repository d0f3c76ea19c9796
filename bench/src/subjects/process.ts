/** Starting the processes of subjects. */

import { execFile } from "node:child_process";

/** Output of a process is one line of JSON; this is ample. */
const MAX_OUTPUT_BYTES = 2 ** 20;

/** A process that ended with another code than 0. */
export class ProcessFailure extends Error {
  /** What it complained of, in one line. */
  readonly reason: string;

  constructor(words: readonly string[], complaint: string) {
    super(`${words.join(" ")} failed: ${complaint}`);
    this.name = "ProcessFailure";
    // Node prints the place in the source before the error itself.
    this.reason = /^\w*Error: .*$/m.exec(complaint)?.[0] ?? complaint.split("\n")[0] ?? "";
  }
}

/**
 * Runs a program to its end.
 *
 * @param words the program, then its arguments
 * @param env variables set beside the inherited ones
 * @returns its standard output; rejects with a {@link ProcessFailure} when it exits with another code than 0
 */
export function runProgram(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [program = "", ...args] = words;
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: MAX_OUTPUT_BYTES };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new ProcessFailure(words, stderr.trim() || error.message));
    });
  });
}

/** @returns the program's output without the last newline, or undefined when it cannot be run or fails */
export async function tryProgram(...words: string[]): Promise<string | undefined> {
  try {
    return (await runProgram(words)).trimEnd();
  } catch {
    return undefined;
  }
}
