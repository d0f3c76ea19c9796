import type { WorkReport } from "./report.ts";

/** log2 of 1024. */
const KIB_BITS = 10;

/** The name of a size class: the order of a block of pages, the largest size of an object. */
export function sizeLabel(kind: WorkReport["kind"], sizeClass: number): string {
  if (kind === "pages") return String(sizeClass);
  return sizeClass < KIB_BITS ? String(2 ** sizeClass) : `${2 ** (sizeClass - KIB_BITS)}K`;
}
