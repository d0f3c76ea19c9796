/**
 * `npm run bench:shared`: the heap of many threads beside the plain one, a plain one under a lock, and native allocators.
 *
 *   npm run bench:shared                    the table
 *   npm run bench:shared -- --json          one JSON document in its place
 *   npm run bench:shared -- --store         the document also written to bench/results/shared.json
 */

import Table from "cli-table3";
import { Command } from "commander";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { describeCommit, describeMachine } from "../src/harness/machine.ts";
import { medianOf, type Spread, spreadOf } from "../src/harness/statistics.ts";
import { roundTripNs } from "./distance.ts";
import { runScenario } from "./measure.ts";
import { findNatives } from "./native.ts";
import { NATIVE_SCENARIOS, type Pattern, type Scenario, SCENARIOS } from "./scenario.ts";

const STORE_PATH = fileURLToPath(new URL("../results/shared.json", import.meta.url));

/** One line of the figures. */
interface Row {
  readonly pattern: Pattern;
  readonly subject: string;
  readonly workerCount: number;
  /** Pairs of one allocation and one free a second, of all workers. */
  readonly rate: Spread;
  /** The same for seconds on a processor, the median; null where it is not known. */
  readonly cpuRate: number | null;
}

/** Everything that was measured with the machine as it was. */
interface Measurements {
  readonly rows: readonly Row[];
  /** Nanoseconds in which a cache line went to the other processor and back, before each run. */
  readonly lineRoundTripNs: Spread;
}

/** A quotient of two rows, and what it is to be at least. */
interface Comparison {
  readonly what: string;
  readonly ratio: number;
  /** The same of seconds on a processor: it tells of the code where the machine has other work. */
  readonly cpuRatio: number;
  readonly bar: number;
}

const { rounds, periodMs, json, store } = new Command("bench:shared")
  .description("Measures SharedHeap with one, two and eight workers.")
  .option("--rounds <count>", "runs of each line, in turns", Number, 5)
  .option("--period-ms <count>", "milliseconds of each run, after as long a warm-up", Number, 300)
  .option("--json", "print one JSON document in place of the table", false)
  .option("--store", "also write the document to bench/results/", false)
  .parse()
  .opts<{ rounds: number; periodMs: number; json: boolean; store: boolean }>();

/** Each line once a round, so that what changes on the machine meanwhile touches all alike. */
async function measureAll(): Promise<Measurements> {
  const natives = await findNatives();
  const lines = [
    ...SCENARIOS.map((scenario) => ({
      ...scenario,
      run: (): Promise<{ rate: number; cpuRate?: number }> => runScenario(scenario, periodMs),
    })),
    ...natives.flatMap(({ name, rate }) =>
      NATIVE_SCENARIOS.map(({ pattern, workerCount }) => ({
        pattern,
        subject: name,
        workerCount,
        run: async () => ({ rate: await rate(pattern, workerCount, periodMs) }),
      })),
    ),
  ];
  const runs = lines.map((): { rate: number; cpuRate?: number }[] => []);
  const trips: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [index, line] of lines.entries()) {
      trips.push(roundTripNs());
      runs[index]!.push(await line.run());
    }
  }
  const rows = lines.map(({ pattern, subject, workerCount }, index) => ({
    pattern,
    subject,
    workerCount,
    rate: spreadOf(runs[index]!.map(({ rate }) => rate)),
    cpuRate:
      runs[index]![0]?.cpuRate !== undefined
        ? medianOf(runs[index]!.map(({ cpuRate = 0 }) => cpuRate))
        : null,
  }));
  return { rows, lineRoundTripNs: spreadOf(trips) };
}

/** A line of this program's own subjects, by name. */
type Line = readonly [Pattern, Scenario["subject"], number];

const COMPARISONS: readonly { what: string; of: Line; over: Line; bar: number }[] = [
  {
    what: "SharedHeap over the plain Heap, one worker",
    of: ["own", "shared", 1],
    over: ["own", "heap", 1],
    bar: 1 / 3,
  },
  { what: "two workers over one", of: ["own", "shared", 2], over: ["own", "shared", 1], bar: 1.8 },
  { what: "a ring of two over one worker", of: ["ring", "shared", 2], over: ["own", "shared", 1], bar: 1.4 },
  {
    what: "a ring of two over one at both ends",
    of: ["ring", "shared", 2],
    over: ["ring", "shared", 1],
    bar: 1.4,
  },
  { what: "eight workers over two", of: ["own", "shared", 8], over: ["own", "shared", 2], bar: 0.8 },
  { what: "two workers over the locked Heap", of: ["own", "shared", 2], over: ["own", "locked", 2], bar: 2 },
  {
    what: "a ring of two over the locked Heap",
    of: ["ring", "shared", 2],
    over: ["ring", "locked", 2],
    bar: 2,
  },
];

function compare(rows: readonly Row[]): Comparison[] {
  const rowOf = ([pattern, subject, workerCount]: Line): Row =>
    rows.find(
      (row) => row.pattern === pattern && row.subject === subject && row.workerCount === workerCount,
    )!;
  // Seconds on a processor are added over the workers, of which no more run at a time than there are processors.
  const cpuRateOf = (row: Row): number =>
    row.cpuRate! * Math.min(1, availableParallelism() / row.workerCount);
  return COMPARISONS.map(({ what, of, over, bar }) => ({
    what,
    ratio: rowOf(of).rate.median / rowOf(over).rate.median,
    cpuRatio: cpuRateOf(rowOf(of)) / cpuRateOf(rowOf(over)),
    bar,
  }));
}

/** For how long the lock is held, in microseconds, by two workers. */
async function holds(): Promise<Record<string, number>> {
  const scenario = SCENARIOS.find(({ subject, workerCount }) => subject === "shared" && workerCount === 2)!;
  const { holdsUs } = await runScenario(scenario, periodMs, true);
  const at = (share: number): number => holdsUs[Math.floor(share * (holdsUs.length - 1))]!;
  return {
    count: holdsUs.length,
    median: medianOf(holdsUs),
    p99: at(0.99),
    p9999: at(0.9999),
    longest: at(1),
  };
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column < 2 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

function million(rate: number): string {
  return (rate / 1e6).toFixed(1);
}

const { rows, lineRoundTripNs } = await measureAll();
const comparisons = compare(rows);
const document = {
  date: new Date().toISOString(),
  machine: await describeMachine(),
  commit: await describeCommit(),
  node: process.versions.node,
  rounds,
  periodMs,
  lineRoundTripNs,
  rows,
  comparisons,
  lockHoldsUs: await holds(),
};
if (json) console.log(JSON.stringify(document, undefined, 2));
else {
  console.log(
    tableOf(
      ["pattern", "subject", "workers", "million pairs/s", "min – max", "ns of a processor"],
      rows.map(({ pattern, subject, workerCount, rate, cpuRate }) => [
        pattern,
        subject,
        String(workerCount),
        million(rate.median),
        `${million(rate.min)} – ${million(rate.max)}`,
        cpuRate === null ? "–" : ((1e9 * workerCount) / cpuRate).toFixed(1),
      ]),
    ),
  );
  console.log(
    tableOf(
      ["ratio", "", "measured", "by processor time", "at least"],
      comparisons.map(({ what, ratio, cpuRatio, bar }) => [
        what,
        ratio >= bar ? "held" : "missed",
        ratio.toFixed(2),
        cpuRatio.toFixed(2),
        bar.toFixed(2),
      ]),
    ),
  );
  console.log(
    `a cache line from one processor to the other and back: ${lineRoundTripNs.median.toFixed(0)} ns ` +
      `(${lineRoundTripNs.min.toFixed(0)} – ${lineRoundTripNs.max.toFixed(0)})`,
  );
  const { count, median, p99, p9999, longest } = document.lockHoldsUs;
  console.log(
    `lock held ${count} times by two workers: median ${median!.toFixed(1)} µs, 99 % below ${p99!.toFixed(1)}, ` +
      `99.99 % below ${p9999!.toFixed(1)}, longest ${longest!.toFixed(1)}`,
  );
}
if (store) writeFileSync(STORE_PATH, `${JSON.stringify(document, undefined, 2)}\n`);
