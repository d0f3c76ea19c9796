/**
 * Freed runs that wait to be merged: the next request of as many pages gets one as it is.
 *
 * A program that frees a run often asks for one of that length next, and the merge and the split between would take longer than
 * all the rest. Whoever takes something else of what is free settles first, which lists all that waits; so what waits is missing
 * nowhere. Whoever looks asks `FreeSpace`, which has them merged and leaves them waiting: to look changes nothing of what comes.
 *
 * Invariant:
 *   B4: a run that waits is free by the page map, on no list, and aligned as the smallest block that holds it. The words of
 *       those that do not are 0.
 *
 * The lists of waiting runs are short and their order is last in, first out, as those of `mm/page_alloc.c` in Linux for
 * each processor. Barkley and Lee, A Lazy Buddy System Bounded by Two Coalescing Delays per Class (1989).
 */
import { ceilLog2, lowestBit } from "../bits/integers.ts";
import { corrupted, requireSame, requireSameWords } from "../errors.ts";
import type { FreeLists } from "./free-lists.ts";
import { HEAD, USED } from "./page-map.ts";

/** The most pages of a run that waits, where blocks can be as large: up to 32, since the lengths have a bit each. */
const MAX_COUNT = 16;
/** The most runs of one length that wait. */
const DEPTH = 3;

/** Bit n is set while a run of n + 1 pages waits. */
const MASK = 0;
/** How many runs of n + 1 pages wait stands at `LISTS + n * LIST_WORDS`; each one's first page + 1 follows. */
const LISTS = 1;
const LIST_WORDS = 1 + DEPTH;

export const WAITING_WORDS = LISTS + MAX_COUNT * LIST_WORDS;

/** True when a run of `count` pages from `start` on is aligned as the smallest block that holds it. */
function isAligned(start: number, count: number): boolean {
  return (start & ((1 << ceilLog2(count)) - 1)) === 0;
}

export class WaitingRuns {
  private readonly pages: Uint8Array;
  private readonly lists: FreeLists;
  private readonly words: Int32Array;
  private readonly maxCount: number;

  /** None that wait, on words that must be zero. */
  constructor(pages: Uint8Array, lists: FreeLists, words: Int32Array = new Int32Array(WAITING_WORDS)) {
    this.pages = pages;
    this.lists = lists;
    this.words = words;
    this.maxCount = Math.min(MAX_COUNT, 2 ** lists.maxOrder);
  }

  /** True when no run waits. */
  get isEmpty(): boolean {
    return this.words[MASK] === 0;
  }

  /** Lets the run from page `start` to `end` (exclusive), which was freed, wait; false, changing nothing, when it must not. */
  add(start: number, end: number): boolean {
    const { words } = this;
    const count = end - start;
    if (count > this.maxCount || !isAligned(start, count)) return false;
    const list = LISTS + (count - 1) * LIST_WORDS;
    const waiting = words[list];
    if (waiting >>> 0 >= DEPTH) return false;
    words[list + 1 + waiting] = start + 1;
    words[list] = waiting + 1;
    words[MASK] |= 1 << (count - 1);
    return true;
  }

  /** Takes the run of `count` pages that was added last, and returns its first page; -1 when none waits. */
  take(count: number): number {
    const { words } = this;
    if (count > MAX_COUNT || (words[MASK] & (1 << (count - 1))) === 0) return -1;
    const list = LISTS + (count - 1) * LIST_WORDS;
    const left = words[list] - 1;
    const start = this.remove(list, left);
    if (left === 0) words[MASK] &= ~(1 << (count - 1));
    return start;
  }

  /** Puts all that waits on the free lists. O(orders) for each run. */
  settle(): void {
    const { words, lists } = this;
    while (words[MASK] !== 0) {
      const index = lowestBit(words[MASK]);
      const list = LISTS + index * LIST_WORDS;
      let left = words[list] - 1;
      do {
        const start = this.remove(list, left);
        lists.releaseRange(start, start + index + 1);
      } while (--left >= 0);
      words[MASK] &= ~(1 << index);
    }
  }

  /** The sum of the pages that wait. */
  get pageCount(): number {
    let sum = 0;
    for (let mask = this.words[MASK]; mask !== 0; mask &= mask - 1) {
      const index = lowestBit(mask);
      sum += (index + 1) * this.words[LISTS + index * LIST_WORDS];
    }
    return sum;
  }

  /** The first page of the waiting run that `page` lies in; -1 when it lies in none. */
  startCovering(page: number): number {
    const at = this.placeCovering(page);
    return at < 0 ? -1 : this.words[at] - 1;
  }

  /** The end (exclusive) of the waiting run that `page` lies in; -1 when it lies in none. */
  endCovering(page: number): number {
    const at = this.placeCovering(page);
    return at < 0 ? -1 : this.words[at] + Math.floor((at - LISTS) / LIST_WORDS);
  }

  /** The first pages of all that wait, in no order. */
  get starts(): number[] {
    return Array.from({ length: MAX_COUNT }, (_, index) => this.startsOf(index)).flat();
  }

  /** Checks B4, of a space that ends before `endPage`. Throws `AllocError` `CORRUPTED`. */
  check(endPage: number): void {
    const { words, pages, lists } = this;
    const seen = new Set<number>();
    let mask = 0;
    for (let index = 0; index < MAX_COUNT; index++) {
      const list = LISTS + index * LIST_WORDS;
      const starts = this.startsOf(index);
      requireSame("B4", `the count of runs of ${index + 1} pages`, words[list], starts.length);
      if (starts.length > 0) mask |= 1 << index;
      for (const start of starts) {
        const isSound = pages[start] === HEAD && isAligned(start, index + 1) && start + index < endPage;
        requireSame("B4", `the run of ${index + 1} pages from ${start} being one that waits`, isSound, true);
        for (let page = start; page <= start + index; page++) {
          const isFree = (pages[page] & USED) === 0 && lists.orderCovering(page) < 0 && !seen.has(page);
          requireSame("B4", `page ${page} being free and on no list`, isFree, true);
          seen.add(page);
        }
      }
      const unused = words.subarray(list + 1 + starts.length, list + LIST_WORDS);
      requireSameWords("B4", `place of length ${index + 1},`, unused, new Int32Array(unused.length));
    }
    requireSame("B4", "the mask of lengths", words[MASK], mask);
  }

  /** Where the words keep the waiting run that `page` lies in; -1 when it lies in none. */
  private placeCovering(page: number): number {
    const { words } = this;
    for (let mask = words[MASK]; mask !== 0; mask &= mask - 1) {
      const index = lowestBit(mask);
      const list = LISTS + index * LIST_WORDS;
      for (let at = list + 1; at <= list + DEPTH; at++) {
        const start = words[at] - 1;
        if (start >= 0 && start <= page && page <= start + index) return at;
      }
    }
    return -1;
  }

  /** The first pages of the runs of `index` + 1 pages. */
  private startsOf(index: number): number[] {
    const list = LISTS + index * LIST_WORDS;
    const count = Math.min(this.words[list] >>> 0, DEPTH);
    return Array.from(this.words.subarray(list + 1, list + 1 + count), (word) => word - 1);
  }

  /** Takes the last run off a list, of which `left` are left, and returns its first page. Throws `CORRUPTED` when it is not free. */
  private remove(list: number, left: number): number {
    const { words } = this;
    const start = words[list + 1 + left] - 1;
    if (left >>> 0 >= DEPTH || this.pages[start] !== HEAD) {
      throw corrupted("B4", `no freed run begins at page ${start}`);
    }
    words[list + 1 + left] = 0;
    words[list] = left;
    return start;
  }
}
