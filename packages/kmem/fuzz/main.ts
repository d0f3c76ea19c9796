/**
 * Random operations on every allocator and backing beside a plain model, for as long as you like.
 *
 *     npm run fuzz -- [--operations N] [--seeds K] [--seed N] [--minutes M] [--ops N] [--subject NAME] [--check N]
 *     npm run fuzz -- --play FILE
 *
 * Each run makes one allocator from its seed and does some operations on it, in a thread of its own, so that one that never
 * ends is noticed. A failing run is made as small as it will go, and told three ways: the command that does it again, a
 * file of the numbers that it is made of, for the corpus, and a program.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { Worker } from "node:worker_threads";
import { Presets, SingleBar } from "cli-progress";
import { narrate } from "../test/model/narrate.ts";
import { playScenario, type Scenario, type SeededRun } from "../test/model/scenario.ts";
import { type Plan, readPlan, runsOf, USAGE } from "./plan.ts";
import type { Message } from "./worker.ts";

/** A run that has not ended after so long never will: the longest takes a few seconds. */
const HANG_SECONDS = 180;
/** Making a failure smaller may take longer. */
const SHRINK_SECONDS = 600;

/** Operations that passed, by subject. */
type Done = Map<string, number>;

/** Thrown when a run failed; what there is to say of it is said. */
class Found extends Error {}

function keep(scenario: Scenario, { subject, seed }: SeededRun): string {
  const folder = new URL("../../../.cache/fuzz/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${subject}-${seed}.json`, folder);
  writeFileSync(file, `${JSON.stringify(scenario)}\n`);
  return relative(process.cwd(), file.pathname);
}

/** Has one run done by the worker; resolves when it has passed, rejects when it failed or never ended. */
function runBy(worker: Worker, run: SeededRun): Promise<void> {
  return new Promise((resolve, reject) => {
    const hang = (): void => {
      const check = run.checkInterval === undefined ? "" : ` --check ${run.checkInterval}`;
      console.error(
        `${run.subject} has not ended in time\n` +
          `replay: npm run fuzz -- --seed ${run.seed} --subject ${run.subject} --ops ${run.operations}${check}`,
      );
      finish(new Found());
    };
    let timer = setTimeout(hang, HANG_SECONDS * 1000);
    const onMessage = (message: Message): void => {
      if (message.kind === "passed") finish();
      else if (message.kind === "failed") {
        clearTimeout(timer);
        timer = setTimeout(hang, SHRINK_SECONDS * 1000);
        console.error(`\n${message.text}\n${message.stack}`);
        console.error(`kept in ${keep(message.scenario, run)}; it is being made smaller …`);
      } else {
        const file = keep(message.scenario, run);
        console.error(`\nsmallest: ${message.scenario.operations.length} operations, ${file}`);
        console.error(`replay: npm run fuzz -- --play ${file}\n\n${message.program.join("\n")}`);
        finish(new Found());
      }
    };
    const finish = (error?: unknown): void => {
      clearTimeout(timer);
      worker.off("message", onMessage).off("error", finish);
      if (error === undefined) resolve();
      else reject(error);
    };
    worker.on("message", onMessage).on("error", finish);
    worker.postMessage(run);
  });
}

/** Does the runs of the plan; returns the operations that passed. */
async function runAll(plan: Plan, worker: Worker, done: Done): Promise<{ lastSeed: number }> {
  const bar = new SingleBar(
    {
      format: "{bar} {percentage} %  {operations} operations  seed {seed}  {subject}",
      hideCursor: true,
      clearOnComplete: true,
      noTTYOutput: false,
    },
    Presets.shades_grey,
  );
  const start = performance.now();
  const runCount = plan.seedCount * plan.subjects.length;
  let runs = 0;
  let operations = 0;
  let lastSeed = plan.firstSeed;
  bar.start(1000, 0, { operations: 0, seed: plan.firstSeed, subject: "" });
  try {
    for (const run of runsOf(plan)) {
      const minutes = (performance.now() - start) / 60_000;
      if (minutes >= plan.minutes) break;
      const share = Math.max(minutes / plan.minutes, runs / runCount);
      const { seed, subject } = run;
      bar.update(Math.floor(1000 * share), { operations: operations.toLocaleString("en"), seed, subject });
      await runBy(worker, run);
      runs++;
      operations += run.operations;
      lastSeed = seed;
      done.set(subject, (done.get(subject) ?? 0) + run.operations);
    }
  } finally {
    bar.stop();
  }
  return { lastSeed };
}

function report(plan: Plan, done: Done, lastSeed: number, seconds: number): void {
  const rows = [...done, ["total", [...done.values()].reduce((sum, count) => sum + count, 0)] as const];
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, count] of rows) {
    console.log(`${name.padEnd(width)}  ${count.toLocaleString("en").padStart(12)} operations`);
  }
  const total = rows.at(-1)![1];
  console.log(
    `no failure: ${total.toLocaleString("en")} operations, seeds ${plan.firstSeed} to ${lastSeed} ` +
      `(${lastSeed - plan.firstSeed + 1}) of ${done.size} subjects, ${plan.operationsARun.toLocaleString("en")} operations each, ` +
      `in ${seconds.toFixed(0)} s (${Math.round(total / seconds).toLocaleString("en")} a second)`,
  );
}

/** Plays the scenario in `file`, and tells it. */
function play(file: string): void {
  const scenario = JSON.parse(readFileSync(file, "utf8")) as Scenario;
  const failure = playScenario(scenario);
  console.log(narrate(scenario).join("\n"));
  if (failure === undefined) console.log("no failure");
  else {
    console.error(`${scenario.subject}, ${failure.description}: ${failure.reason}`);
    console.error(failure.error);
    process.exitCode = 1;
  }
}

async function fuzz(plan: Plan): Promise<void> {
  const worker = new Worker(new URL("worker.ts", import.meta.url));
  const done: Done = new Map();
  const start = performance.now();
  try {
    const { lastSeed } = await runAll(plan, worker, done);
    report(plan, done, lastSeed, (performance.now() - start) / 1000);
  } catch (error) {
    if (!(error instanceof Found)) console.error(error);
    process.exitCode = 1;
  } finally {
    await worker.terminate();
  }
}

async function main(): Promise<void> {
  try {
    const plan = readPlan(process.argv.slice(2));
    if (plan === undefined) console.log(USAGE);
    else if (plan.play === undefined) await fuzz(plan);
    else play(plan.play);
  } catch (error) {
    console.error(`${(error as Error).message} (npm run fuzz -- --help lists the options)`);
    process.exitCode = 2;
  }
}

await main();
