/** Pages from `start` (inclusive) to `end` (exclusive). */
export interface PageRange {
  readonly start: number;
  readonly end: number;
}

/** A set of page frames below a limit, one byte a page. */
export class PageSet {
  readonly #isMember: Uint8Array;

  /** An empty set for the pages from 0 to `limit` (exclusive). */
  constructor(limit: number) {
    this.#isMember = new Uint8Array(limit);
  }

  has(page: number): boolean {
    return this.#isMember[page] === 1;
  }

  /** Adds a range, or takes it out. What lies beyond the limit is passed over. */
  set({ start, end }: PageRange, isMember: boolean): void {
    this.#isMember.fill(isMember ? 1 : 0, start, end);
  }

  /** The members within [`start`, `end`) as ranges, by rising page. */
  *ranges(start: number, end: number): Generator<PageRange> {
    const limit = Math.min(end, this.#isMember.length);
    let at = this.#isMember.indexOf(1, start);
    while (at >= 0 && at < limit) {
      const past = this.#isMember.indexOf(0, at);
      const rangeEnd = past < 0 ? limit : Math.min(limit, past);
      yield { start: at, end: rangeEnd };
      at = rangeEnd === limit ? -1 : this.#isMember.indexOf(1, rangeEnd);
    }
  }
}
