import { EVENT_NAMES } from "./event.ts";
import type { EventColumns } from "./event-columns.ts";
import type { EventTotals } from "./recording.ts";

/** Counts events, batch by batch. */
export class EventTally {
  readonly #countByKind = EVENT_NAMES.map(() => 0);
  #eventCount = 0;
  #bytesRequested = 0;
  #bytesAllocated = 0;
  #firstNanoseconds = 0;
  #lastNanoseconds = 0;

  /** Events so far. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Counts the next events. O(events). */
  add({ length, kind, timeNanoseconds, bytesRequested, bytesAllocated }: EventColumns): void {
    if (length === 0) return;
    if (this.#eventCount === 0) this.#firstNanoseconds = timeNanoseconds[0]!;
    this.#lastNanoseconds = timeNanoseconds[length - 1]!;
    this.#eventCount += length;
    for (let row = 0; row < length; row++) {
      this.#countByKind[kind[row]!]!++;
      this.#bytesRequested += bytesRequested[row]!;
      this.#bytesAllocated += bytesAllocated[row]!;
    }
  }

  /** What came together. */
  totals(clockCountsTicks: boolean): EventTotals {
    const nanoseconds = this.#lastNanoseconds - this.#firstNanoseconds;
    return {
      eventCount: this.#eventCount,
      countByKind: this.#countByKind,
      bytesRequested: this.#bytesRequested,
      bytesAllocated: this.#bytesAllocated,
      durationSeconds: clockCountsTicks ? null : nanoseconds / 1e9,
    };
  }
}
