/**
 * `npm run bench`: kmem beside native allocators, each in processes of its own.
 *
 *   npm run bench                            every workload, as a table
 *   npm run bench -- --quick                 some workloads, within a minute
 *   npm run bench -- --only 'replacement/1e5'  what matches; the text matched is `WORKLOAD SUBJECT`
 *   npm run bench -- --json > FILE           one JSON document in place of the table
 *   npm run bench -- --store                 also written to bench/results/, for `node bench/report.ts`
 */

import { Command, InvalidArgumentError } from "commander";
import { runBenchmarks } from "./src/harness/run.ts";
import { createProgress } from "./src/output/progress.ts";
import { storeDocument } from "./src/output/store.ts";
import { renderForTerminal } from "./src/output/terminal.ts";
import { SUBJECTS } from "./src/subjects/catalogue.ts";
import { WORKLOADS } from "./src/workloads/catalogue.ts";

/** Timing processes of each subject, unless asked otherwise. */
const PROCESS_COUNT = 5;
/** The same, and the timed rounds of each process, when there is little time. */
const QUICK_PROCESS_COUNT = 3;
const QUICK_TIMED_ROUNDS = 3;

interface Options {
  readonly quick: boolean;
  readonly json: boolean;
  readonly store: boolean;
  readonly only?: RegExp;
  readonly processes?: number;
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, "i");
  } catch {
    throw new InvalidArgumentError("It is not a regular expression.");
  }
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError("It is not a whole number from 1 on.");
  return count;
}

const options = new Command("bench")
  .description("Measures kmem's speed and memory beside native allocators, on the same operations.")
  .option("--quick", "run some of the workloads, within a minute", false)
  .option("--only <pattern>", "run what matches: a regular expression on `WORKLOAD SUBJECT`", parsePattern)
  .option(
    "--processes <count>",
    `timing processes of each subject and workload (${PROCESS_COUNT}; quick: ${QUICK_PROCESS_COUNT})`,
    parseCount,
  )
  .option("--json", "print one JSON document in place of the table", false)
  .option("--store", "also write the document to bench/results/", false)
  .parse()
  .opts<Options>();

const workloads = options.quick
  ? WORKLOADS.filter(({ quick }) => quick).map((workload) => ({
      ...workload,
      timedRounds: QUICK_TIMED_ROUNDS,
    }))
  : WORKLOADS;
const benchmarks = await runBenchmarks({
  workloads,
  subjects: SUBJECTS,
  quick: options.quick,
  processCount: options.processes ?? (options.quick ? QUICK_PROCESS_COUNT : PROCESS_COUNT),
  progress: createProgress(),
  ...(options.only && { only: options.only }),
});
if (options.json) {
  for (const { subject, reason } of benchmarks.missing) console.error(`Missing: ${subject} (${reason})`);
  console.log(JSON.stringify(benchmarks, undefined, 2));
} else {
  process.stdout.write(renderForTerminal(benchmarks));
}
if (benchmarks.rows.length === 0) {
  console.error("Nothing ran: no workload and subject match, or all that match are missing.");
  process.exitCode = 1;
} else if (options.store) {
  console.error(`Stored: ${storeDocument(benchmarks)}`);
}
