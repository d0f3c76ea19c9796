/**
 * Random operations on every allocator and backing beside a plain model, for as long as you like.
 *
 *     npm run fuzz -- [--seed N] [--seeds K] [--ops N] [--subject NAME] [--minutes M]
 *
 * Each run makes one allocator from its seed and does `--ops` operations on it. Without options: as many seeds as it
 * takes for ten million operations over all subjects. A failure prints the command that does it again.
 */
import { parseArgs } from "node:util";
import { runSubject, SUBJECT_NAMES } from "../test/model/subjects.ts";

const DEFAULT_OPERATIONS = 10_000_000;
const DEFAULT_OPERATIONS_A_RUN = 2000;

const USAGE = `npm run fuzz -- [options]
  --seed N        the first seed; alone, the only one (default 1)
  --seeds K       how many seeds, counted up (default: enough for ten million operations)
  --ops N         operations a run (default ${DEFAULT_OPERATIONS_A_RUN})
  --subject NAME  one of ${SUBJECT_NAMES.join(", ")} (default: all)
  --minutes M     go on for so long, instead of a number of seeds`;

/** What the command line asks for. */
interface Plan {
  firstSeed: number;
  seedCount: number;
  operationCount: number;
  subjects: readonly string[];
  minutes: number;
}

function positive(name: string, text: string, isWhole = true): number {
  const value = Number(text);
  if (value > 0 && value < 2 ** 32 && (!isWhole || Number.isInteger(value))) return value;
  throw new RangeError(`--${name} must be a positive ${isWhole ? "integer" : "number"}, got "${text}"`);
}

function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      ops: { type: "string" },
      subject: { type: "string" },
      minutes: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    process.exit(0);
  }
  const subjects = values.subject === undefined ? SUBJECT_NAMES : [values.subject];
  for (const name of subjects) {
    if (!SUBJECT_NAMES.includes(name)) {
      throw new RangeError(`--subject must be one of ${SUBJECT_NAMES.join(", ")}, got "${name}"`);
    }
  }
  const operationCount = positive("ops", values.ops ?? String(DEFAULT_OPERATIONS_A_RUN));
  const enough = Math.ceil(DEFAULT_OPERATIONS / (operationCount * subjects.length));
  const seedCount = values.seeds ?? (values.seed === undefined ? enough : 1);
  return {
    firstSeed: positive("seed", values.seed ?? "1"),
    seedCount: values.minutes === undefined ? positive("seeds", String(seedCount)) : Infinity,
    operationCount,
    subjects,
    minutes: values.minutes === undefined ? Infinity : positive("minutes", values.minutes, false),
  };
}

/** Runs the plan, seed by seed over all subjects; returns the operations done by each. */
function run(plan: Plan): Map<string, number> {
  const done = new Map(plan.subjects.map((name) => [name, 0]));
  const start = performance.now();
  let runs = 0;
  for (let index = 0; index < plan.seedCount; index++) {
    for (const name of plan.subjects) {
      const minutes = (performance.now() - start) / 60_000;
      if (minutes >= plan.minutes) return done;
      showProgress(plan, runs++, minutes, name);
      runSubject(name, plan.firstSeed + index, plan.operationCount);
      done.set(name, done.get(name)! + plan.operationCount);
    }
  }
  return done;
}

function showProgress(plan: Plan, runs: number, minutes: number, name: string): void {
  if (!process.stderr.isTTY) return;
  const share = Math.max(minutes / plan.minutes, runs / (plan.seedCount * plan.subjects.length));
  const operations = (runs * plan.operationCount).toLocaleString("en");
  process.stderr.write(
    `\r${(share * 100).toFixed(1).padStart(5)} %  ${operations} operations  ${name}\x1b[K`,
  );
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}

function report(done: Map<string, number>, seconds: number): void {
  const width = Math.max(...SUBJECT_NAMES.map((name) => name.length));
  let total = 0;
  for (const [name, operations] of done) {
    console.log(`${name.padEnd(width)}  ${operations.toLocaleString("en").padStart(12)} operations`);
    total += operations;
  }
  console.log(`${"total".padEnd(width)}  ${total.toLocaleString("en").padStart(12)} operations`);
  console.log(`no failure in ${seconds.toFixed(0)} s`);
}

function main(): void {
  let plan: Plan;
  try {
    plan = readPlan();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  const start = performance.now();
  try {
    const done = run(plan);
    clearProgress();
    report(done, (performance.now() - start) / 1000);
  } catch (error) {
    clearProgress();
    console.error((error as Error).message);
    console.error((error as Error).cause);
    process.exitCode = 1;
  }
}

main();
