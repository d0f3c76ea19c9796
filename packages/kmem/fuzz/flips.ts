/**
 * Flipped bits in a heap's tables: every bit of a small one, one at a time, and random ones in larger heaps, many at a
 * time. `check()` finds them, unless they carry no meaning, and no operation hangs or throws anything but an `AllocError`.
 *
 *     npm run fuzz:flips -- [--random N] [--seed N]
 *
 * `--random` is the number of random flips (default 10,000), from `--seed` on (default 0). Two threads share the work. Prints
 * how many were found, and what those mean that were not.
 */
import { parseArgs } from "node:util";
import { type FlipPlan, type FlipTally, smallSubject } from "../test/corruption/flip.ts";
import { MEANINGLESS, type Reason } from "../test/corruption/meaning.ts";
import { sumOf, watchFlips } from "../test/corruption/watch.ts";

const THREADS = 2;

function show(value: number): string {
  return value.toLocaleString("en").padStart(9);
}

function report(what: string, { flips, found, meaningless, failures }: FlipTally): void {
  console.log(`${show(flips)} ${what}`);
  console.log(`${show(found)} found by check()`);
  for (const [reason, count] of Object.entries(meaningless).sort((a, b) => b[1] - a[1])) {
    console.log(`${show(count)} without a meaning: ${MEANINGLESS[reason as Reason]}`);
  }
  console.log(`${show(failures.length)} failures\n`);
  for (const failure of failures.slice(0, 20)) console.log(`  ${failure}`);
}

/** Shares a plan among threads. */
async function run(plan: Omit<FlipPlan, "step">): Promise<FlipTally> {
  const plans = Array.from({ length: THREADS }, (_, thread) => ({
    ...plan,
    from: plan.from + thread,
    step: THREADS,
  }));
  const onProgress = (number: number): void => {
    const share = (100 * (number - plan.from)) / (plan.to - plan.from);
    if (process.stderr.isTTY) process.stderr.write(`\r${plan.kind} ${share.toFixed(0)} %`);
  };
  const tallies = await Promise.all(plans.map((each) => watchFlips(each, onProgress)));
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return sumOf(tallies);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 31) return value;
  throw new RangeError(`--${name} must be a whole number, got "${text}"`);
}

const { values } = parseArgs({ options: { random: { type: "string" }, seed: { type: "string" } } });
const count = whole("random", values.random ?? "10000");
const from = whole("seed", values.seed ?? "0");
const start = performance.now();
const each = await run({ kind: "each", from: 0, to: smallSubject().bitCount });
report("bits of a small heap, each flipped alone", each);
const random = await run({ kind: "random", from, to: from + count });
report(`times 2 to 64 random bits of larger heaps, seeds ${from} to ${from + count - 1}`, random);
console.log(`${((performance.now() - start) / 1000).toFixed(0)} s`);
if (each.failures.length + random.failures.length > 0) process.exitCode = 1;
