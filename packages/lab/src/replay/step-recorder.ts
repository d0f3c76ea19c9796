/** What a replay looks like on the way, for one that is followed by step. */

/** The state after some operations. */
export interface StepReport {
  /** Operations applied so far. */
  readonly operations: number;
  /** Sum of what was asked for, over the live pieces. */
  readonly payloadBytes: number;
  readonly heldBytes: number;
  /** The largest free block of the page allocator. */
  readonly largestFreeBytes: number;
  /** Free blocks of each order. */
  readonly freeBlocks: readonly number[];
}

/** Collects steps; knows the payload by following the operations itself. */
export class StepRecorder {
  readonly steps: StepReport[] = [];
  readonly #operations: Int32Array;
  readonly #bytesOf: (piece: number) => number;
  #position = 0;
  #payloadBytes = 0;

  constructor(operations: Int32Array, bytesOf: (piece: number) => number) {
    this.#operations = operations;
    this.#bytesOf = bytesOf;
  }

  /** Adds the state after `position` operations. O(operations since the last). */
  add(position: number, state: Omit<StepReport, "operations" | "payloadBytes">): void {
    for (; this.#position < position; this.#position++) {
      const operation = this.#operations[this.#position]!;
      if (operation >= 0) this.#payloadBytes += this.#bytesOf(operation);
      else this.#payloadBytes -= this.#bytesOf(~operation);
    }
    this.steps.push({ operations: position, payloadBytes: this.#payloadBytes, ...state });
  }
}
