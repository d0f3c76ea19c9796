// Holds what an example prints against the output in its README: the same lines, but for the figures.

import { execFileSync } from "node:child_process";
import { programOf, readmeOf } from "../catalogue.ts";

/** Runs an example as `npm run example -- NAME ARGUMENT…` does and returns what it printed. Throws when it fails. */
export function runExample(name: string, ...args: string[]): string {
  return execFileSync(process.execPath, [programOf(name), ...args], { encoding: "utf8" });
}

/** The text of the last block in an example's README that is fenced as `text`. */
export function readmeOutput(name: string): string {
  const blocks = [...readmeOf(name).matchAll(/^```text\n(.*?)^```$/gms)];
  const last = blocks.at(-1)?.[1];
  if (last === undefined) throw new Error(`examples/${name}/README.md shows no output`);
  return last;
}

/** The lines of an output with every number written as 0 and every gap as one space. */
export function shapeOf(output: string): string[] {
  return output
    .trimEnd()
    .split("\n")
    .map((line) =>
      line
        .replaceAll(/\d[\d,.]*(?<=\d)/g, "0")
        .replaceAll(/\s+/g, " ")
        .trim(),
    );
}
