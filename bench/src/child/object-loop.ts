/**
 * The measured loop over JavaScript's own objects: an allocation is `new Uint8Array(n)` or `Buffer.allocUnsafe(n)`,
 * a free forgets the object, and the collector does the rest. The write is of one byte, the first.
 */

import * as layout from "../stream/layout.ts";
import type { Column } from "../subjects/sample.ts";
import type { Loop } from "./loop.ts";
import { stream, task } from "./task.ts";

const { KIND_BITS, KIND_CALLOC, KIND_FREE, KIND_MALLOC, KIND_MASK, OPERATION_WORDS } = layout;
/** As in `offset-loop.ts`. */
const BATCH_WORDS = 4096 * OPERATION_WORDS;
/** What every byte of an object is filled with, where memory is measured. */
const FILL = 0xa5;

const operations = stream.words;
const isTyped = task.adapter === "typed-array";
/** Stands where a slot holds nothing. */
const VACANT = new Uint8Array(0);
const live: Uint8Array[] = Array.from({ length: stream.slotCount }, () => VACANT);

/** Uninitialised where the subject can: the twin of malloc. */
const allocate = isTyped
  ? (byteLength: number): Uint8Array => new Uint8Array(byteLength)
  : (byteLength: number): Uint8Array => Buffer.allocUnsafe(byteLength);

function allocateOtherwise(kind: number, old: Uint8Array, byteLength: number): Uint8Array {
  if (kind === KIND_CALLOC) return isTyped ? new Uint8Array(byteLength) : Buffer.alloc(byteLength);
  const resized = allocate(byteLength);
  resized.set(old.length > byteLength ? old.subarray(0, byteLength) : old);
  return resized;
}

/** As in `offset-loop.ts`. */
function runBatch(begin: number, end: number, writes: boolean): void {
  for (let at = begin | 0; at < (end | 0); at += OPERATION_WORDS) {
    const head = operations[at] as number;
    const slot = head >>> KIND_BITS;
    const kind = head & KIND_MASK;
    if (kind === KIND_FREE) {
      live[slot] = VACANT;
    } else {
      const argument = operations[at + 1] as number;
      const object =
        kind === KIND_MALLOC
          ? allocate(argument)
          : allocateOtherwise(kind, live[slot] as Uint8Array, argument);
      if (writes && argument > 0) object[0] = slot;
      live[slot] = object;
    }
  }
}

/** The loop of this process. */
export const loop: Loop = {
  run(column: Column, begin: number, end: number): void {
    for (let at = begin; at < end; at += BATCH_WORDS) {
      runBatch(at, Math.min(at + BATCH_WORDS, end), column === "write");
    }
  },
  footprintBytes: () => undefined,
  fill: (slot) => live[slot]?.fill(FILL),
};
