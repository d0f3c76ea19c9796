/** The same patterns in C: `threads.c`, with each allocator put in by LD_PRELOAD. */

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runProgram, tryProgram } from "../src/subjects/process.ts";
import type { Pattern } from "./scenario.ts";

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const PROGRAM_PATH = pathOf("../build/threads");

/** The start of each library's file name; none for the C library's own. */
const LIBRARIES: Readonly<Record<string, string | undefined>> = {
  glibc: undefined,
  mimalloc: "libmimalloc.so",
  jemalloc: "libjemalloc.so",
  tcmalloc: "libtcmalloc_minimal.so",
};

/** An allocator that is installed. */
export interface Native {
  readonly name: string;
  /** Runs a pattern, and gives its pairs a second. */
  rate(pattern: Pattern, threadCount: number, periodMs: number): Promise<number>;
}

/** Compiles the program and finds the allocators there are; none without a compiler. */
export async function findNatives(): Promise<Native[]> {
  mkdirSync(pathOf("../build"), { recursive: true });
  const words = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-pthread"];
  const compiled = await tryProgram(...words, "-o", PROGRAM_PATH, pathOf("threads.c"));
  if (compiled === undefined) return [];
  const known = (await tryProgram("/sbin/ldconfig", "-p")) ?? "";
  const natives: Native[] = [];
  for (const [name, fileName] of Object.entries(LIBRARIES)) {
    const line = known
      .split("\n")
      .find((each) => fileName !== undefined && each.trimStart().startsWith(fileName));
    const path = line?.split(" => ")[1];
    if (fileName !== undefined && path === undefined) continue;
    const rate: Native["rate"] = async (pattern, threadCount, periodMs) => {
      const output = await runProgram(
        [PROGRAM_PATH, pattern, String(threadCount), String(periodMs)],
        path === undefined ? {} : { LD_PRELOAD: path },
      );
      return Number(output);
    };
    natives.push({ name, rate });
  }
  return natives;
}
