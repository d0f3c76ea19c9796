// The loop of malloc and free inside Wasm, c/loop.c, on each allocator.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Allocator, build } from "./build.ts";

/** How many objects live while others are replaced. */
export const LIVE_COUNTS: readonly number[] = [1_000, 10_000, 100_000];

/** Nanoseconds for one free and one malloc, the loop around them counted. */
export interface LoopTimes {
  /** A random object of so many replaced by another, of 16 to 1,024 bytes. */
  readonly replaced: readonly number[];
  /** The same, and the first word of each new object written: the program's own miss of the cache, if it is one. */
  readonly written: readonly number[];
  /** The same object of 64 bytes allocated and freed at once. */
  readonly sameAgain: number;
  /** The loop without the allocator. */
  readonly loopAlone: number;
}

/** Runs all cases on one allocator, in a process of its own. */
export function runLoop(allocator: Allocator): LoopTimes {
  const script = build("loop", [join(import.meta.dirname, "c", "loop.c")], [], allocator);
  const output = execFileSync(process.execPath, [join(import.meta.dirname, "loop-child.ts"), script]);
  return JSON.parse(output.toString()) as LoopTimes;
}
