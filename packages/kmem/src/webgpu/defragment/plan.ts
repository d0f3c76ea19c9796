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
 * Cost: O(spans^2 + n log n) for n items, and O(n log n) for each mover of step 3, 32 at most.
 */
import { roundUp } from "../../bits/integers.ts";
import { NONE } from "../../errors.ts";
import { Gaps } from "./gaps.ts";
import { type Gap, gapsBetween, holeShare, type Layout, usedLengths } from "./layout.ts";

/** A move of an item to granules that are free by then. */
export interface PlannedMove {
  /** The item's index in the layout. */
  readonly item: number;
  /** The span that it goes to. */
  readonly span: number;
  /** Its first granule there. */
  readonly start: number;
  /** The item in front of the gap that it goes into; `NONE` at the start of the span. */
  readonly after: number;
}

/** An item where the plan has it. */
interface Place {
  readonly item: number;
  readonly span: number;
  readonly start: number;
  readonly length: number;
}

/** Windows that are tried for a mover that finds no gap, from the cheapest on. */
const MOST_WINDOWS = 16;
/** Choices of what to keep that are tried until one has a place for each mover. */
const MOST_CHOICES = 8;
/** Movers for which a plan clears a window. What is left then is for the next plan. */
const MOST_CLEARED = 32;

/** Moves that bring the share of holes in `layout` to `maxHoles` (0 to 1, exclusive) or less, where that is possible. */
export function planMoves(layout: Layout, maxHoles: number): PlannedMove[] {
  if (holeShare(layout) <= maxHoles) return [];
  let best: Plan | undefined;
  for (const ends of choicesOfEnds(layout, maxHoles).slice(0, MOST_CHOICES)) {
    const plan = planFor(layout, ends);
    if (best === undefined || plan.leftLength < best.leftLength) best = plan;
    if (best.leftLength === 0) break;
  }
  return best?.moves ?? [];
}

/** A plan, and the sum of the lengths of the movers for which it found no place. */
interface Plan {
  readonly moves: PlannedMove[];
  readonly leftLength: number;
}

/** The plan that keeps what is before `ends`. */
function planFor(layout: Layout, ends: readonly number[]): Plan {
  const movers: number[] = [];
  const kept: Place[] = [];
  for (const [item, { span, start, length, pinned }] of layout.items.entries()) {
    if (start + length <= ends[span]) kept.push({ item, span, start, length });
    else if (!pinned) movers.push(item);
  }
  const moves: PlannedMove[] = [];
  const found = fillGaps(layout, movers, new Gaps(gapsBetween(ends, kept)), moves);
  const left = found.filter(
    (item, index) => index >= MOST_CLEARED || !clearWindow(layout, ends, kept, item, moves),
  );
  return { moves, leftLength: left.reduce((sum, item) => sum + layout.items[item].length, 0) };
}

/**
 * Which granules to keep: choices of an end for each span, before which all is kept, in the order of how much of what is
 * in use they keep.
 */
function choicesOfEnds(layout: Layout, maxHoles: number): number[][] {
  const { spans, items } = layout;
  const used = usedLengths(layout);
  const room = used.reduce((sum, each) => sum + each, 0) / (1 - maxHoles);
  const density = (span: number): number => used[span] / spans[span];
  const order = [...spans.keys()].sort((a, b) => density(b) - density(a));
  const first = Array.from(spans, () => items.length);
  for (let index = items.length - 1; index >= 0; index--) first[items[index].span] = index;
  // Every span in turn is the one of which only the beginning is kept; of the others, the fullest are kept whole.
  const choices = order.map((partial) => {
    const ends = spans.map(() => 0);
    let left = room;
    let kept = 0;
    for (const span of order) {
      if (span === partial || spans[span] > left) continue;
      ends[span] = spans[span];
      left -= spans[span];
      kept += used[span];
    }
    ends[partial] = Math.min(Math.floor(left), spans[partial]);
    for (let index = first[partial]; items[index]?.span === partial; index++) {
      const { start, length } = items[index];
      if (start + length <= ends[partial]) kept += length;
      // The first item that reaches beyond the end moves; until then, what it has is no gap.
      else ends[partial] = Math.min(ends[partial], start);
    }
    return { ends, kept };
  });
  return choices.sort((a, b) => b.kept - a.kept).map(({ ends }) => ends);
}

/** Puts `movers` into gaps, the longest first, adding to `moves`; returns those that found none. */
function fillGaps(layout: Layout, movers: readonly number[], gaps: Gaps, moves: PlannedMove[]): number[] {
  const { items } = layout;
  const left: number[] = [];
  for (const item of [...movers].sort((a, b) => items[b].length - items[a].length)) {
    const place = gaps.fill(item, items[item].length, items[item].align);
    if (place === undefined) left.push(item);
    else moves.push({ item, ...place });
  }
  return left;
}

/** A stretch between items in which a mover would fit if the items inside were elsewhere. */
interface Window extends Gap {
  /** The items inside. */
  readonly items: readonly number[];
  /** The sum of their lengths. */
  readonly cost: number;
}

/** Moves items away from where `mover` then fits, and `mover` there, adding to `moves`; or does nothing and is false. */
function clearWindow(
  layout: Layout,
  ends: readonly number[],
  kept: readonly Place[],
  mover: number,
  moves: PlannedMove[],
): boolean {
  const places = placesAfter(layout, kept, moves);
  const gaps = gapsBetween(ends, places);
  const windows = windowsFor(layout, ends, places, mover).sort((a, b) => a.cost - b.cost);
  for (const { items, span, start, end, after } of windows.slice(0, MOST_WINDOWS)) {
    const outside = gaps.filter((gap) => gap.span !== span || gap.end <= start || gap.start >= end);
    const evictions: PlannedMove[] = [];
    if (fillGaps(layout, items, new Gaps(outside), evictions).length > 0) continue;
    moves.push(...evictions, { item: mover, span, start: roundUp(start, layout.items[mover].align), after });
    return true;
  }
  return false;
}

/** Where each kept item is once `moves` are made, by rising span and start. */
function placesAfter(layout: Layout, kept: readonly Place[], moves: readonly PlannedMove[]): Place[] {
  const places = new Map(kept.map((place) => [place.item, place]));
  for (const { item, span, start } of moves) {
    places.set(item, { item, span, start, length: layout.items[item].length });
  }
  return [...places.values()].sort((a, b) => a.span - b.span || a.start - b.start);
}

/** The windows for `mover` that cost less than it is long; each ends where an item outside it begins. */
function windowsFor(
  { items }: Layout,
  ends: readonly number[],
  places: readonly Place[],
  mover: number,
): Window[] {
  const { length, align } = items[mover];
  const windows: Window[] = [];
  const consider = (span: number, start: number, after: number, first: number): void => {
    const inside: number[] = [];
    let cost = 0;
    for (let index = first; cost < length; index++) {
      const isLast = places[index]?.span !== span;
      const end = isLast ? ends[span] : places[index].start;
      if (roundUp(start, align) + length <= end)
        windows.push({ span, start, end, after, items: inside, cost });
      if (isLast || roundUp(start, align) + length <= end || items[places[index].item].pinned) return;
      inside.push(places[index].item);
      cost += places[index].length;
    }
  };
  let index = 0;
  for (const span of ends.keys()) {
    consider(span, 0, NONE, index);
    for (; places[index]?.span === span; index++) {
      const { start, length, item } = places[index];
      consider(span, start + length, item, index + 1);
    }
  }
  return windows;
}
