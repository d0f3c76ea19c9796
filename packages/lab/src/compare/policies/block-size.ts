import type { ContenderSpace } from "../contender.ts";

/** A word at each end of a block: what neighbours are merged by (Knuth, TAOCP 1, 2.5, boundary tags). */
const TAG_BYTES = 8;
/** Every block begins at a multiple of this, as `malloc` promises. */
const ALIGNMENT = 16;

/** What a policy with boundary tags takes for a request: in bytes with tags and rounded up, in pages just the pages. */
export function blockSizer({ unitBytes }: ContenderSpace): (size: number) => number {
  if (unitBytes !== 1) return (size) => size;
  return (size) => Math.ceil((size + TAG_BYTES) / ALIGNMENT) * ALIGNMENT;
}
