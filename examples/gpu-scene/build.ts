// Makes the page: one HTML file with its program inside, which a browser opens as it is.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const folder = join(import.meta.dirname, "page");

/** The whole page, as HTML. */
export async function buildPage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, "main.ts")],
    bundle: true,
    format: "iife",
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  const program = outputFiles[0]!.text.replaceAll("</script", String.raw`<\/script`);
  return readFileSync(join(folder, "index.html"), "utf8").replace("/* program */", () => program);
}
