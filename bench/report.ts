/**
 * Writes docs/benchmarks.md and the plots beside it from a stored result.
 *
 *   node bench/report.ts           from the newest in bench/results/
 *   node bench/report.ts FILE      from that document
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { renderAsMarkdown } from "./src/output/markdown.ts";
import { writePlots } from "./src/output/pictures.ts";
import { newestStoredPath, readDocument } from "./src/output/store.ts";

const PAGE_PATH = fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url));

const PICTURES_PATH = fileURLToPath(new URL("../docs/benchmarks", import.meta.url));

const command = new Command("report")
  .description("Writes docs/benchmarks.md and the plots beside it from a stored benchmark result.")
  .argument("[file]", "stored document; the newest in bench/results/ when left out")
  .parse();
const path = command.args[0] ?? newestStoredPath();
if (path === undefined) {
  command.error("no stored result: run `npm run bench -- --store` first");
} else {
  mkdirSync(dirname(PAGE_PATH), { recursive: true });
  const document = readDocument(path);
  writeFileSync(PAGE_PATH, renderAsMarkdown(document, `bench/results/${basename(path)}`));
  const pictures = writePlots(document, PICTURES_PATH);
  console.log(`written: ${PAGE_PATH} and ${pictures.length} plots`);
}
