/**
 * The set of free pages at one moment, from a set that took a while to read.
 *
 * A page that moved meanwhile may have been read before or after it did. Its first move since the moment tells what it
 * was at the moment: a page that left was free, a page that entered was not. A page that did not move was what it was
 * read as.
 */
import type { EventColumns } from "../trace/event-columns.ts";
import { entersFreeLists, Move, type FreeListMoves } from "./free-list-moves.ts";
import { PageSet } from "./page-set.ts";

/** A set as it was read, and the events that tell how to read it. */
export interface ReadSet {
  /** Rising edges of ranges, as in `StateMoment.freePages`. */
  readonly freePages: Float64Array;
  readonly events: EventColumns;
  readonly moves: FreeListMoves;
  /** The events since the moment, up to the end of reading: rows from `firstRow` to `endRow` (exclusive). */
  readonly firstRow: number;
  readonly endRow: number;
  /** The number of page frames. */
  readonly pageLimit: number;
}

/** The set at the moment before event `firstRow`, and the number of pages that an event settled. */
export function settledSet(set: ReadSet): { free: PageSet; settledPages: number } {
  const { freePages, events, moves, firstRow, endRow, pageLimit } = set;
  const free = new PageSet(pageLimit);
  for (let edge = 0; edge < freePages.length; edge += 2) {
    free.set({ start: freePages[edge]!, end: freePages[edge + 1]! }, true);
  }
  const isSettled = new PageSet(pageLimit);
  let settledPages = 0;
  for (let row = firstRow; row < endRow; row++) {
    const move = moves.of(events, row);
    if (move === Move.NONE) continue;
    const start = events.key[row]!;
    const end = Math.min(pageLimit, start + 2 ** events.order[row]!);
    for (let page = start; page < end; page++) {
      if (isSettled.has(page)) continue;
      const only = { start: page, end: page + 1 };
      isSettled.set(only, true);
      free.set(only, !entersFreeLists(move));
      settledPages++;
    }
  }
  return { free, settledPages };
}
