/** What commands that serve the viewer share: starting it, opening a browser, and ending on Ctrl-C. */
import { spawn } from "node:child_process";
import { UserError } from "../files/user-error.ts";
import { requireViewer, SITE_FOLDER } from "../view/site.ts";
import { serveSite, type SiteOptions } from "../view/site-server.ts";

/** How the viewer is served. */
export interface ServingOptions extends Omit<SiteOptions, "folder"> {
  /** What stands behind the address: a "#" and what the page is to show; or nothing. */
  readonly hash: string;
  /** Open a browser. */
  readonly open: boolean;
}

/** Serves the viewer until Ctrl-C, and says where. Throws a UserError when the port is not to be had. */
export async function serveUntilInterrupted({ hash, open, ...options }: ServingOptions): Promise<void> {
  requireViewer();
  const site = await serveSite({ ...options, folder: SITE_FOLDER }).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "EADDRINUSE" ? "it is in use; --port 0 takes a free one" : error.message;
    throw new UserError(`cannot listen on port ${options.port}: ${why}`, { cause: error });
  });
  process.stdout.write(`The viewer is at ${site.url}${hash}\nCtrl-C ends it.\n`);
  if (open) openBrowser(`${site.url}${hash}`);
  await interrupted();
  await site.close();
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
