// The model of the shared heap's protocol (model/shared-heap.pml), explored completely by spin.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const MODEL = join(import.meta.dirname, "../../model/shared-heap.pml");
const CACHE = join(import.meta.dirname, "../../../../.cache/model");
const hasTools = ["/usr/bin/spin", "/usr/bin/gcc", "/usr/include/stdio.h"].every((path) => existsSync(path));
if (!hasTools) {
  console.warn(
    "\n!!! NOT TESTED: the shared heap's model, for want of spin or gcc: npm run setup -- model\n",
  );
}

/** An exploration takes a minute by itself, and more where the machine has other work. */
const EXPLORE_MS = 600_000;

/** What an exploration found. */
interface Exploration {
  /** Every state was seen. */
  isComplete: boolean;
  states: number;
  /** The assertion that failed, if one did. */
  violation: string | undefined;
}

function run(folder: string, command: string, ...parameters: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, parameters, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** Explores the model with the given settings. */
function explore(...settings: string[]): Exploration {
  const folder = join(CACHE, settings.join("").replaceAll(/[^A-Z0-9_]+/g, "-"));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const definitions = settings.map((setting) => `-D${setting}`);
  run(folder, "spin", "-a", ...definitions, MODEL);
  // `provided` is not sound with spin's reduction. States are kept whole: no hashing that could miss one.
  run(folder, "gcc", "-O2", "-DNOREDUCE", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=4096", "-o", "pan", "pan.c");
  // Who was killed is in no end state, so Watch looks for deadlocks instead of spin (-E).
  const report = run(folder, "./pan", "-E", "-m100000");
  rmSync(join(folder, "pan"));
  return {
    isComplete: !/max search depth too small|Search not completed|out of memory/.test(report),
    states: Number(/(\d+) states, stored/.exec(report)![1]),
    violation: /assertion violated (\(.*\)) \(at depth/.exec(report)?.[1],
  };
}

describe.skipIf(!hasTools && process.env["CI"] === undefined)("the model of the shared heap", () => {
  test.each([
    ["two workers, one of them killed", 500_000, ["WORKERS=2", "KILLS=1", "SLOTS=2"]],
    ["the same, where slots are sent home", 500_000, ["WORKERS=2", "KILLS=1", "SLOTS=2", "HOME"]],
    ["its rescuer killed as well", 1_000_000, ["WORKERS=2", "KILLS=2", "SLOTS=2", "OPERATIONS=1", "HOME"]],
    ["three workers", 100_000, ["WORKERS=3", "KILLS=0", "OPERATIONS=1"]],
    ["three that send slots home", 100_000, ["WORKERS=3", "KILLS=0", "OPERATIONS=1", "HOME"]],
    ["two frees of one object", 100, ["WORKERS=2", "KILLS=0", "DOUBLE_FREE"]],
  ])(
    "holds for %s",
    (_, fewestStates, settings) => {
      const { isComplete, states, violation } = explore(...settings);
      expect({ isComplete, violation }).toEqual({ isComplete: true, violation: undefined });
      // Else it would hold because nothing happens.
      expect(states).toBeGreaterThan(fewestStates);
    },
    EXPLORE_MS,
  );

  test.each([
    ["TOP_FIRST", "(count==1)", ["KILLS=1", "SLOTS=2"]],
    ["DEPOT_FIRST", "(count==1)", ["KILLS=1", "SLOTS=2"]],
    ["NO_INHERIT", "(count==1)", ["KILLS=1", "SLOTS=2"]],
    ["NO_REBUILD", "(counted==freeCount)", ["KILLS=1", "SLOTS=2"]],
    ["NO_WAKE_ALL", "(ended[thread]||dead[thread])", ["KILLS=1", "SLOTS=2"]],
    ["INBOX_FIRST", "(count==1)", ["KILLS=1", "SLOTS=2", "HOME"]],
    ["NO_EMPTY_INBOXES", "(count==1)", ["KILLS=1", "SLOTS=2", "HOME"]],
    ["NO_CLOSE", "(count==1)", ["KILLS=1", "SLOTS=2", "HOME"]],
    ["PLAIN_AND", "(count==1)", ["KILLS=0", "DOUBLE_FREE"]],
  ])(
    "finds the fault %s",
    (fault, violation, settings) => {
      expect(explore(fault, ...settings).violation).toBe(violation);
    },
    EXPLORE_MS,
  );
});
