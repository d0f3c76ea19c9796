/**
 * What happens before a request is refused: what waits in quarantine gives way, then the owner is asked to free
 * something, and each time the request is tried again.
 */
import { NONE } from "../errors.ts";

/** A request that cannot be served, as it is told to `onPressure`. */
export interface Pressure {
  /** Bytes asked for. */
  readonly requestedBytes: number;
  /** The name of the cache that an object was asked of; undefined for `malloc` and its family. */
  readonly cache: string | undefined;
  /** True when a limit is in the way, false when there is no space. */
  readonly isLimit: boolean;
}

/** The most calls of `onPressure` for one request: one that returns true and frees nothing would go on for ever. */
const MAX_CALLS = 16;

export class PressureValve {
  private readonly giveWay: () => boolean;
  private readonly onPressure: ((pressure: Pressure) => boolean) | undefined;
  private isOpen = false;

  /** `giveWay` releases what the heap holds for no owner; true when there was any. */
  constructor(giveWay: () => boolean, onPressure: ((pressure: Pressure) => boolean) | undefined) {
    this.giveWay = giveWay;
    this.onPressure = onPressure;
  }

  /**
   * Tries `attempt`, which returned `NONE` before, as long as something gives way; returns what it returned last. While
   * `onPressure` is at work, requests of its own are not told to it.
   */
  retry(pressure: Pressure, attempt: () => number): number {
    let offset = this.giveWay() ? attempt() : NONE;
    if (this.onPressure === undefined || this.isOpen) return offset;
    this.isOpen = true;
    try {
      for (let calls = 0; offset === NONE && calls < MAX_CALLS && this.onPressure(pressure); calls++) {
        this.giveWay();
        offset = attempt();
      }
    } finally {
      this.isOpen = false;
    }
    return offset;
  }
}
