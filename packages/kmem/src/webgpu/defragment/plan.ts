/**
 * The plan of a defragmentation: which items move where, so that few bytes are moved and few holes stay. Pure: it sees
 * a layout, not a heap.
 *
 * 1. What stays. U granules in use, with holes of at most the share h, take S = U / (1 - h) granules. So choose S
 *    granules to keep, whole spans and the beginning of one more, such that most of what is in use lies in them already.
 *    All that lies elsewhere has to move under any plan that ends with so few holes: that sum is a lower bound.
 * 2. Where to. The longest mover first, each into the shortest gap of the kept granules that holds it. Nothing that
 *    stays is touched, so a plan that finds a gap for each mover moves just as much as the lower bound.
 *    Where it does not, the next best choice of step 1 is tried, and so on for a few.
 * 3. Where a mover finds none, the cheapest window of its length is cleared: the items in it move to other gaps, and the
 *    mover takes their place. Only where that moves less than the mover itself has.
 *
 * Moves are to be made in order. Each goes to granules that are free by then, and ends with more of what is in use in
 * the kept granules; so plans made one after the other come to an end.
 *
 * Cost: O(spans n + n log n) for n items, and O(n log n) for each mover of step 3, 32 at most.
 */
import { roundUp } from "../../bits/integers.ts";
import { fillGaps } from "./fill-gaps.ts";
import { type Gap, holeShare, type Item, lengthOfAll, type Move, type Span } from "./layout.ts";

/** Moves, and the sum of the lengths of the items for which the plan found no place. */
interface Plan<Entry extends Item> {
  readonly moves: Move<Entry>[];
  readonly leftLength: number;
}

/** A stretch between items in which a mover would fit if the items inside were elsewhere. */
interface Window<Entry extends Item> extends Gap<Entry> {
  readonly inside: readonly Entry[];
}

/** Choices of what to keep that are tried until one has a place for each mover. */
const MOST_CHOICES = 8;
/** Movers for which a plan clears a window. What is left then is for the next plan. */
const MOST_CLEARED = 32;

/** Moves that bring the share of holes in `layout` to `maxHoles` (0 to 1, exclusive) or less, where that is possible. */
export function planMoves<Entry extends Item>(
  layout: readonly Span<Entry>[],
  maxHoles: number,
): Move<Entry>[] {
  if (holeShare(layout) <= maxHoles) return [];
  let best: Plan<Entry> = { moves: [], leftLength: Infinity };
  for (const ends of choicesOfEnds(layout, maxHoles)) {
    const plan = planFor(layout, ends);
    if (plan.leftLength < best.leftLength) best = plan;
    if (best.leftLength === 0) break;
  }
  return best.moves;
}

/**
 * Which granules to keep: choices of an end for each span, before which all is kept, in the order of how much of what is
 * in use they keep.
 */
function choicesOfEnds(layout: readonly Span[], maxHoles: number): number[][] {
  const room = lengthOfAll(layout.flatMap(({ items }) => items)) / (1 - maxHoles);
  const density = (span: number): number => lengthOfAll(layout[span].items) / layout[span].length;
  const order = [...layout.keys()].sort((a, b) => density(b) - density(a));
  // Every span in turn is the one of which only the beginning is kept; of the others, the fullest are kept whole.
  const choices = order.map((partial) => {
    const ends = layout.map(() => 0);
    let left = room;
    let kept = 0;
    for (const span of [...order.filter((each) => each !== partial), partial]) {
      const { length, items } = layout[span];
      let end = length;
      if (length > left) end = span === partial ? Math.floor(left) : 0;
      for (const item of items) {
        if (item.start + item.length <= end) kept += item.length;
        // The first item that reaches beyond the end moves; until then, what it has is no gap.
        else end = Math.min(end, item.start);
      }
      ends[span] = end;
      left -= end;
    }
    return { ends, kept };
  });
  choices.sort((a, b) => b.kept - a.kept);
  return choices.slice(0, MOST_CHOICES).map(({ ends }) => ends);
}

/** The plan that keeps what is before `ends`. */
function planFor<Entry extends Item>(layout: readonly Span<Entry>[], ends: readonly number[]): Plan<Entry> {
  // What is kept stands in front of the moves, so that the last entry of an item tells its place.
  const placed: Move<Entry>[] = [];
  const movers: Entry[] = [];
  for (const [span, { items }] of layout.entries()) {
    for (const item of items) {
      const { start, length, pinned } = item;
      if (start + length <= ends[span]) placed.push({ item, span, start, after: undefined });
      else if (!pinned) movers.push(item);
    }
  }
  const keptCount = placed.length;
  const found = fillGaps(movers, gapsBetween(ends, placed), placed);
  const left = found.filter((mover, index) => index >= MOST_CLEARED || !clearWindow(ends, placed, mover));
  return { moves: placed.slice(keptCount), leftLength: lengthOfAll(left) };
}

/** Where each item of `placed` is in the end: for each span, by rising start. */
function placesBySpan<Entry extends Item>(
  ends: readonly number[],
  placed: readonly Move<Entry>[],
): Move<Entry>[][] {
  const bySpan: Move<Entry>[][] = ends.map(() => []);
  for (const place of new Map(placed.map((place) => [place.item, place])).values()) {
    bySpan[place.span].push(place);
  }
  return bySpan.map((places) => places.sort((a, b) => a.start - b.start));
}

/** The stretch of a span from behind the item `before` to the item `behind`; without one, to that end of the span. */
function stretch<Entry extends Item>(
  span: number,
  spanEnd: number,
  before: Move<Entry> | undefined,
  behind: Move<Entry> | undefined,
): Gap<Entry> {
  const start = before === undefined ? 0 : before.start + before.item.length;
  return { span, start, end: behind?.start ?? spanEnd, after: before?.item };
}

/** The gaps between the items of `placed`, up to each span's entry in `ends`; some are empty. */
function gapsBetween<Entry extends Item>(
  ends: readonly number[],
  placed: readonly Move<Entry>[],
): Gap<Entry>[] {
  return placesBySpan(ends, placed).flatMap((places, span) =>
    [...places, undefined].map((behind, index) => stretch(span, ends[span], places[index - 1], behind)),
  );
}

/** Moves items away from where `mover` then fits, and `mover` there, adding to `placed`; or does nothing and is false. */
function clearWindow<Entry extends Item>(
  ends: readonly number[],
  placed: Move<Entry>[],
  mover: Entry,
): boolean {
  const window = cheapestWindow(ends, placed, mover);
  if (window === undefined) return false;
  const { inside, span, start, end, after } = window;
  const outside = gapsBetween(ends, placed).filter(
    (gap) => gap.span !== span || gap.end <= start || gap.start >= end,
  );
  const evictions: Move<Entry>[] = [];
  if (fillGaps(inside, outside, evictions).length > 0) return false;
  placed.push(...evictions, { item: mover, span, start: roundUp(start, mover.align), after });
  return true;
}

/** The window for a mover with the least to move, less than the mover itself; it ends where an item outside begins. */
function cheapestWindow<Entry extends Item>(
  ends: readonly number[],
  placed: readonly Move<Entry>[],
  { length, align }: Entry,
): Window<Entry> | undefined {
  let best: Window<Entry> | undefined;
  let leastCost = length;
  for (const [span, places] of placesBySpan(ends, placed).entries()) {
    for (let first = 0; first <= places.length; first++) {
      const inside: Entry[] = [];
      for (let cost = 0; cost < leastCost;) {
        const behind = places[first + inside.length];
        const window = stretch(span, ends[span], places[first - 1], behind);
        if (roundUp(window.start, align) + length <= window.end) {
          best = { ...window, inside };
          leastCost = cost;
        } else if (behind === undefined || behind.item.pinned) break;
        else {
          inside.push(behind.item);
          cost += behind.item.length;
        }
      }
    }
  }
  return best;
}
