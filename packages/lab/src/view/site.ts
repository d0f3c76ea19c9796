/** The built viewer: where it lies, and building it where it is missing. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UserError } from "../files/user-error.ts";

const ROOT = new URL("../../../../", import.meta.url);
const DIST = new URL("../../viewer/dist/", import.meta.url);

/** The folder of the site, and that of the report's parts. */
export const SITE_FOLDER = fileURLToPath(new URL("site/", DIST));
export const REPORT_FOLDER = fileURLToPath(new URL("report/", DIST));

/** Makes sure that the viewer is built. Throws a UserError that says how to build it where that fails. */
export function requireViewer(): void {
  if (existsSync(`${SITE_FOLDER}index.html`) && existsSync(`${REPORT_FOLDER}report.js`)) return;
  process.stderr.write("Building the viewer, once …\n");
  const { status } = spawnSync("npm", ["run", "--silent", "build:viewer"], {
    cwd: fileURLToPath(ROOT),
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0)
    throw new UserError("the viewer could not be built: run npm ci, then npm run build:viewer");
}
