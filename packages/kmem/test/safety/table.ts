/** The safety table as Markdown. */
import type { Outcome, Row } from "./row.ts";

/** One line for each row, under a heading for each group. */
export function tableOf(rows: readonly Row[]): string {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  const sections = [...groups].map(([group, members]) => {
    const lines = members.map(
      ({ name, byDefault, inDebug }) =>
        `| ${name} | ${cell(byDefault)} | ${isSame(byDefault, inDebug) ? "the same" : cell(inDebug)} |`,
    );
    return [`### ${group}`, "", "| misuse | by default | in debug mode |", "|---|---|---|", ...lines].join(
      "\n",
    );
  });
  return sections.join("\n\n");
}

/** What is not the same in a shared heap for debugging, a line each. */
export function sharedTableOf(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ group, name, inSharedDebug }) =>
    inSharedDebug === undefined ? [] : [`| ${group}: ${name} | ${cell(inSharedDebug)} |`],
  );
  return [
    "### In a `DebugSharedHeap`",
    "",
    "| misuse | where it is not the same |",
    "|---|---|",
    ...lines,
  ].join("\n");
}

/** "93 kinds of misuse: 70 are caught by default, 21 in debug mode, 2 not." */
export function summaryOf(rows: readonly Row[]): string {
  const isCaught = ({ kind }: Outcome): boolean => kind !== "not";
  const byDefault = rows.filter((row) => isCaught(row.byDefault)).length;
  const inDebug = rows.filter((row) => !isCaught(row.byDefault) && isCaught(row.inDebug)).length;
  const rest = rows.length - byDefault - inDebug;
  return `Of ${rows.length} rows, ${byDefault} are caught by default (or do no harm), ${inDebug} more in debug mode, ${rest} not.`;
}

function isSame(a: Outcome, b: Outcome): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function cell(outcome: Outcome): string {
  switch (outcome.kind) {
    case "error":
      return `\`${outcome.code}\`: ${escaped(outcome.message)}`;
    case "seen":
      return `seen: ${outcome.what}`;
    case "allowed":
      return `no harm: ${outcome.what}`;
    case "not":
      return `**not**: ${outcome.why}`;
  }
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
