/** Figures as text: the same in the terminal and in the documentation. */

import { REFERENCE_SUBJECT } from "../subjects/catalogue.ts";
import type { Commit } from "../harness/machine.ts";
import { groupOf } from "../workloads/workload.ts";
import type { BenchmarkDocument, DocumentWorkload, Row } from "../harness/document.ts";

/** Heads of the columns of {@link cellsOf}. */
const HEADS: readonly string[] = [
  "subject",
  "ns per op",
  "min – max",
  `× ${REFERENCE_SUBJECT}`,
  "net",
  "no write",
  `× ${REFERENCE_SUBJECT}`,
  "net",
  "footprint",
  "payload / footprint",
];

/** What stands where there is no figure. */
export const NONE = "–";

/** @returns three digits that matter, at most two after the point */
export function nanoseconds(ns: number | null): string {
  if (ns === null) return NONE;
  return ns.toFixed(ns < 9.995 ? 2 : ns < 99.95 ? 1 : 0);
}

function ratio(value: number | undefined): string {
  return value === undefined ? NONE : value.toFixed(2);
}

/** @returns bytes in the unit, KiB to GiB, that leaves one to four digits before the point */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(count, 1)) / 10));
  return `${(count / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** @returns a row's cells, under {@link HEADS} */
function cellsOf(document: BenchmarkDocument, row: Row): string[] {
  const over = document.ratios.find(
    ({ workload, subject }) => workload === row.workload && subject === row.subject,
  );
  const { min, median, max } = row.nsPerOp;
  return [
    row.subject,
    nanoseconds(median),
    `${nanoseconds(min)} – ${nanoseconds(max)}`,
    ratio(over?.nsPerOp),
    nanoseconds(row.nsPerOpNet),
    row.writesFirstWord ? nanoseconds(row.nsPerOpPlain.median) : NONE,
    row.writesFirstWord ? ratio(over?.nsPerOpPlain) : NONE,
    row.writesFirstWord ? nanoseconds(row.nsPerOpPlainNet) : NONE,
    row.peakFootprintBytes === null ? NONE : bytes(row.peakFootprintBytes),
    row.peakFootprintBytes === null ? NONE : (row.peakPayloadBytes / row.peakFootprintBytes).toFixed(3),
  ];
}

/** A table of text; the first column holds names, the others figures. */
export interface TextTable {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** @returns the rows of a workload as text, without the columns that hold no figure */
export function tableOf(document: BenchmarkDocument, workloadName: string): TextTable {
  const rows = document.rows.filter(({ workload }) => workload === workloadName);
  const cells = rows.map((row) => cellsOf(document, row));
  const isUsed = (column: number): boolean => cells.some((row) => row[column] !== NONE);
  const keepUsed = (row: readonly string[]): string[] => row.filter((_, column) => isUsed(column));
  return { heads: keepUsed(HEADS), rows: cells.map(keepUsed) };
}

/** @returns what a workload does, in what its figures are given, and how much it holds */
export function captionOf(document: BenchmarkDocument, workload: DocumentWorkload): string {
  const payloadBytes = document.rows.find((row) => row.workload === workload.name)?.peakPayloadBytes ?? 0;
  return `${workload.description}. One op is one ${workload.op}. Peak payload: ${bytes(payloadBytes)}.`;
}

/** @returns lines that say what was measured, when and on what */
export function provenanceOf(document: BenchmarkDocument): string[] {
  const { date, machine, versions, settings } = document;
  const pinning = settings.pinned ? "each pinned to one processor" : "not pinned to a processor";
  return [
    `Date: ${date}. Commit: ${commitsOf(document)}.${settings.quick ? " Quick run." : ""}`,
    `Machine: ${machine.processor}, ${machine.processorCount} processors, ${machine.caches.join(", ")}, ${bytes(machine.memoryBytes)} of memory; ${machine.system}, Linux ${machine.kernel}, transparent huge pages: ${machine.hugePages}; load average before the run: ${machine.loadAverage}.`,
    `Versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    `${settings.processCount} processes for each subject and workload, ${pinning}.`,
  ];
}

/** @returns a line for each subject that could not run; where it failed on several workloads alike, one line for all */
export function missingLines({ missing }: BenchmarkDocument): string[] {
  const workloadsOf = new Map<string, string[]>();
  for (const { subject, workload, reason } of missing) {
    const key = `${subject} (${reason})`;
    const workloads = workloadsOf.get(key) ?? [];
    if (workload !== null) workloads.push(workload);
    workloadsOf.set(key, workloads);
  }
  return [...workloadsOf].map(([key, workloads]) =>
    workloads.length === 0 ? `Missing: ${key}` : `Missing: ${key} on ${workloads.join(", ")}`,
  );
}

/** @returns the commit that was measured; where there are several, each with the groups that it was measured on */
function commitsOf({ commit, workloads }: BenchmarkDocument): string {
  const groupsOf = new Map<string, Set<string>>();
  for (const workload of workloads) {
    const text = commitText(workload.commit);
    groupsOf.set(text, (groupsOf.get(text) ?? new Set()).add(groupOf(workload.name)));
  }
  if (groupsOf.size <= 1) return [...groupsOf.keys()][0] ?? commitText(commit);
  return [...groupsOf].map(([text, groups]) => `${text} (${[...groups].join(", ")})`).join("; ");
}

function commitText({ hash, modified }: Commit): string {
  return `${hash.slice(0, 12)}${modified ? " with changes" : ""}`;
}
