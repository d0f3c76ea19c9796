/** A group at a glance: subjects down, workloads across, one figure in each cell. */

import { payloadShareOf, type BenchmarkDocument, type Latency, type Row } from "../harness/document.ts";
import { OWN_PREFIX } from "../subjects/catalogue.ts";
import { groupOf } from "../workloads/workload.ts";
import { bytes, nanoseconds, NONE, type TextTable } from "./figures.ts";

/** A table with a line above it that says what its cells are. */
export interface Matrix {
  readonly title: string;
  readonly table: TextTable;
}

/** A column beside those of the workloads. */
interface ExtraColumn {
  readonly head: string;
  readonly cellOf: (subject: string) => string;
}

/** @returns the groups of the document, in its order */
export function groupsOf(document: BenchmarkDocument): string[] {
  return [...new Set(document.workloads.map(({ name }) => groupOf(name)))];
}

/** @returns the tables of one group: times with and without the write, single operations, memory */
export function matricesOf(document: BenchmarkDocument, group: string): Matrix[] {
  const rows = document.rows.filter(({ workload }) => groupOf(workload) === group);
  const hasWrites = rows.some(({ writesFirstWord }) => writesFirstWord);
  const op = document.workloads.find(({ name }) => groupOf(name) === group)?.op ?? "op";
  const times = `ns for one ${op}`;
  const ratios = "; last columns: how a kmem subject compares, geometric mean, below 1 it is faster";
  return [
    ...(hasWrites
      ? [
          {
            title: `${times}, first word written${ratios}`,
            table: matrixOf(
              rows,
              (row) => nanoseconds(row.nsPerOp.median) + markOf(row),
              meanColumns(document, group),
            ),
          },
        ]
      : []),
    {
      title: hasWrites ? "the same without the write" : `${times}${ratios}`,
      table: matrixOf(
        rows,
        (row) => nanoseconds(row.nsPerOpPlain.median) + markOf(row),
        meanColumns(document, group, "nsPerOpPlain"),
      ),
    },
    ...latencyMatrices(rows),
    ...memoryMatrices(rows),
  ];
}

function matrixOf(
  rows: readonly Row[],
  cellOf: (row: Row) => string,
  extras: readonly ExtraColumn[] = [],
): TextTable {
  const subjects = [...new Set(rows.map(({ subject }) => subject))];
  const workloads = [...new Set(rows.map(({ workload }) => workload))];
  return {
    heads: ["", ...workloads.map(shortNameOf), ...extras.map(({ head }) => head)],
    rows: subjects.map((subject) => [
      subject,
      ...workloads.map((workload) => {
        const row = rows.find((each) => each.workload === workload && each.subject === subject);
        return row === undefined ? NONE : cellOf(row);
      }),
      ...extras.map((extra) => extra.cellOf(subject)),
    ]),
  };
}

/** @returns the part of a workload's name behind the slash */
function shortNameOf(workload: string): string {
  return workload.slice(workload.indexOf("/") + 1);
}

/** @returns a mark on figures that a time limit cut short */
function markOf(row: Row): string {
  return row.isCut ? "*" : "";
}

/** @returns for each kmem subject a column of its times over those of the others */
function meanColumns(
  document: BenchmarkDocument,
  group: string,
  figure: "nsPerOp" | "nsPerOpPlain" = "nsPerOp",
): ExtraColumn[] {
  const means = document.means.filter((mean) => mean.group === group);
  const own = [...new Set(means.map(({ subject }) => subject))];
  return own.map((subject) => ({
    head: `${subject.slice(OWN_PREFIX.length)} ÷`,
    cellOf: (over) => {
      const mean = means.find((each) => each.subject === subject && each.over === over);
      return mean === undefined ? NONE : mean[figure].toFixed(2);
    },
  }));
}

function latencyMatrices(rows: readonly Row[]): Matrix[] {
  const timed = rows.filter(({ latency }) => latency !== null);
  if (timed.length === 0) return [];
  const cells = (figure: (latency: Latency) => string): TextTable =>
    matrixOf(timed, ({ latency }) => (latency === null ? NONE : figure(latency)));
  return [
    {
      title: "99.99 % of the single operations take at most, in ns",
      table: cells(({ p9999Ns }) => p9999Ns.toFixed(0)),
    },
    {
      title:
        "the longest single operation, in µs; behind the slash the longest one in which the collector did not run; in brackets how often it ran",
      table: cells(({ maxNs, maxOutsideCollectorNs, collectionCount }) => {
        const most = (maxNs / 1000).toFixed(0);
        if (collectionCount === 0) return most;
        return `${most} / ${(maxOutsideCollectorNs / 1000).toFixed(0)} (${collectionCount.toFixed(0)})`;
      }),
    },
  ];
}

function memoryMatrices(rows: readonly Row[]): Matrix[] {
  const measured = rows.filter(({ peakFootprintBytes }) => peakFootprintBytes !== null);
  if (measured.length === 0) return [];
  const workloads = [...new Set(measured.map(({ workload }) => workload))];
  const payloads = workloads.map((workload) =>
    bytes(measured.find((row) => row.workload === workload)?.peakPayloadBytes ?? 0),
  );
  const mean: ExtraColumn = {
    head: "mean",
    cellOf: (subject) => {
      const own = measured.filter((row) => row.subject === subject);
      return (own.reduce((sum, row) => sum + payloadShareOf(row), 0) / own.length).toFixed(3);
    },
  };
  const { heads, rows: cells } = matrixOf(measured, (row) => payloadShareOf(row).toFixed(3), [mean]);
  return [
    {
      title: "peak payload over peak footprint; 1 wastes nothing",
      table: { heads, rows: [["peak payload", ...payloads, ""], ...cells] },
    },
  ];
}
