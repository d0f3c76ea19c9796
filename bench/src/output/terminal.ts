/** The document as text for a terminal. */

import Table from "cli-table3";
import type { BenchmarkDocument } from "../harness/document.ts";
import { missingLines, provenanceOf, type TextTable } from "./figures.ts";
import { groupsOf, matricesOf } from "./matrix.ts";
import { METHOD } from "./method.ts";

const NO_LINES = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid"])
    .map((place) => [place, ""]),
);

/** @returns the tables of each group, then how they were made; ends with a newline */
export function renderForTerminal(document: BenchmarkDocument): string {
  const sections = groupsOf(document).map((group) => {
    const tables = matricesOf(document, group).map(({ title, table }) => `${title}\n\n${textOf(table)}\n`);
    return `== ${group}\n\n${tables.join("\n")}`;
  });
  const notes = [
    ...missingLines(document),
    ...provenanceOf(document),
    "",
    ...METHOD.map((line) => `- ${line}`),
  ];
  return `${sections.join("\n")}\n${notes.join("\n")}\n`;
}

function textOf({ heads, rows }: TextTable): string {
  const table = new Table({
    head: [...heads],
    colAligns: heads.map((_, column) => (column === 0 ? "left" : "right")),
    chars: { ...NO_LINES, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
