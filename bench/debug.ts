/**
 * `npm run bench:debug`: what the modes of `kmem/debug` cost, as ratios to the plain heap on the same operations.
 *
 *   npm run bench:debug                               what programs asked for, and random replacement; minutes
 *   npm run bench:debug -- --only real/git,random-replacement/1e3 --processes 7
 *   npm run bench:debug -- --modes off,sampled
 *   npm run bench:debug -- --modes "shared,shared full"   a shared heap of one thread, and what its guard costs
 *   npm run bench:debug -- --json > FILE              the harness's document in place of the table
 *
 * Each heap runs in processes of its own, which take turns; a figure is the median over the processes. Rounds are timed by
 * the processor time of their thread, which other work on the machine disturbs little; since the system counts that in
 * steps of milliseconds, there are many rounds, timed as one. The plain heap is measured twice, as *again*: its ratio to
 * itself says how far the others can be trusted.
 */

import { Command } from "commander";
import { geometricMeanOf } from "./src/harness/statistics.ts";
import { runBenchmarks } from "./src/harness/run.ts";
import type { BenchmarkDocument } from "./src/harness/document.ts";
import { missingLines } from "./src/output/figures.ts";
import { createProgress } from "./src/output/progress.ts";
import type { Subject } from "./src/subjects/subject.ts";
import { DEBUG_SUBJECTS } from "./src/subjects/javascript.ts";
import { selectWorkloads } from "./src/workloads/catalogue.ts";

const PROCESS_COUNT = 5;
/** Timed rounds, as a multiple of those of the other benchmarks: 0.3 s and more of processor time. */
const TIMED_FACTOR = 4;
const DEFAULT_WORKLOADS = ["real", "random-replacement/1e3", "random-replacement/1e5"];
/** The most that a mode may cost, as a ratio to the plain heap. */
const BARS: Readonly<Record<string, number>> = { off: 1.02, sampled: 1.03, full: 6 };

/** The name that the plain heap has the second time. */
const CONTROL = "again";

const [plain, ...allModes] = DEBUG_SUBJECTS;
if (plain === undefined) throw new Error("there is no plain heap to hold the others against");

/** A line of the table: cells of a fixed width behind a name. */
function line(name: string, cells: readonly string[]): string {
  return name.padEnd(26) + cells.map((cell) => cell.padStart(16)).join("");
}

/** The preset of a subject, which its name ends in. */
function presetOf({ name }: Subject): string {
  return name.replace(/^.*, /, "");
}

function render({ rows, workloads, machine, date }: BenchmarkDocument): string {
  const figure = (workload: string, subject: string, of: "median" | "min" = "median"): number =>
    rows.find((row) => row.workload === workload && row.subject === subject)?.nsPerOp[of] ?? NaN;
  const short = modes.map(presetOf);
  const lines = workloads.map(({ name }) => {
    const base = figure(name, plain!.name);
    const ratios = modes.map((mode) => (figure(name, mode.name) / base).toFixed(3));
    return line(name, [base.toFixed(1), ...ratios]);
  });
  const meansOf = (of: "median" | "min"): number[] =>
    modes.map((mode) =>
      geometricMeanOf(
        workloads.map(({ name }) => figure(name, mode.name, of) / figure(name, plain!.name, of)),
      ),
    );
  const means = meansOf("median");
  const verdicts = short.map((mode, index) => {
    const bar = BARS[mode];
    if (bar === undefined) return "";
    return `${(means[index] ?? NaN) <= bar ? "reached" : "missed"} ${bar}`;
  });
  return [
    `${date}, ${machine.processor}, ${machine.processorCount} processors, load ${machine.loadAverage.toFixed(1)}`,
    line("workload", ["Heap, ns", ...short.map((mode) => `${mode} / Heap`)]),
    ...lines,
    line("geometric mean", ["", ...means.map((mean) => mean.toFixed(3))]),
    // On a machine with other work, the process that was disturbed least says more.
    line("of the least processes", ["", ...meansOf("min").map((mean) => mean.toFixed(3))]),
    line("at most", ["", ...verdicts]),
  ].join("\n");
}

const options = new Command("bench:debug")
  .description("Measures what the modes of kmem/debug cost, beside the plain heap.")
  .option("--only <workloads>", "names of workloads or groups, between commas", (text) => text.split(","))
  .option("--modes <presets>", "names of presets, between commas", (text) => text.split(","))
  .option("--processes <count>", "processes of each heap and workload", Number, PROCESS_COUNT)
  .option("--json", "print the document in place of the table", false)
  .parse()
  .opts<{ only?: string[]; modes?: string[]; processes: number; json: boolean }>();
const modes = allModes.filter(
  (mode) => presetOf(mode) === CONTROL || (options.modes?.includes(presetOf(mode)) ?? true),
);

const benchmarks = await runBenchmarks({
  workloads: selectWorkloads(options.only ?? DEFAULT_WORKLOADS).map((workload) => ({
    ...workload,
    timedRounds: TIMED_FACTOR * workload.timedRounds,
    hasLatency: false,
  })),
  subjects: [plain, ...modes],
  quick: false,
  processCount: options.processes,
  progress: createProgress(),
});
for (const missing of missingLines(benchmarks)) console.error(missing);
console.log(options.json ? JSON.stringify(benchmarks, undefined, 2) : render(benchmarks));
