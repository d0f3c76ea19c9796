/** The document as a page of the documentation. */

import type { BenchmarkDocument } from "../harness/document.ts";
import { captionOf, missingLines, provenanceOf, tableOf } from "./figures.ts";
import { DOUBTS, METHOD } from "./method.ts";

/** @returns docs/benchmarks.md, all of it; `sourceName` is the stored document it is made from */
export function renderAsMarkdown(document: BenchmarkDocument, sourceName: string): string {
  const sections = document.workloads.map((workload) => {
    const { heads, rows } = tableOf(document, workload.name);
    return [
      `### ${workload.name}`,
      "",
      capitalised(captionOf(document, workload)),
      "",
      tableRow(heads),
      tableRow(heads.map((_, column) => (column === 0 ? ":--" : "--:"))),
      ...rows.map(tableRow),
      "",
    ].join("\n");
  });
  return [
    "# Benchmarks",
    "",
    `This page is generated from \`${sourceName}\` by \`node bench/report.ts\`: do not edit it.`,
    "`npm run bench` measures anew, `npm run bench -- --store` keeps the result.",
    "",
    ...provenanceOf(document).map((line) => `- ${line}`),
    ...missingLines(document).map((line) => `- ${line}.`),
    "",
    "## Method",
    "",
    ...METHOD.map((line) => `- ${capitalised(line)}`),
    "",
    "## Doubts",
    "",
    ...DOUBTS.map((line) => `- ${line}`),
    "",
    "## Figures",
    "",
    sections.join("\n"),
  ].join("\n");
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
