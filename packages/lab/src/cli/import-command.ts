/** `kmem import`: recordings of other formats into a trace file. */
import { Command } from "commander";
import { importFiles, type ImportReport } from "../files/import-files.ts";
import { formatCount, formatCounted, formatPercent, formatSeconds, formatSize } from "./format.ts";
import { addCommonOptions, wholeNumber, type CommonOptions } from "./options.ts";
import { progressFor } from "./progress.ts";
import { renderRecording } from "./recording-text.ts";
import { heading, styleFor, type Style } from "./style.ts";
import { renderTable } from "./text-table.ts";

/** The options of `kmem import`. */
interface ImportCommandOptions extends CommonOptions {
  readonly output: string;
  readonly force?: true;
  readonly partial?: true;
  /** Events. */
  readonly limit?: number;
}

/** The command, for the command line's parser. */
export function importCommand(): Command {
  const command = new Command("import")
    .description("turn recordings of other tools into a trace file (Parquet, one row an event)")
    .argument(
      "<IN...>",
      "the text of ftrace, trace-cmd report or perf script, heaptrack data, malloc-lab .rep files, or kmem " +
        "snapshots, plain, gzipped or zstd-compressed; - for the standard input. Several are parts of one recording",
    )
    .requiredOption("-o, --output <file>", "the trace file to write")
    .option("--force", "replace the file if it exists")
    .option("--limit <events>", "take only the first events of each file", wholeNumber(1))
    .option("--partial", "take a recording that ends before its end as far as it goes");
  return addCommonOptions(command).action(async (inputs: string[], options: ImportCommandOptions) => {
    const progress = progressFor(options);
    const report = await importFiles(inputs, {
      output: options.output,
      force: options.force ?? false,
      partial: options.partial ?? false,
      limit: options.limit ?? Infinity,
      onProgress: ({ readBytes, fileBytes, eventCount }) => {
        progress.show("Reading", readBytes, fileBytes ?? readBytes, formatCounted(eventCount, "event"));
      },
    }).finally(() => progress.finish());
    process.stdout.write(
      options.json ? `${JSON.stringify(report, null, 2)}\n` : renderImport(report, styleFor(process.stdout)),
    );
  });
}

function renderImport(report: ImportReport, style: Style): string {
  const { recording, output, seconds } = report;
  const { textBytes } = recording;
  const rows = Object.entries(recording.events).map(([name, count]) => [formatCount(count), name]);
  const table = renderTable(
    [
      { title: "EVENTS", align: "right" },
      { title: "KIND", align: "left" },
    ],
    rows,
    { style, footer: [[formatCount(recording.eventCount), "all"]] },
  );
  const share = textBytes > 0 ? `, ${formatPercent(output.bytes, textBytes)} of the text` : "";
  const written = `${formatSize(output.bytes)}${share}, in ${formatSeconds(seconds)}`;
  return `\n${renderRecording(recording, style)}\n${table}\n${heading("Written", output.file, style)}  ${written}\n`;
}
