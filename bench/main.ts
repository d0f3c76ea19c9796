/**
 * `npm run bench`: kmem beside other allocators, each in processes of its own.
 *
 *   npm run bench                                     every workload and subject, as tables
 *   npm run bench -- --quick                          some workloads, within two minutes
 *   npm run bench -- --only real,random-replacement/1e5 --subjects kmem,mimalloc
 *   npm run bench -- --json > FILE                    one JSON document in place of the tables
 *   npm run bench -- --plots FOLDER                   also one or two SVG files for each group
 *   npm run bench -- --store                          also written to bench/results/, for `node bench/report.ts`
 *
 * Ctrl+C ends it with what was measured until then.
 */

import { Command, InvalidArgumentError, Option } from "commander";
import { runBenchmarks } from "./src/harness/run.ts";
import { missingLines } from "./src/output/figures.ts";
import { writePlots } from "./src/output/pictures.ts";
import { createProgress } from "./src/output/progress.ts";
import { storeDocument } from "./src/output/store.ts";
import { renderForTerminal } from "./src/output/terminal.ts";
import { selectSubjects, SUBJECTS } from "./src/subjects/catalogue.ts";
import type { Subject } from "./src/subjects/subject.ts";
import { selectWorkloads, WORKLOADS } from "./src/workloads/catalogue.ts";
import type { Workload } from "./src/workloads/workload.ts";

/** Timing processes of each subject, unless asked otherwise. */
const PROCESS_COUNT = 5;
/** The same, and the timed rounds of each process, when there is little time; single operations are not timed then. */
const QUICK_PROCESS_COUNT = 2;
const QUICK_TIMED_ROUNDS = 3;
/** By so much a quick run warms up for a shorter time: enough for a look. */
const QUICK_WARMUP_DIVISOR = 4;

interface Options {
  readonly quick: boolean;
  readonly json: boolean;
  readonly store: boolean;
  readonly plots?: string;
  readonly only?: Workload[];
  readonly subjects: readonly Subject[];
  readonly processes?: number;
}

/** Turns a list of names into what `select` makes of them. */
function parseNames<T>(select: (names: readonly string[]) => T): (text: string) => T {
  return (text) => {
    try {
      return select(text.split(",").map((name) => name.trim()));
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
    }
  };
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError("It is not a whole number from 1 on.");
  return count;
}

const options = new Command("bench")
  .description("Measures kmem's speed and memory beside other allocators, on the same operations.")
  .option("--quick", "run some of the workloads, within two minutes", false)
  .option("--only <workloads>", "names of workloads or groups, between commas", parseNames(selectWorkloads))
  .addOption(
    new Option(
      "--subjects <subjects>",
      "beginnings of subjects' names, or of what follows a comma in them; between commas",
    )
      .argParser(parseNames(selectSubjects))
      .default(SUBJECTS, "all"),
  )
  .option(
    "--processes <count>",
    `timing processes of each subject and workload (${PROCESS_COUNT}; quick: ${QUICK_PROCESS_COUNT})`,
    parseCount,
  )
  .option("--json", "print one JSON document in place of the tables", false)
  .option("--plots <folder>", "also draw each group, as SVG files in this folder")
  .option("--store", "also write the document to bench/results/", false)
  .parse()
  .opts<Options>();

const chosen = options.only ?? WORKLOADS.filter(({ quick }) => quick || !options.quick);
const interruption = new AbortController();
process.once("SIGINT", () => interruption.abort());
const benchmarks = await runBenchmarks({
  workloads: options.quick
    ? chosen.map((workload) => ({
        ...workload,
        warmupRounds: Math.ceil(workload.warmupRounds / QUICK_WARMUP_DIVISOR),
        timedRounds: QUICK_TIMED_ROUNDS,
        hasLatency: false,
      }))
    : chosen,
  subjects: options.subjects,
  quick: options.quick,
  processCount: options.processes ?? (options.quick ? QUICK_PROCESS_COUNT : PROCESS_COUNT),
  progress: createProgress(),
  signal: interruption.signal,
});
if (options.json) {
  for (const line of missingLines(benchmarks)) console.error(line);
  console.log(JSON.stringify(benchmarks, undefined, 2));
} else {
  process.stdout.write(renderForTerminal(benchmarks));
}
if (interruption.signal.aborted) {
  console.error(`Interrupted: ${benchmarks.workloads.length} of ${chosen.length} workloads were measured.`);
  process.exitCode = 130;
} else if (benchmarks.rows.length === 0) {
  console.error("Nothing ran: no subject that is there runs any of the workloads.");
  process.exitCode = 1;
}
if (benchmarks.rows.length > 0) {
  if (options.plots !== undefined) {
    for (const path of writePlots(benchmarks, options.plots)) console.error(`Drawn: ${path}`);
  }
  if (options.store) console.error(`Stored: ${storeDocument(benchmarks)}`);
}
