/**
 * What a plan of moves is made from: spans and the items in them, in granules, as plain data.
 *
 * Holes are the free granules of the spans that have items, but for one free tail: space in one piece, behind the last
 * item of a span, is what defragmentation is to make. So over the spans that have items, the share of holes is
 *
 *   (free - longest tail) / (all - longest tail)
 */

/** Granules that somebody has. */
export interface Item {
  /** Its first granule in its span. */
  readonly start: number;
  /** How many granules it has. */
  readonly length: number;
  /** What its first granule must be a multiple of. */
  readonly align: number;
  /** True when it must stay where it is. */
  readonly pinned: boolean;
}

/** A span and what is in it. */
export interface Span<Entry extends Item = Item> {
  /** How many granules it has. */
  readonly length: number;
  /** Its items, by rising start. */
  readonly items: readonly Entry[];
}

/** A free stretch of a span. */
export interface Gap<Entry extends Item = Item> {
  /** The index of the span. */
  readonly span: number;
  readonly start: number;
  /** Its end, exclusive. */
  readonly end: number;
  /** The item before it; undefined at the start of the span. */
  readonly after: Entry | undefined;
}

/** A move of an item to granules that are free by then. */
export interface Move<Entry extends Item = Item> {
  readonly item: Entry;
  /** The index of the span that it goes to. */
  readonly span: number;
  /** Its first granule there. */
  readonly start: number;
  /** The item in front of the gap that it goes into; undefined at the start of the span. */
  readonly after: Entry | undefined;
}

/** The sum of the items' lengths. */
export function lengthOfAll(items: readonly Item[]): number {
  return items.reduce((sum, { length }) => sum + length, 0);
}

/** The share of holes, from 0 to 1; 0 where nothing is. O(items). */
export function holeShare(layout: readonly Span[]): number {
  let all = 0;
  let free = 0;
  let longestTail = 0;
  for (const { length, items } of layout) {
    const last = items.at(-1);
    if (last === undefined) continue;
    all += length;
    free += length - lengthOfAll(items);
    longestTail = Math.max(longestTail, length - last.start - last.length);
  }
  return all && (free - longestTail) / (all - longestTail);
}
