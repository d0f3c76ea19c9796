/**
 * A shared heap under real workers, for as long as you like.
 *
 *     npm run stress -- [--minutes M] [--seed N] [--seeds K] [--rounds R]
 *     npm run stress -- --chaos [--kills N] [--seeds K] [--seed N]
 *     npm run stress -- --steps
 *
 * Without an option: workers that allocate, free and exchange objects, and end in every way but by being killed. `--chaos`:
 * they are killed at random moments. After each end everything is compared. A seed decides what each worker wants to do; in which order they come to it, the
 * machine does: a failure may need several runs of the command that is printed.
 */
import { parseArgs } from "node:util";
import { type CrewFigures, noFigures } from "../test/shared/crew/crew.ts";
import { runCrew } from "../test/shared/crew/runs.ts";
import { killAtSteps, type StepKillFigures } from "../test/shared/crew/step-kills.ts";

const USAGE = `npm run stress -- [options]
  --minutes M   go on for so long, with seeds counted up (default 1, where nothing else is said)
  --seed N      the first seed; alone, the only one (default 1)
  --seeds K     how many seeds
  --rounds R    ends of workers for each seed (default 40)
  --chaos       kill workers at random moments
  --kills N     kills in all, shared out over the seeds (default 2000, over 20 seeds)
  --steps       kill a worker at every numbered step of the library, instead`;

interface Plan {
  readonly mode: "stress" | "chaos" | "steps";
  readonly firstSeed: number;
  readonly seedCount: number;
  readonly rounds: number;
  readonly minutes: number;
}

function positive(name: string, text: string, isWhole = true): number {
  const value = Number(text);
  if (value > 0 && value < 2 ** 32 && (!isWhole || Number.isInteger(value))) return value;
  throw new RangeError(`--${name} must be a positive ${isWhole ? "integer" : "number"}, got "${text}"`);
}

function readPlan(): Plan {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values } = parseArgs({
    options: {
      minutes: text,
      seed: text,
      seeds: text,
      rounds: text,
      kills: text,
      chaos: flag,
      steps: flag,
      help: flag,
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    process.exit(0);
  }
  const isChaos = values.chaos === true;
  const firstSeed = positive("seed", values.seed ?? "1");
  const oneOrMany = values.seed === undefined ? "20" : "1";
  const seedCount = positive("seeds", values.seeds ?? oneOrMany);
  const kills = positive("kills", values.kills ?? String(100 * seedCount));
  const minutes = values.minutes ?? (isChaos || values.seed !== undefined ? undefined : "1");
  return {
    mode: values.steps === true ? "steps" : isChaos ? "chaos" : "stress",
    firstSeed,
    seedCount: values.minutes === undefined && minutes === undefined ? seedCount : Infinity,
    rounds: isChaos ? Math.ceil(kills / seedCount) : positive("rounds", values.rounds ?? "40"),
    minutes: minutes === undefined ? Infinity : positive("minutes", minutes, false),
  };
}

function add(total: CrewFigures, figures: CrewFigures): void {
  for (const [key, value] of Object.entries(figures) as [keyof CrewFigures, number][]) total[key] += value;
}

function n(value: number): string {
  return value.toLocaleString("en");
}

function describe(figures: CrewFigures): string {
  const { operations, kills, exits, detaches, withLock, midway, slots, verified } = figures;
  return (
    `${n(operations)} operations; ${n(kills)} kills, ${n(exits)} exits, ${n(detaches)} detached; ` +
    `${n(withLock)} died with the lock, ${n(midway)} in the middle of an operation; ` +
    `${n(slots)} slots came back; ${n(verified)} objects compared`
  );
}

async function run({ mode, firstSeed, seedCount, rounds, minutes }: Plan): Promise<void> {
  const start = performance.now();
  const total = noFigures();
  const endings = mode === "chaos" ? (["kill"] as const) : (["exit", "detach", "detach"] as const);
  for (let index = 0; index < seedCount && performance.now() - start < minutes * 60_000; index++) {
    const seed = firstSeed + index;
    const replay = `npm run stress -- ${mode === "chaos" ? `--chaos --kills ${rounds}` : `--rounds ${rounds}`} --seed ${seed}`;
    try {
      const figures = await runCrew({ seed, rounds, operations: 2000, endings });
      add(total, figures);
      console.log(`seed ${seed}: ${describe(figures)}`);
    } catch (error) {
      console.error(`again: ${replay}`);
      throw error;
    }
  }
  console.log(`in all: ${describe(total)}`);
  console.log(`no failure in ${((performance.now() - start) / 1000).toFixed(0)} s`);
}

function describeSteps({ passed, tried, killed }: StepKillFigures): string {
  return `${n(passed)} steps passed, killed at ${n(killed)} of ${n(tried)}`;
}

async function runSteps(seed: number): Promise<void> {
  const { work, recovery } = await killAtSteps({ seed, limit: Infinity });
  console.log(`allocating, freeing, growing: ${describeSteps(work)}\nrecovering: ${describeSteps(recovery)}`);
}

async function main(): Promise<void> {
  let plan: Plan;
  try {
    plan = readPlan();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  try {
    await (plan.mode === "steps" ? runSteps(plan.firstSeed) : run(plan));
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}

await main();
