/** Writes one HTML file that holds the viewer and a recording, and works from disk. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { OutputFile } from "../files/output-file.ts";
import { reasonOf, UserError } from "../files/user-error.ts";
import { REPORT_FOLDER, requireViewer } from "./site.ts";

/** Writes the report on `file` to `output`. Throws a UserError. Returns its length in bytes. */
export function writeReport(file: string, output: string, options: { readonly force: boolean }): number {
  requireViewer();
  const recording = readRecording(file);
  const target = new OutputFile(output, options);
  target.write(Buffer.from(reportPage(basename(file), recording)));
  target.complete();
  return target.byteLength;
}

function readRecording(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

/** The page. Its policy allows the one script by its hash, workers made of it, and no request at all. */
function reportPage(name: string, recording: Buffer): string {
  const style = readFileSync(join(REPORT_FOLDER, "report.css"), "utf8");
  // What ends a script element must not stand in one.
  const script = readFileSync(join(REPORT_FOLDER, "report.js"), "utf8").replaceAll(/<\/(script)/gi, "<\\/$1");
  const hash = createHash("sha256").update(script).digest("base64");
  const policy =
    `default-src 'none'; script-src 'sha256-${hash}' blob:; worker-src blob: data:; style-src 'unsafe-inline'; ` +
    "img-src data:; base-uri 'none'; form-action 'none'";
  const title = escaped(name);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title} · kmem report</title>
<style>${style}</style>
</head>
<body>
<div id="app"></div>
<noscript>The viewer runs the allocators in your browser, and needs JavaScript for that.</noscript>
<script type="application/octet-stream" id="carried-trace" data-name="${title}">${recording.toString("base64")}</script>
<script>${script}</script>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
