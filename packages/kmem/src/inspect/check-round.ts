/**
 * A self-check in steps: which pages come next, and what was counted so far.
 *
 * A round looks at every page of a space once, from the first to the last; a whole check is a round in one call. What is
 * wrong near a page is found by the step that looks at it. Counters that span the space are compared at the end of a round, with
 * what its steps have counted: but only where nothing was allocated or freed since it began. The allocator tells: whatever
 * changes its counters forgets who counts.
 */
import { requireInteger } from "../errors.ts";

/** Pages that a whole check looks at in one go: so what it needs beside the tables stays below 128 KiB. */
const WHOLE_STEP = 4096;

/** How much of a space a check is to look at. */
export interface CheckStep {
  /**
   * Look at the next so many pages only, 1 or more, and at the rest of the slab that the last of them lies in. Without, at all.
   */
  pages?: number | undefined;
}

/** What a round has counted so far. */
export class CheckTally {
  /** Free blocks, by order. */
  readonly blocks: number[] = [];
  /** What is counted of caches and slabs, by a number that the slabs choose. */
  readonly slabs: number[] = [];
  /** True once something is known to have changed since the round began. */
  isStale = false;
  /** Of a shared heap: the generation of its lock at the round's last step. */
  generation = 0;

  /** True where nothing has changed since the round began: `tables` still name this tally, which they drop with a change. */
  isSettled(tables: { readonly countedBy: CheckTally | undefined }): boolean {
    return tables.countedBy === this && !this.isStale;
  }

  /** Adds `count` to one of the counts in `counts`. */
  static add(counts: number[], index: number, count: number): void {
    counts[index] = (counts[index] ?? 0) + count;
  }
}

/** What one step looks at: pages `from` to `end`, exclusive, counted from the start of the space. */
export interface CheckWindow {
  readonly from: number;
  readonly end: number;
  /** True when the round ends with it. */
  readonly isLast: boolean;
  /** True when the whole round is done in one call. */
  readonly isWhole: boolean;
  readonly tally: CheckTally;
}

export class CheckRound {
  private next = 0;
  private tally = new CheckTally();

  /**
   * Does the step that `step` asks for on a space of `pageCount` pages: calls `look` with what is to be looked at, for
   * which `endFor` gives the end that it should have instead of a page. Returns true when the round has ended with it. A whole
   * check is a round of its own, and leaves the one under way where it is.
   *
   * Throws RangeError or TypeError for a number of pages that is none, and what `look` throws: the next step then looks at
   * the same pages again.
   */
  advance(
    step: CheckStep | undefined,
    pageCount: number,
    endFor: (page: number) => number,
    look: (window: CheckWindow) => void,
  ): boolean {
    const pages = step?.pages;
    const isWhole = pages === undefined;
    const lookFrom = (from: number, count: number, tally: CheckTally): number => {
      const end = Math.min(pageCount, endFor(Math.min(pageCount, from + count)));
      look({ from, end, isLast: end === pageCount, isWhole, tally });
      return end;
    };
    if (isWhole) {
      const tally = new CheckTally();
      for (let from = 0; from < pageCount;) from = lookFrom(from, WHOLE_STEP, tally);
      return true;
    }
    requireInteger("pages", pages, 1, Number.MAX_SAFE_INTEGER);
    const tally = this.next === 0 ? new CheckTally() : this.tally;
    // In case that `look` throws: what it has counted by then is not to be compared with anything.
    this.tally = new CheckTally();
    const end = lookFrom(Math.min(this.next, pageCount), pages, tally);
    this.tally = tally;
    this.next = end % pageCount;
    return end === pageCount;
  }
}
