/** Writes an operation stream, operation by operation. */

import {
  alignedArgument,
  KIND_ALIGNED,
  KIND_BITS,
  KIND_CALLOC,
  KIND_FREE,
  KIND_MALLOC,
  KIND_REALLOC,
  MAX_SLOT_COUNT,
  OPERATION_WORDS,
  type OperationStream,
} from "./layout.ts";

/** Payload of a slot that holds nothing. */
const VACANT = -1;

/**
 * Collects the operations of a workload and follows its payload. Every operation is O(1), amortised.
 *
 * Invariant: a slot is allocated and freed in turn, and resized only in between; a violation throws, because
 * no program does it and each subject would take it differently.
 */
export class StreamBuilder {
  readonly #payloadOf: (argument: number) => number;
  #words: Int32Array;
  #payloadOfSlot: Float64Array;
  #slotCount = 0;
  #wordCount = 0;
  #setupCount = 0;
  #roundEnd = -1;
  #payload = 0;
  #peakPayload = 0;
  #peakIndex = 0;

  /**
   * @param payloadOf bytes that an operation's argument asks for; bytes themselves when left out
   * @param expected a guess of the number of operations, which saves copies
   */
  constructor(payloadOf: (argument: number) => number = (bytes) => bytes, expected = 2 ** 16) {
    this.#payloadOf = payloadOf;
    this.#words = new Int32Array(expected * OPERATION_WORDS);
    this.#payloadOfSlot = new Float64Array(1024).fill(VACANT);
  }

  /** Allocates `argument` (bytes, or an order) into a free slot. */
  malloc(slot: number, argument: number): void {
    this.#fill(slot, this.#payloadOf(argument));
    this.#push(slot, KIND_MALLOC, argument);
  }

  /** Allocates zeroed bytes into a free slot. */
  calloc(slot: number, sizeBytes: number): void {
    this.#fill(slot, sizeBytes);
    this.#push(slot, KIND_CALLOC, sizeBytes);
  }

  /** Allocates into a free slot at a multiple of `align`, a power of two. */
  aligned(slot: number, sizeBytes: number, align: number): void {
    this.#fill(slot, sizeBytes);
    this.#push(slot, KIND_ALIGNED, alignedArgument(sizeBytes, align));
  }

  /** Resizes what a live slot holds. */
  realloc(slot: number, sizeBytes: number): void {
    this.#vacate(slot, "resized");
    this.#fill(slot, sizeBytes);
    this.#push(slot, KIND_REALLOC, sizeBytes);
  }

  /** Frees a live slot. */
  free(slot: number): void {
    this.#vacate(slot, "freed");
    this.#push(slot, KIND_FREE, 0);
  }

  /** Ends the set-up: what follows is the round. */
  endSetup(): void {
    this.#setupCount = this.#wordCount / OPERATION_WORDS;
  }

  /** Ends the round and frees what it left alive, in the order of the slots: the teardown. O(slots). */
  endRoundAndFreeAll(): void {
    this.#roundEnd = this.#wordCount / OPERATION_WORDS;
    for (let slot = 0; slot < this.#slotCount; slot++) {
      if (this.#payloadOfSlot[slot] !== VACANT) this.free(slot);
    }
  }

  /** @returns the stream */
  finish(): OperationStream {
    const operationCount = this.#wordCount / OPERATION_WORDS;
    const roundEnd = this.#roundEnd === -1 ? operationCount : this.#roundEnd;
    return {
      slotCount: this.#slotCount,
      setupCount: this.#setupCount,
      roundCount: roundEnd - this.#setupCount,
      teardownCount: operationCount - roundEnd,
      peakIndex: this.#peakIndex,
      peakPayloadBytes: this.#peakPayload,
      words: this.#words.slice(0, this.#wordCount),
    };
  }

  #fill(slot: number, payload: number): void {
    if (slot >= this.#slotCount) this.#addSlots(slot + 1);
    if (this.#payloadOfSlot[slot] !== VACANT) throw new Error(`slot ${slot} is allocated twice`);
    this.#payloadOfSlot[slot] = payload;
    this.#payload += payload;
    if (this.#payload > this.#peakPayload) {
      this.#peakPayload = this.#payload;
      this.#peakIndex = this.#wordCount / OPERATION_WORDS;
    }
  }

  #vacate(slot: number, what: string): void {
    const payload = this.#payloadOfSlot[slot];
    if (payload === VACANT || payload === undefined) {
      throw new Error(`slot ${slot} is ${what} but holds nothing`);
    }
    this.#payloadOfSlot[slot] = VACANT;
    this.#payload -= payload;
  }

  #addSlots(slotCount: number): void {
    if (slotCount > MAX_SLOT_COUNT) {
      throw new RangeError(`a stream has at most ${MAX_SLOT_COUNT} slots; slot ${slotCount - 1} is beyond`);
    }
    this.#slotCount = slotCount;
    if (slotCount <= this.#payloadOfSlot.length) return;
    const larger = new Float64Array(Math.max(slotCount, 2 * this.#payloadOfSlot.length)).fill(VACANT);
    larger.set(this.#payloadOfSlot);
    this.#payloadOfSlot = larger;
  }

  #push(slot: number, kind: number, argument: number): void {
    if (this.#wordCount === this.#words.length) {
      const larger = new Int32Array(2 * this.#words.length);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.#wordCount++] = (slot << KIND_BITS) | kind;
    this.#words[this.#wordCount++] = argument;
  }
}
