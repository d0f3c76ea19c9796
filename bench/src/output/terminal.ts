/** The document as text for a terminal. */

import Table from "cli-table3";
import type { BenchmarkDocument } from "../harness/document.ts";
import { captionOf, provenanceOf, tableOf } from "./figures.ts";
import { METHOD } from "./method.ts";

const NO_LINES = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid"])
    .map((place) => [place, ""]),
);

/** @returns the tables, one for each workload, then how they were made; ends with a newline */
export function renderForTerminal(document: BenchmarkDocument): string {
  const sections = document.workloads.map((workload) => {
    const { heads, rows } = tableOf(document, workload.name);
    const table = new Table({
      head: [...heads],
      colAligns: heads.map((_, column) => (column === 0 ? "left" : "right")),
      chars: { ...NO_LINES, middle: "  " },
      style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    });
    table.push(...rows.map((row) => [...row]));
    return `${workload.name}: ${captionOf(document, workload)}\n\n${table.toString()}\n`;
  });
  const missing = document.missing.map(({ subject, reason }) => `Missing: ${subject} (${reason})`);
  const notes = [...missing, ...provenanceOf(document), "", ...METHOD.map((line) => `- ${line}`)];
  return `${sections.join("\n")}\n${notes.join("\n")}\n`;
}
