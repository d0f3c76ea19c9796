/**
 * What a plan of moves is made from: the lengths of the spans and the items in them, in granules, as plain data.
 *
 * Holes are the free granules of the spans that have items, but for one free tail: space in one piece, behind the last
 * item of a span, is what defragmentation is to make. So over the spans that have items, the share of holes is
 *
 *   (free - longest tail) / (all - longest tail)
 */
import { NONE } from "../../errors.ts";

/** Granules that somebody has. */
export interface Item {
  /** The index of its span. */
  readonly span: number;
  /** Its first granule in the span. */
  readonly start: number;
  /** How many granules it has. */
  readonly length: number;
  /** What its first granule must be a multiple of. */
  readonly align: number;
  /** True when it must stay where it is. */
  readonly pinned: boolean;
}

/** Spans and what is in them. */
export interface Layout {
  /** The length of each span. */
  readonly spans: readonly number[];
  /** The items, by rising span and start. */
  readonly items: readonly Item[];
}

/** A free stretch of a span. */
export interface Gap {
  readonly span: number;
  readonly start: number;
  /** Its end, exclusive. */
  readonly end: number;
  /** The index of the item before it; `NONE` at the start of the span. */
  readonly after: number;
}

/** The sum of the items' lengths in each span. */
export function usedLengths({ spans, items }: Layout): number[] {
  const used = spans.map(() => 0);
  for (const { span, length } of items) used[span] += length;
  return used;
}

/** The share of holes, from 0 to 1; 0 where nothing is. O(spans + items). */
export function holeShare({ spans, items }: Layout): number {
  const tails = new Map<number, number>();
  let free = 0;
  let all = 0;
  for (const { span, start, length } of items) {
    if (!tails.has(span)) {
      all += spans[span];
      free += spans[span];
    }
    tails.set(span, spans[span] - start - length);
    free -= length;
  }
  const tail = Math.max(0, ...tails.values());
  return all === 0 ? 0 : (free - tail) / (all - tail);
}

/** The gaps of each span between `places`, by rising span and start, up to the span's entry in `ends`. */
export function gapsBetween(
  ends: readonly number[],
  places: Iterable<{
    readonly item: number;
    readonly span: number;
    readonly start: number;
    readonly length: number;
  }>,
): Gap[] {
  const gaps: Gap[] = [];
  const at = ends.map(() => ({ start: 0, after: NONE }));
  const add = (span: number, end: number): void => {
    const { start, after } = at[span];
    if (start < end) gaps.push({ span, start, end, after });
  };
  for (const { item, span, start, length } of places) {
    add(span, Math.min(start, ends[span]));
    at[span] = { start: start + length, after: item };
  }
  for (const [span, end] of ends.entries()) add(span, end);
  return gaps;
}
