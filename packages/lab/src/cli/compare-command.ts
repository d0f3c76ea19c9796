/** `kmem compare`: recordings through several allocators, side by side. */
import { basename, join } from "node:path";
import { mkdirSync } from "node:fs";
import { Command } from "commander";
import { compareTrace } from "../compare/compare.ts";
import { COMPARE_SCHEMA, type CompareReport, type ComparedRecording } from "../compare/report.ts";
import { findGuests } from "../files/guests.ts";
import { loadTrace } from "../files/load-trace.ts";
import { OutputFile } from "../files/output-file.ts";
import { reasonOf, UserError } from "../files/user-error.ts";
import { renderCompareReport } from "./compare-text.ts";
import { formatCounted } from "./format.ts";
import { addCommonOptions, wholeNumber, type CommonOptions } from "./options.ts";
import { progressFor, type Progress } from "./progress.ts";
import { styleFor } from "./style.ts";

const DEFAULT_SPACE_PERCENT = 110;
const MIN_SPACE_PERCENT = 100;

/** The options of `kmem compare`. */
interface CompareCommandOptions extends CommonOptions {
  /** Percent of the peak. */
  readonly space: number;
  /** Folder for the plots. */
  readonly plots?: string;
  readonly force?: true;
  /** Events. */
  readonly limit?: number;
  readonly guests: boolean;
}

/** The command, for the command line's parser. */
export function compareCommand(): Command {
  const command = new Command("compare")
    .description(
      "run recordings through several allocators: what each holds, wastes, refuses, and how long it takes",
    )
    .argument("<FILE...>", "trace files, or recordings that kmem import reads")
    .option("--plots <folder>", "write plots there, as SVG")
    .option("--force", "replace plots that exist")
    .option(
      "--space <percent>",
      "room of the run in which allocations may fail, of the peak of what is asked for",
      wholeNumber(MIN_SPACE_PERCENT),
      DEFAULT_SPACE_PERCENT,
    )
    .option("--limit <events>", "take only the first events of each file", wholeNumber(1))
    .option("--no-guests", "leave out the Wasm modules and packages that the benchmarks install");
  return addCommonOptions(command).action(async (files: string[], options: CompareCommandOptions) => {
    const progress = progressFor(options);
    const recordings: ComparedRecording[] = [];
    try {
      for (const file of files) recordings.push(await compareFile(file, options, progress));
    } finally {
      progress.finish();
    }
    const report: CompareReport = { schema: COMPARE_SCHEMA, recordings };
    const plots =
      options.plots === undefined ? [] : await writePlots(report, options.plots, options.force ?? false);
    process.stdout.write(
      options.json
        ? `${JSON.stringify(report, null, 2)}\n`
        : renderCompareReport(report, plots, styleFor(process.stdout)),
    );
  });
}

async function compareFile(
  file: string,
  options: CompareCommandOptions,
  progress: Progress,
): Promise<ComparedRecording> {
  const { trace, origin } = await loadTrace(file, {
    limit: options.limit ?? Infinity,
    onProgress: ({ readBytes, fileBytes, eventCount }) => {
      progress.show(
        `Reading ${basename(file)}`,
        readBytes,
        fileBytes ?? readBytes,
        formatCounted(eventCount, "event"),
      );
    },
  });
  const { guests, missing } = options.guests ? await findGuests() : { guests: [], missing: [] };
  return compareTrace(trace, {
    origin,
    guests,
    missing,
    tightPercent: options.space,
    onProgress: (name, done, total) => progress.show(`Comparing ${basename(file)}`, done, total, name),
  });
}

/** Writes one SVG for each part of each recording. Returns their paths. Throws a UserError. */
async function writePlots(report: CompareReport, folder: string, force: boolean): Promise<string[]> {
  // Loaded only here, as drawing takes longer to load than most commands to run.
  const { drawWork } = await import("../compare/charts.ts");
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`cannot make the folder ${folder}: ${reasonOf(error)}`, { cause: error });
  }
  const paths: string[] = [];
  for (const { recording, works } of report.recordings) {
    const name = basename(recording.file).replace(/\.[^.]+$/, "");
    for (const work of works) {
      const path = join(folder, `${name}-${work.kind}.svg`);
      const output = new OutputFile(path, { force });
      output.write(new TextEncoder().encode(await drawWork(`${name}: ${work.kind}`, work)));
      output.complete();
      paths.push(path);
    }
  }
  return paths;
}
