import type { SlabinfoReport } from "./report.ts";

/** `name active objects objsize perslab pagesperslab : tunables … : slabdata active_slabs slabs shared` */
const LINE = /^\S+\s+(\d+)\s+\d+\s+(\d+)\s+\d+\s+(\d+)\s+:.*:\s+slabdata\s+\d+\s+(\d+)/;

/** Adds up a `/proc/slabinfo`: bytes in active objects, and in all slabs. O(lines). */
export function sumSlabinfo(text: string, pageSize: number): SlabinfoReport {
  let objectBytes = 0;
  let heldBytes = 0;
  for (const line of text.split("\n")) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [active, objectSize, pagesPerSlab, slabs] = match.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    objectBytes += active * objectSize;
    heldBytes += slabs * pagesPerSlab * pageSize;
  }
  return { objectBytes, heldBytes };
}
