/**
 * Where items go: each into the shortest gap that is long enough, or one that is a sixteenth longer at most (best fit).
 *
 * Cost: O(gaps in a bin) for an item; a bin's lengths differ by a sixteenth at most.
 */
import { roundDown } from "../../bits/integers.ts";
import { BIN_COUNT, binOf } from "../bins.ts";
import type { Gap, Item, Move } from "./layout.ts";

/** Puts `movers` into the ends of `gaps`, the longest first, adding to `moves`; returns those that found none. */
export function fillGaps<Entry extends Item>(
  movers: readonly Entry[],
  gaps: readonly Gap<Entry>[],
  moves: Move<Entry>[],
): Entry[] {
  const bins: Gap<Entry>[][] = Array.from({ length: BIN_COUNT }, () => []);
  const add = (gap: Gap<Entry>): void => {
    bins[binOf(gap.end - gap.start)].push(gap);
  };
  const place = (item: Entry): boolean => {
    // Where the item begins if it ends as far behind as its alignment allows: it may not fit there.
    const startIn = ({ end }: Gap): number => roundDown(end - item.length, item.align);
    for (let bin = binOf(item.length); bin < BIN_COUNT; bin++) {
      const index = bins[bin].findIndex((gap) => startIn(gap) >= gap.start);
      if (index < 0) continue;
      const [gap] = bins[bin].splice(index, 1);
      const start = startIn(gap);
      add({ ...gap, end: start });
      add({ ...gap, start: start + item.length, after: item });
      moves.push({ item, span: gap.span, start, after: gap.after });
      return true;
    }
    return false;
  };
  gaps.forEach(add);
  return [...movers].sort((a, b) => b.length - a.length).filter((item) => !place(item));
}
