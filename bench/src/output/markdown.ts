/** The document as a page of the documentation. */

import type { BenchmarkDocument } from "../harness/document.ts";
import { bytes, cellsOf, HEADS, provenanceOf } from "./figures.ts";
import { DOUBTS, METHOD } from "./method.ts";

/** @returns docs/benchmarks.md, all of it; `sourceName` is the stored document it is made from */
export function renderAsMarkdown(document: BenchmarkDocument, sourceName: string): string {
  const sections = document.workloads.map((workload) => {
    const rows = document.rows.filter((row) => row.workload === workload.name);
    const payload = bytes(rows[0]?.peakPayloadBytes ?? 0);
    return [
      `### ${workload.name}`,
      "",
      `${capitalised(workload.description)}. One op is one ${workload.op}. Peak payload: ${payload}.`,
      "",
      tableRow(HEADS),
      tableRow(HEADS.map((_, column) => (column === 0 ? ":--" : "--:"))),
      ...rows.map((row) => tableRow(cellsOf(document, row))),
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
    ...document.missing.map(({ subject, reason }) => `- Missing: ${subject} (${reason}).`),
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
