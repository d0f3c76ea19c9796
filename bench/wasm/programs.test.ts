// Real programs give the same output on kmem's malloc as on the one that Emscripten links by default.

import { describe, expect, test } from "vitest";
import { canTest } from "../../scripts/wasm/compile.ts";
import { missingEmscripten } from "./build.ts";
import { PROGRAMS } from "./programs.ts";
import { runProgram } from "./run.ts";

/** Words that show that a program did what it is here for; an empty output would equal another. */
const PROOF: Record<string, RegExp> = {
  cjson: /^\d{7} bytes of JSON, 1 rounds, checksum [0-9a-f]{8}$/m,
  lua: /^coroutines\t\d+$/m,
  "lua-cache": /^cache\t\d+$/m,
  sqlite: /TOTAL.*…/,
  minigzip: /^text.gz [0-9a-f]{64}$/m,
  "zlib-test": /^inflate with dictionary: hello, hello!$/m,
  "cjson-parse-examples": /^\d+ Tests 0 Failures 0 Ignored/m,
  "cjson-misc-tests": /^\d+ Tests 0 Failures 0 Ignored/m,
};

/** A first run compiles the program, twice: minutes where the machine has other work. */
const COMPILE_MS = 600_000;

const ready = canTest("programs in Wasm on kmem's malloc", missingEmscripten());

describe.runIf(ready)("programs in Wasm", () => {
  test.each(PROGRAMS.map((program) => ({ program, name: program.name })))(
    "$name puts out the same with kmem as with dlmalloc",
    ({ program }) => {
      const [ours, theirs] = [runProgram(program, "kmem", 1), runProgram(program, "dlmalloc", 1)];
      expect(ours.output).toMatch(PROOF[program.name]!);
      expect(ours.output).toBe(theirs.output);
    },
    COMPILE_MS,
  );
});
