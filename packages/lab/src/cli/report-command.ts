/** `kmem report`: a recording and the viewer in one HTML file. */
import { Command } from "commander";
import { writeReport } from "../view/report.ts";
import { EXIT_CODE_HELP } from "./exit-codes.ts";
import { formatSize } from "./format.ts";

/** The command, for the command line's parser. */
export function reportCommand(): Command {
  return new Command("report")
    .description("write one HTML file with the viewer and a recording inside; it works from disk, offline")
    .argument("<FILE>", "a recording of any format that can be imported; import it first to make it small")
    .requiredOption("-o, --output <file>", "the HTML file to write")
    .option("--force", "replace the file if it exists")
    .addHelpText("after", `\n${EXIT_CODE_HELP}`)
    .action((file: string, options: { readonly output: string; readonly force?: true }) => {
      const byteLength = writeReport(file, options.output, { force: options.force ?? false });
      process.stdout.write(`${options.output}: ${formatSize(byteLength)}, to be opened in any browser\n`);
    });
}
