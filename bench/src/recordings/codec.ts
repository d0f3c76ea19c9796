/**
 * The form in which recorded streams are kept: about a bit or two an operation.
 *
 * Brotli over three columns, one after the other, of little-endian base-128 numbers:
 *
 *     4 numbers   version, operations in the round, slots, target (0 bytes of a heap, 1 orders of a buddy)
 *     kinds       of each operation, a byte each
 *     arguments   of each operation but a free
 *     ages        of each free and realloc: how many allocations were made since that object's own
 *
 * Slots are not kept: an allocation takes the slot that was vacated last, or else a new one. Neither is the
 * teardown, which frees all that is left in the order of the slots.
 */

import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { StreamBuilder } from "../stream/builder.ts";
import {
  KIND_BITS,
  KIND_CALLOC,
  KIND_FREE,
  KIND_MALLOC,
  KIND_MASK,
  KIND_REALLOC,
  OPERATION_WORDS,
  type OperationStream,
} from "../stream/layout.ts";
import { payloadBytesOf, type Target } from "../workloads/workload.ts";

const VERSION = 1;
/** Window of the compressor, log2 of its bytes: the largest that every decoder takes. */
const WINDOW_BITS = 24;

/** Numbers in base 128, lowest digit first, the top bit set on all digits but the last. */
class NumberColumn {
  readonly bytes: number[] = [];

  push(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.bytes.push(128 + (rest % 128));
    this.bytes.push(rest);
  }
}

/** @returns the bytes of a recorded stream: no set-up, slots as the head of this file says */
export function encodeRecording(stream: OperationStream, target: Target): Buffer {
  if (stream.setupCount > 0) throw new Error("a recording has no set-up");
  const head = new NumberColumn();
  for (const value of [VERSION, stream.roundCount, stream.slotCount, target === "buddy" ? 1 : 0]) {
    head.push(value);
  }
  const kinds: number[] = [];
  const operands = new NumberColumn();
  const ages = new NumberColumn();
  const madeAt = new Float64Array(stream.slotCount);
  let madeCount = 0;
  for (let index = 0; index < stream.roundCount; index++) {
    const operation = stream.words[index * OPERATION_WORDS]!;
    const kind = operation & KIND_MASK;
    const slot = operation >>> KIND_BITS;
    kinds.push(kind);
    if (kind === KIND_FREE || kind === KIND_REALLOC) ages.push(madeCount - madeAt[slot]!);
    if (kind !== KIND_FREE) {
      operands.push(stream.words[index * OPERATION_WORDS + 1]! >>> 0);
      madeAt[slot] = ++madeCount;
    }
  }
  const columns = Buffer.concat(
    [head.bytes, kinds, operands.bytes, ages.bytes].map((part) => Buffer.from(part)),
  );
  return brotliCompressSync(columns, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
    },
  });
}

/** Reads numbers of a column, one after the other. */
class NumberReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  next(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const digit = this.#bytes[this.at++];
      if (digit === undefined) throw new Error("the recording is cut short");
      value += (digit & 127) * scale;
      if (digit < 128) return value;
    }
  }
}

/** @returns the stream that {@link encodeRecording} was given; throws an Error on anything else */
export function decodeRecording(encoded: Uint8Array): OperationStream {
  const bytes = brotliDecompressSync(encoded);
  const head = new NumberReader(bytes, 0);
  const version = head.next();
  if (version !== VERSION) throw new Error(`the recording has version ${version}; ${VERSION} is known`);
  const operationCount = head.next();
  const slotCount = head.next();
  const target = head.next() === 1 ? "buddy" : "heap";
  const kinds = bytes.subarray(head.at, head.at + operationCount);
  const operands = new NumberReader(bytes, head.at + operationCount);
  const ages = new NumberReader(bytes, operands.at + operandBytes(bytes, operands.at, kinds));

  const builder = new StreamBuilder((argument) => payloadBytesOf(target, argument), operationCount);
  const slotOf = new Int32Array(operationCount + 1);
  const vacant: number[] = [];
  let usedSlots = 0;
  let madeCount = 0;
  builder.endSetup();
  for (const kind of kinds) {
    if (kind === KIND_FREE) {
      const slot = slotOf[madeCount - ages.next()]!;
      builder.free(slot);
      vacant.push(slot);
      continue;
    }
    const slot = kind === KIND_REALLOC ? slotOf[madeCount - ages.next()]! : (vacant.pop() ?? usedSlots++);
    const operand = operands.next();
    if (kind === KIND_MALLOC) builder.malloc(slot, operand);
    else if (kind === KIND_CALLOC) builder.calloc(slot, operand);
    else if (kind === KIND_REALLOC) builder.realloc(slot, operand);
    else throw new Error(`the recording has an operation of kind ${kind}`);
    slotOf[++madeCount] = slot;
  }
  if (usedSlots !== slotCount) throw new Error(`${usedSlots} slots in use, ${slotCount} announced`);
  builder.endRoundAndFreeAll();
  return builder.finish();
}

/** @returns bytes of the column of arguments that begins at `start` */
function operandBytes(bytes: Uint8Array, start: number, kinds: Uint8Array): number {
  const reader = new NumberReader(bytes, start);
  for (const kind of kinds) if (kind !== KIND_FREE) reader.next();
  return reader.at - start;
}

/** Names of the kinds of operation, in the order of their numbers. */
const KIND_NAMES = ["free", "malloc", "calloc", "realloc", "aligned"];

/** @returns how many operations of each kind a round has */
export function countKinds(stream: OperationStream): Record<string, number> {
  const counts = KIND_NAMES.map(() => 0);
  for (let index = 0; index < stream.roundCount; index++) {
    counts[stream.words[index * OPERATION_WORDS]! & KIND_MASK]!++;
  }
  return Object.fromEntries(
    KIND_NAMES.map((name, kind) => [name, counts[kind]!]).filter(([, count]) => count !== 0),
  );
}
