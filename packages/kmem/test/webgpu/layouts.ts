// Layouts for plans, what a plan does to them, and the least that any plan has to move.

import { expect } from "vitest";
import { NONE } from "kmem";
import * as library from "../../src/webgpu/defragment/layout.ts";
import * as planner from "../../src/webgpu/defragment/plan.ts";
import type { Random } from "../model/random.ts";

/** An item that knows its span. */
export interface Item extends library.Item {
  readonly span: number;
}

/** Spans by their lengths, and all items by rising span and start. */
export interface Layout {
  readonly spans: readonly number[];
  readonly items: readonly Item[];
}

/** A move, of the item with that index, to behind the one with the index `after`; `NONE` for the start of the span. */
export interface PlannedMove {
  readonly item: number;
  readonly span: number;
  readonly start: number;
  readonly after: number;
}

/** The layout as the library has it. */
function bySpan({ spans, items }: Layout): library.Span<Item>[] {
  return spans.map((length, index) => ({ length, items: items.filter(({ span }) => span === index) }));
}

/** The library's share of holes. */
export function holeShare(layout: Layout): number {
  return library.holeShare(bySpan(layout));
}

/** The library's plan. */
export function planMoves(layout: Layout, maxHoles: number): PlannedMove[] {
  const indexOf = new Map(layout.items.map((item, index) => [item, index]));
  return planner.planMoves(bySpan(layout), maxHoles).map(({ item, span, start, after }) => ({
    item: indexOf.get(item)!,
    span,
    start,
    after: after === undefined ? NONE : indexOf.get(after)!,
  }));
}

/** Spans filled with items of random lengths, of which each is then freed with probability `freed`. */
export function randomLayout(
  random: Random,
  spans: readonly number[],
  length: (random: Random) => number,
  freed = 0.5,
): Layout {
  const items: Item[] = [];
  for (const [span, spanLength] of spans.entries()) {
    let start = 0;
    for (let next = length(random); start + next <= spanLength; next = length(random)) {
      if (!random.chance(freed)) items.push({ span, start, length: next, align: 1, pinned: false });
      start += next;
    }
  }
  return { spans, items };
}

/** Makes the moves one by one, each of which must go to granules that are free by then. */
export function afterMoves({ spans, items }: Layout, moves: readonly PlannedMove[]): Layout {
  const owners = spans.map((length) => new Int32Array(length).fill(NONE));
  const places = items.map((item) => ({ ...item }));
  const fill = ({ span, start, length }: Item, owner: number): void => {
    owners[span]!.fill(owner, start, start + length);
  };
  for (const [index, item] of items.entries()) fill(item, index);
  for (const { item, span, start, after } of moves) {
    const place = places[item]!;
    expect(place.pinned).toBe(false);
    expect(start % place.align).toBe(0);
    const target = owners[span]!.subarray(start, start + place.length);
    expect(target.length).toBe(place.length);
    expect(target.every((owner) => owner === NONE)).toBe(true);
    // Between the gap's start and the target, nothing stands; the item that is named stands right before.
    const before = owners[span]!.subarray(0, start).findLast((owner) => owner !== NONE);
    expect(before ?? NONE).toBe(after);
    fill(place, NONE);
    Object.assign(place, { span, start });
    fill(place, item);
  }
  const sorted = places.sort((a, b) => a.span - b.span || a.start - b.start);
  return { spans, items: sorted };
}

/** The sum of the lengths that `moves` move. */
export function movedLength({ items }: Layout, moves: readonly PlannedMove[]): number {
  return moves.reduce((sum, { item }) => sum + items[item]!.length, 0);
}

/**
 * What any plan has to move that ends with a share of holes of at most `maxHoles`, in spans of one length.
 *
 * Such an end has all items in whole spans and the beginning of one more, U / (1 - maxHoles) granules in all. Whatever
 * lies elsewhere now has to move. So: the least of that over every choice of these spans. It is a bound from below, not
 * always to be reached, as it takes no heed of which lengths fill the gaps.
 */
export function leastMoved({ spans, items }: Layout, maxHoles: number): number {
  const spanLength = spans[0] ?? 0;
  const used = items.reduce((sum, { length }) => sum + length, 0);
  const room = used / (1 - maxHoles);
  const wholeCount = Math.min(Math.floor(room / spanLength), spans.length - 1);
  const end = Math.floor(Math.min(room - wholeCount * spanLength, spanLength));
  const within = (span: number, limit: number): number =>
    items
      .filter((item) => item.span === span && item.start + item.length <= limit)
      .reduce((sum, { length }) => sum + length, 0);
  const whole = spans.map((length, span) => within(span, length));
  const kept = spans.map((_, partial) => {
    const others = whole.filter((_, span) => span !== partial).sort((a, b) => b - a);
    return within(partial, end) + others.slice(0, wholeCount).reduce((sum, length) => sum + length, 0);
  });
  return used - Math.max(0, ...kept);
}

/**
 * The least that a plan moves to end with a share of holes of at most `maxHoles`, found by trying: Dijkstra's algorithm
 * over all placements of the items. Undefined when no plan gets there.
 */
export function optimalMoved(
  { spans, items }: Layout,
  isGoal: (layout: Layout) => boolean,
): number | undefined {
  const bases = spans.map((_, span) => spans.slice(0, span).reduce((sum, length) => sum + length, 0));
  const size = spans.reduce((sum, length) => sum + length, 0);
  const start = items.map(({ span, start }) => bases[span]! + start);
  const costs = new Map([[start.join(), 0]]);
  const queues: number[][][] = [[start]];
  for (let cost = 0; cost < queues.length; cost++) {
    for (const places of queues[cost] ?? []) {
      if (costs.get(places.join()) !== cost) continue;
      if (isGoal(toLayout(places))) return cost;
      for (const [item, { length }] of items.entries()) {
        for (let to = 0; to + length <= size; to++) {
          if (!isFree(places, to, length)) continue;
          const next = places.with(item, to);
          const key = next.join();
          const nextCost = cost + length;
          if ((costs.get(key) ?? Infinity) <= nextCost) continue;
          costs.set(key, nextCost);
          (queues[nextCost] ??= []).push(next);
        }
      }
    }
  }
  return undefined;

  function spanAt(place: number): number {
    return bases.findLastIndex((base) => base <= place);
  }

  function isFree(places: number[], to: number, length: number): boolean {
    if (spanAt(to) !== spanAt(to + length - 1)) return false;
    // The item's own granules count as taken, too: no copy onto itself.
    return places.every((place, other) => to + length <= place || place + items[other]!.length <= to);
  }

  function toLayout(places: number[]): Layout {
    const placed = places.map((place, item) => ({
      ...items[item]!,
      span: spanAt(place),
      start: place - bases[spanAt(place)]!,
    }));
    return { spans, items: placed.sort((a, b) => a.span - b.span || a.start - b.start) };
  }
}
