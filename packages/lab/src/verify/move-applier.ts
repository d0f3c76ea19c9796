/** Tells the twins of all zones what moved, and counts. */
import type { RecordedMachine } from "./recorded-machine.ts";
import { Move } from "./free-list-moves.ts";
import type { MoveCounts } from "./report.ts";
import type { ZoneTwin } from "./zone-twin.ts";

/** Applies a recording's moves, in the order of time. */
export class MoveApplier {
  /** Moves that cannot be: out of a page that was not free, or in of one that was. */
  contradictions = 0;
  readonly #machine: RecordedMachine;
  readonly #twins: readonly ZoneTwin[];
  /** The page of the last steal: older kernels tell of it a second time, as a page that left. */
  #stolenPage = -1;

  constructor(machine: RecordedMachine, twins: readonly ZoneTwin[]) {
    this.#machine = machine;
    this.#twins = twins;
  }

  /** Applies the moves among events `firstRow` to `endRow` (exclusive), and counts them. */
  apply(firstRow: number, endRow: number): MoveCounts {
    const { events, moves } = this.#machine;
    const counts = { refills: 0, allocations: 0, steals: 0, drains: 0, frees: 0 };
    for (let row = firstRow; row < endRow; row++) {
      const move = moves.of(events, row);
      if (move === Move.NONE) continue;
      const page = events.key[row]!;
      const order = events.order[row]!;
      const twin = this.#twins.find((each) => each.covers(page, order));
      if (twin === undefined) continue;
      const name = this.#applyOne(twin, move, page, order);
      if (name !== null) counts[name]++;
    }
    return counts;
  }

  /** Returns what the move counts as; null for one that was told before. */
  #applyOne(twin: ZoneTwin, move: Move, page: number, order: number): keyof MoveCounts | null {
    switch (move) {
      case Move.OUT: {
        const wereOut = twin.takeOut(page, order);
        if (wereOut > 0 && page !== this.#stolenPage) this.contradictions++;
        this.#stolenPage = -1;
        return this.#machine.moves.isPerCpuOrder(order) ? "refills" : "allocations";
      }
      case Move.STOLEN:
        if (twin.takeOut(page, order) > 0) return null;
        this.#stolenPage = page;
        return "steals";
      default:
        if (twin.putIn(page, order) > 0) this.contradictions++;
        return move === Move.DRAINED ? "drains" : "frees";
    }
  }
}
