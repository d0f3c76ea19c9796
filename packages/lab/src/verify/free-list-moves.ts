/**
 * Which events move pages into or out of the kernel's free lists (mm/page_alloc.c, Linux 6.15 to 6.18).
 *
 * Out: `mm_page_alloc_zone_locked`, under the zone's lock, also when a processor's own list is refilled. A block taken
 * from the list of another migrate type, and not by claiming a smaller block first, is told of by
 * `mm_page_alloc_extfrag` alone.
 *
 * In: `mm_page_pcpu_drain`, under the lock, when a processor's list is emptied; and `mm_page_free` for the orders that
 * no processor's list takes: above 3, except that of a huge page.
 *
 * Everything else leaves the free lists as they are: `mm_page_alloc` takes from a processor's list, or comes after
 * `mm_page_alloc_zone_locked`; `mm_page_free` of small orders and `mm_page_free_batched` fill a processor's list.
 */
import { EventKind } from "../trace/event.ts";
import type { EventColumns } from "../trace/event-columns.ts";

/** What an event does to the free lists. */
export const Move = {
  NONE: 0,
  /** The block leaves. */
  OUT: 1,
  /** The block leaves, unless an event before or behind has told so already. */
  STOLEN: 2,
  /** The block enters, from a processor's list. */
  DRAINED: 3,
  /** The block enters at once. */
  FREED: 4,
} as const;

/** One value of `Move`. */
export type Move = (typeof Move)[keyof typeof Move];

/** `PAGE_ALLOC_COSTLY_ORDER`: the largest order that the lists of processors take, but for huge pages. */
const MAX_PER_CPU_ORDER = 3;

/** What is asked of a recording's events. */
export class FreeListMoves {
  readonly #hugePageOrder: number;

  /** `hugePageOrder`: that of the blocks with a migrate type, which is that of a transparent huge page. */
  constructor(hugePageOrder: number) {
    this.#hugePageOrder = hugePageOrder;
  }

  /** Do the lists of processors take blocks of this order? */
  isPerCpuOrder(order: number): boolean {
    return order <= MAX_PER_CPU_ORDER || order === this.#hugePageOrder;
  }

  /** What event `row` does. */
  of({ kind, key, order }: EventColumns, row: number): Move {
    if (key[row]! < 0) return Move.NONE;
    switch (kind[row]) {
      case EventKind.MM_PAGE_ALLOC_ZONE_LOCKED:
        return Move.OUT;
      case EventKind.MM_PAGE_ALLOC_EXTFRAG:
        return Move.STOLEN;
      case EventKind.MM_PAGE_PCPU_DRAIN:
        return Move.DRAINED;
      case EventKind.MM_PAGE_FREE:
        return this.isPerCpuOrder(order[row]!) ? Move.NONE : Move.FREED;
      default:
        return Move.NONE;
    }
  }
}

/** Does a block that moves so enter the free lists? */
export function entersFreeLists(move: Move): boolean {
  return move === Move.DRAINED || move === Move.FREED;
}
