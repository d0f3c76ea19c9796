/**
 * Gaps by length, for best fit: the shortest gap that is long enough.
 *
 * Cost: O(gaps in a bin) to add or take one; a bin's lengths differ by an eighth at most.
 */
import { roundDown } from "../../bits/integers.ts";
import { BIN_COUNT, binOf } from "../bins.ts";
import type { Gap } from "./layout.ts";

/** Where `length` granules begin that end as far behind in `gap` as `align` allows. May lie before the gap. */
function lastStart({ end }: Gap, length: number, align: number): number {
  return roundDown(end - length, align);
}

/** A set of gaps. */
export class Gaps {
  /** The gaps of each bin by rising length. */
  private readonly bins: Gap[][] = Array.from({ length: BIN_COUNT }, () => []);

  /** A set of the given gaps. */
  constructor(gaps: Iterable<Gap>) {
    for (const gap of gaps) this.add(gap);
  }

  /**
   * Fills the end of the shortest gap in which `length` granules fit, for `item`, and returns where they begin;
   * undefined, changing nothing, when there is none. What is left of the gap stays in the set.
   */
  fill(
    item: number,
    length: number,
    align: number,
  ): { span: number; start: number; after: number } | undefined {
    for (let bin = binOf(length); bin < BIN_COUNT; bin++) {
      const gaps = this.bins[bin];
      const index = gaps.findIndex((gap) => lastStart(gap, length, align) >= gap.start);
      if (index < 0) continue;
      const [gap] = gaps.splice(index, 1);
      const start = lastStart(gap, length, align);
      this.add({ ...gap, end: start });
      this.add({ ...gap, start: start + length, after: item });
      return { span: gap.span, start, after: gap.after };
    }
    return undefined;
  }

  private add(gap: Gap): void {
    const length = gap.end - gap.start;
    if (length === 0) return;
    const gaps = this.bins[binOf(length)];
    let low = 0;
    for (let high = gaps.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (gaps[middle].end - gaps[middle].start < length) low = middle + 1;
      else high = middle;
    }
    gaps.splice(low, 0, gap);
  }
}
