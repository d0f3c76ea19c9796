/** The document as a page of the documentation. */

import type { BenchmarkDocument } from "../harness/document.ts";
import { aimsOf } from "./aims.ts";
import { captionOf, missingLines, provenanceOf, tableOf, type TextTable } from "./figures.ts";
import { lossesOf } from "./losses.ts";
import { groupsOf, matricesOf } from "./matrix.ts";
import { DOUBTS, METHOD } from "./method.ts";

/** @returns docs/benchmarks.md, all of it; `sourceName` is the stored document it is made from */
export function renderAsMarkdown(document: BenchmarkDocument, sourceName: string): string {
  return [
    "# Benchmarks",
    "",
    `This page is generated from \`${sourceName}\` by \`node bench/report.ts\`: do not edit it.`,
    "`npm run bench` measures anew, `npm run bench -- --store` keeps the result.",
    "",
    ...provenanceOf(document).map((line) => `- ${line}`),
    ...(document.notes ?? []).map((note) => `- ${note}`),
    ...missingLines(document).map((line) => `- ${line}.`),
    "",
    "## Aims",
    "",
    "Medians of this run. The aims are set high; what is not reached is said here.",
    "",
    ...markdownTable(aimsTable(document)),
    "",
    "## Where kmem loses",
    "",
    ...lossesOf(document).map((line) => `- ${line}`),
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
    ...groupsOf(document).flatMap((group) => groupSection(document, group)),
    "## Every figure",
    "",
    ...document.workloads.flatMap((workload) => [
      `### ${workload.name}`,
      "",
      capitalised(captionOf(document, workload)),
      "",
      ...markdownTable(tableOf(document, workload.name)),
      "",
    ]),
  ].join("\n");
}

/** @returns the name of a group's plot, in `docs/benchmarks/` */
export function plotName(group: string, what: "times" | "memory"): string {
  return `${group}-${what}.svg`;
}

function groupSection(document: BenchmarkDocument, group: string): string[] {
  const hasMemory = comparesMemory(document, group);
  return [
    `### ${capitalised(group)}`,
    "",
    ...document.workloads
      .filter(({ name }) => name.startsWith(`${group}/`))
      .map(({ name, description }) => `- ${name.slice(group.length + 1)}: ${description}.`),
    "",
    `![Times of the group ${group}](benchmarks/${plotName(group, "times")})`,
    "",
    ...(hasMemory ? [`![Memory of the group ${group}](benchmarks/${plotName(group, "memory")})`, ""] : []),
    ...matricesOf(document, group).flatMap(({ title, table }) => [
      `${capitalised(title)}.`,
      "",
      ...markdownTable(table),
      "",
    ]),
  ];
}

/** @returns whether several subjects of the group tell their footprint, so that a picture of it says something */
export function comparesMemory(document: BenchmarkDocument, group: string): boolean {
  const told = document.rows.filter(
    ({ workload, peakFootprintBytes }) => workload.startsWith(`${group}/`) && peakFootprintBytes !== null,
  );
  return new Set(told.map(({ subject }) => subject)).size > 1;
}

function aimsTable(document: BenchmarkDocument): TextTable {
  return {
    heads: ["aim", "bar", "measured", ""],
    rows: aimsOf(document).map(({ aim, bar, measured, reached }) => [aim, bar, measured, verdict(reached)]),
  };
}

function verdict(reached: boolean | undefined): string {
  if (reached === undefined) return "not measured";
  return reached ? "reached" : "**missed**";
}

function markdownTable({ heads, rows }: TextTable): string[] {
  return [heads, heads.map((_, column) => (column === 0 ? ":--" : "--:")), ...rows].map(
    (cells) => `| ${cells.join(" | ")} |`,
  );
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
