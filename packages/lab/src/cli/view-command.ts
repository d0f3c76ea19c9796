/** `kmem view`: the viewer in a browser, with a recording or at its start page. */
import { accessSync, constants } from "node:fs";
import { basename } from "node:path";
import { Command } from "commander";
import { reasonOf, UserError } from "../files/user-error.ts";
import { EXIT_CODE_HELP } from "./exit-codes.ts";
import { wholeNumber } from "./options.ts";
import { serveUntilInterrupted } from "./serving.ts";

/** Where the site offers the recording. */
const RECORDING_PATH = "recording";

/** The options of `kmem view`. */
interface ViewCommandOptions {
  readonly port: number;
  readonly open: boolean;
}

/** The command, for the command line's parser. */
export function viewCommand(): Command {
  return new Command("view")
    .description("show pages, slabs and fragmentation in a browser")
    .argument("[FILE]", "a recording of any format that can be imported; without it, the start page")
    .option("--port <number>", "the port on loopback; 0 for any that is free", wholeNumber(0), 0)
    .option("--no-open", "only print the address, open no browser")
    .addHelpText("after", `\nCtrl-C ends it.\n\n${EXIT_CODE_HELP}`)
    .action(async (file: string | undefined, options: ViewCommandOptions) => {
      if (file !== undefined) requireReadable(file);
      await serveUntilInterrupted({
        ...options,
        hash: file === undefined ? "" : recordingHash(file),
        files: new Map(file === undefined ? [] : [[RECORDING_PATH, file]]),
      });
    });
}

function recordingHash(file: string): string {
  const fields = new URLSearchParams({ open: RECORDING_PATH, name: basename(file) });
  return `#${fields.toString()}`;
}

function requireReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}
