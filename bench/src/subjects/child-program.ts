/**
 * The program that the measured JavaScript processes run, compiled to JavaScript.
 *
 * Node takes the types out of a TypeScript file by a Wasm module, whose memory grows for that. From then on V8 looks, at each
 * access to any typed array, whether its buffer is detached: that costs 7 % on python3, and a program that was
 * compiled, as published ones are, does not pay it.
 */

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT_PATH = fileURLToPath(new URL("../../tsconfig.child.json", import.meta.url));
const PROGRAM_PATH = fileURLToPath(new URL("../../dist/bench/src/child/main.js", import.meta.url));

let isCompiled = false;

/** @returns the path of the compiled `child/main.ts`; compiles it on the first call. Throws when it has a wrong type. */
export function childProgram(): string {
  if (!isCompiled) {
    const compiler = createRequire(import.meta.url).resolve("typescript/package.json");
    execFileSync(process.execPath, [join(dirname(compiler), "bin", "tsc"), "-p", PROJECT_PATH]);
    isCompiled = true;
  }
  return PROGRAM_PATH;
}
