/** Where kmem loses: what a reader should know before the tables. */

import type { BenchmarkDocument } from "../harness/document.ts";
import { groupOf } from "../workloads/workload.ts";

const HEAP = "kmem Heap";

/** @returns lines, one a group: on which workloads kmem's heap is slower than whom, and by how much at most */
export function lossesOf(document: BenchmarkDocument): string[] {
  const groups = new Set(document.workloads.map(({ name }) => groupOf(name)));
  return [...groups].flatMap((group) => {
    const rows = document.rows.filter(
      ({ workload, isBaseline }) => groupOf(workload) === group && !isBaseline,
    );
    const own = rows.filter(({ subject }) => subject === HEAP);
    const others = [...new Set(rows.map(({ subject }) => subject))].filter(
      (subject) => !subject.startsWith("kmem "),
    );
    const parts = others.flatMap((other) => {
      const ratios = own.flatMap((row) => {
        const rival = rows.find((each) => each.subject === other && each.workload === row.workload);
        if (rival === undefined) return [];
        return [{ workload: row.workload, ratio: row.nsPerOp.median / rival.nsPerOp.median }];
      });
      const lost = ratios.filter(({ ratio }) => ratio > 1).toSorted((a, b) => b.ratio - a.ratio);
      const [worst] = lost;
      if (worst === undefined) return [];
      const name = worst.workload.slice(worst.workload.indexOf("/") + 1);
      return [
        `${other} (${lost.length} of ${ratios.length}, at most ${worst.ratio.toFixed(2)} times, on ${name})`,
      ];
    });
    return parts.length === 0 ? [] : [`${group}: slower than ${parts.join(", ")}.`];
  });
}
