/** Writes an operation stream, operation by operation. */

import {
  KIND_BITS,
  KIND_FREE,
  KIND_MALLOC,
  MAX_SLOT_COUNT,
  OPERATION_WORDS,
  type OperationStream,
} from "./layout.ts";

/**
 * Collects the operations of a workload and follows its payload. Every operation is O(1).
 *
 * Invariant: a slot is allocated and freed in turn; a violation throws, because no program does it and
 * each subject would take it differently.
 */
export class StreamBuilder {
  readonly #words: Int32Array;
  readonly #payloadOfSlot: Float64Array;
  readonly #payloadOf: (argument: number) => number;
  #wordCount = 0;
  #setupCount = 0;
  #payload = 0;
  #peakPayload = 0;
  #peakIndex = 0;

  /**
   * @param slotCount size of the table of live objects
   * @param operationCount operations of set-up and round together, exactly
   * @param payloadOf bytes that an operation's argument asks for
   */
  constructor(slotCount: number, operationCount: number, payloadOf: (argument: number) => number) {
    if (slotCount > MAX_SLOT_COUNT) {
      throw new RangeError(`slotCount is ${slotCount}; a stream has at most ${MAX_SLOT_COUNT} slots`);
    }
    this.#words = new Int32Array(operationCount * OPERATION_WORDS);
    this.#payloadOfSlot = new Float64Array(slotCount).fill(-1);
    this.#payloadOf = payloadOf;
  }

  /** Allocates `argument` (bytes, or an order) into a free slot. */
  malloc(slot: number, argument: number): void {
    if (this.#payloadOfSlot[slot] !== -1) throw new Error(`slot ${slot} is allocated twice`);
    const payload = this.#payloadOf(argument);
    this.#payloadOfSlot[slot] = payload;
    this.#payload += payload;
    if (this.#payload > this.#peakPayload) {
      this.#peakPayload = this.#payload;
      this.#peakIndex = this.#wordCount / OPERATION_WORDS;
    }
    this.#push((slot << KIND_BITS) | KIND_MALLOC, argument);
  }

  /** Frees a live slot. */
  free(slot: number): void {
    const payload = this.#payloadOfSlot[slot];
    if (payload === -1 || payload === undefined) throw new Error(`slot ${slot} is freed but holds nothing`);
    this.#payloadOfSlot[slot] = -1;
    this.#payload -= payload;
    this.#push((slot << KIND_BITS) | KIND_FREE, 0);
  }

  /** Ends the set-up: what follows is the round. */
  endSetup(): void {
    this.#setupCount = this.#wordCount / OPERATION_WORDS;
  }

  /** @returns the stream; throws when fewer operations were given than announced */
  finish(): OperationStream {
    if (this.#wordCount !== this.#words.length) {
      throw new Error(`${this.#wordCount} words written, ${this.#words.length} announced`);
    }
    return {
      slotCount: this.#payloadOfSlot.length,
      setupCount: this.#setupCount,
      roundCount: this.#wordCount / OPERATION_WORDS - this.#setupCount,
      peakIndex: this.#peakIndex,
      peakPayloadBytes: this.#peakPayload,
      words: this.#words,
    };
  }

  #push(head: number, argument: number): void {
    this.#words[this.#wordCount++] = head;
    this.#words[this.#wordCount++] = argument;
  }
}
