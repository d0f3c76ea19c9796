import Table from "cli-table3";
import type { Style } from "./style.ts";

/** One column: its title, and whether its cells stand left or right. */
export interface TextColumn {
  readonly title: string;
  readonly align: "left" | "right";
}

const RULE = "─";

/** No frame: spaces between columns, and rules only where the table puts them. */
const NO_BORDER = Object.fromEntries(
  [
    "top",
    "top-mid",
    "top-left",
    "top-right",
    "bottom",
    "bottom-mid",
    "bottom-left",
    "bottom-right",
    "left",
    "left-mid",
    "mid",
    "mid-mid",
    "right",
    "right-mid",
  ].map((part) => [part, ""]),
);

/**
 * A table without frame: titles, a rule, the rows, and a rule and the footer rows if there are any. Every line is
 * indented by two spaces and ends in a newline.
 */
export function renderTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  options: {
    readonly style: Style;
    readonly footer?: readonly (readonly string[])[];
    /** Spaces between columns. */
    readonly gap?: number;
  },
): string {
  const { style, footer = [], gap = 2 } = options;
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, index) =>
    Math.max(...[titles, ...rows, ...footer].map((row) => row[index]!.length)),
  );
  const rule = widths.map((width) => style.dim(RULE.repeat(width)));
  const table = new Table({
    chars: { ...NO_BORDER, middle: " ".repeat(gap) },
    style: { "padding-left": 0, "padding-right": 0, compact: true, border: [], head: [] },
    colAligns: columns.map(({ align }) => align),
  });
  table.push(
    titles.map((title) => style.bold(title)),
    rule,
    ...rows.map((row) => [...row]),
  );
  if (footer.length > 0) table.push(rule, ...footer.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => `  ${line.trimEnd()}\n`)
    .join("");
}
