/** A group at a glance: workloads down, subjects across, one figure in each cell. */

import type { BenchmarkDocument, Row } from "../harness/document.ts";
import { geometricMeanOf } from "../harness/statistics.ts";
import { groupOf } from "../workloads/workload.ts";
import { bytes, nanoseconds, NONE, type TextTable } from "./figures.ts";

/** A table with a line above it that says what its cells are. */
export interface Matrix {
  readonly title: string;
  readonly table: TextTable;
}

/** @returns the groups of the document, in its order */
export function groupsOf(document: BenchmarkDocument): string[] {
  return [...new Set(document.workloads.map(({ name }) => groupOf(name)))];
}

/** @returns the tables of one group: times with and without the write, how kmem compares, memory */
export function matricesOf(document: BenchmarkDocument, group: string): Matrix[] {
  const rows = document.rows.filter(({ workload }) => groupOf(workload) === group);
  const hasWrites = rows.some(({ writesFirstWord }) => writesFirstWord);
  const written = matrixOf(rows, (row) => nanoseconds(row.nsPerOp.median));
  const plain = matrixOf(rows, (row) => nanoseconds(row.nsPerOpPlain.median));
  const what = document.workloads.find(({ name }) => groupOf(name) === group)?.op ?? "op";
  return [
    ...(hasWrites ? [{ title: `ns for one ${what}, first word written`, table: written }] : []),
    { title: hasWrites ? "ns without the write" : `ns for one ${what}`, table: plain },
    ...meansMatrix(document, group),
    ...memoryMatrix(rows),
  ];
}

function matrixOf(rows: readonly Row[], cellOf: (row: Row) => string): TextTable {
  const subjects = [...new Set(rows.map(({ subject }) => subject))];
  const workloads = [...new Set(rows.map(({ workload }) => workload))];
  return {
    heads: ["workload", ...subjects],
    rows: workloads.map((workload) => [
      workload,
      ...subjects.map((subject) => {
        const row = rows.find((each) => each.workload === workload && each.subject === subject);
        return row === undefined ? NONE : cellOf(row);
      }),
    ]),
  };
}

function meansMatrix(document: BenchmarkDocument, group: string): Matrix[] {
  const means = document.means.filter((mean) => mean.group === group);
  if (means.length === 0) return [];
  const own = [...new Set(means.map(({ subject }) => subject))];
  const others = [...new Set(means.map(({ over }) => over))];
  const cell = (subject: string, over: string): string => {
    const mean = means.find((each) => each.subject === subject && each.over === over);
    return mean === undefined ? NONE : `${mean.nsPerOp.toFixed(2)} (${mean.nsPerOpPlain.toFixed(2)})`;
  };
  const rows = own.map((subject) => [subject, ...others.map((over) => cell(subject, over))]);
  return [
    {
      title: "geometric mean of the ratios of times, over …; below 1 kmem is faster (without the write)",
      table: { heads: ["", ...others], rows },
    },
  ];
}

function memoryMatrix(rows: readonly Row[]): Matrix[] {
  const measured = rows.filter(({ peakFootprintBytes }) => peakFootprintBytes !== null);
  if (measured.length === 0) return [];
  const { heads, rows: cells } = matrixOf(measured, (row) => payloadShareOf(row).toFixed(3));
  const payloadOf = (workload: string | undefined): string =>
    bytes(measured.find((row) => row.workload === workload)?.peakPayloadBytes ?? 0);
  const subjects = heads.slice(1);
  const means = subjects.map((subject) =>
    geometricMeanOf(measured.filter((row) => row.subject === subject).map(payloadShareOf)).toFixed(3),
  );
  const [head = "", ...names] = heads;
  return [
    {
      title: "peak payload over peak footprint; 1 wastes nothing",
      table: {
        heads: [head, "payload", ...names],
        rows: [
          ...cells.map(([workload = "", ...figures]) => [workload, payloadOf(workload), ...figures]),
          ["geometric mean", "", ...means],
        ],
      },
    },
  ];
}

/** @returns peak payload over peak footprint: 1 wastes nothing */
function payloadShareOf(row: Row): number {
  return row.peakPayloadBytes / (row.peakFootprintBytes ?? Infinity);
}
