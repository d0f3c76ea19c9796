/** `kmem view`: the viewer in a browser, with a recording or at its start page. */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { basename } from "node:path";
import { Command } from "commander";
import { reasonOf, UserError } from "../files/user-error.ts";
import { requireViewer, SITE_FOLDER } from "../view/site.ts";
import { serveSite, type SiteServer } from "../view/site-server.ts";
import { EXIT_CODE_HELP } from "./exit-codes.ts";
import { wholeNumber } from "./options.ts";

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
      requireViewer();
      const site = await startSite(file, options.port);
      const hash = file === undefined ? "" : recordingHash(file);
      process.stdout.write(`The viewer is at ${site.url}${hash}\nCtrl-C ends it.\n`);
      if (options.open) openBrowser(`${site.url}${hash}`);
      await interrupted();
      await site.close();
    });
}

function recordingHash(file: string): string {
  const fields = new URLSearchParams({ open: RECORDING_PATH, name: basename(file) });
  return `#${fields.toString()}`;
}

async function startSite(file: string | undefined, port: number): Promise<SiteServer> {
  const files = new Map<string, string>();
  if (file !== undefined) {
    try {
      accessSync(file, constants.R_OK);
    } catch (error) {
      throw new UserError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
    }
    files.set(RECORDING_PATH, file);
  }
  try {
    return await serveSite({ folder: SITE_FOLDER, port, files });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "it is in use; --port 0 takes a free one" : message;
    throw new UserError(`cannot listen on port ${port}: ${why}`, { cause: error });
  }
}

/** Asks the desktop for a browser; where there is none, the printed address has to do. */
function openBrowser(url: string): void {
  const command =
    process.platform === "darwin" ? "open" : process.platform === "win32" ? "explorer" : "xdg-open";
  const child = spawn(command, [url], { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}

/** Resolves when the person ends the command. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}
