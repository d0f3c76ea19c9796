/** The errors of misuse that a guard finds: what is wrong, by how much, and who allocated and freed it. */
import { AllocError, freeError } from "../errors.ts";
import { type Guarded, historyText, LIVE } from "./guarded.ts";
import type { WrongByte } from "./patterns.ts";

/** A byte as it is written in a dump. */
function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}

/** "byte 103 of the 100 at offset 1040 is 0x07, not 0xfd". Bytes before the object have negative numbers. */
function byteText({ offset, byteLength }: Guarded, { at, found, expected }: WrongByte): string {
  return `byte ${at - offset} of the ${byteLength} at offset ${offset} is ${hex(found)}, not ${hex(expected)}`;
}

/** The error of a byte in a red zone. */
export function overflowError(guarded: Guarded, wrong: WrongByte): AllocError {
  const where = wrong.at < guarded.offset ? "before" : "behind";
  return new AllocError(
    "OVERFLOW",
    `write ${where} an allocation: ${byteText(guarded, wrong)}${historyText(guarded)}`,
    guarded.offset,
  );
}

/** The error of a byte in freed memory that is still in quarantine. */
export function useAfterFreeError(guarded: Guarded, wrong: WrongByte): AllocError {
  return new AllocError(
    "USE_AFTER_FREE",
    `write to freed memory: ${byteText(guarded, wrong)}${historyText(guarded)}`,
    guarded.offset,
  );
}

/** The error of a byte in a free slot of `slotSize` bytes at `slot`, last used by `guarded` as far as is known. */
export function freeSlotError(
  slot: number,
  slotSize: number,
  wrong: WrongByte,
  guarded?: Guarded,
): AllocError {
  if (guarded !== undefined) return useAfterFreeError(guarded, wrong);
  const { at, found, expected } = wrong;
  const byte = `byte ${at - slot} of the free slot of ${slotSize} bytes at offset ${slot}`;
  return new AllocError(
    "USE_AFTER_FREE",
    `write to freed memory: ${byte} is ${hex(found)}, not ${hex(expected)}`,
    slot,
  );
}

/** The error of a free of what was freed before. */
export function doubleFreeError(guarded: Guarded): Error {
  const reason = `its ${guarded.byteLength} bytes are free already${historyText(guarded)}`;
  return freeError("DOUBLE_FREE", guarded.offset, reason);
}

/** The error of a free near the allocation that lies around `offset`. */
export function insideError(guarded: Guarded, offset: number): Error {
  const into = offset - guarded.offset;
  const where = into < 0 ? `${-into} bytes before` : `${into} bytes into`;
  const reason = `it lies ${where} the ${guarded.byteLength} bytes at offset ${guarded.offset}`;
  return freeError("INVALID_FREE", offset, reason + historyText(guarded));
}

/** How far around an offset the allocation is looked for that it lies in or beside, in bytes. */
const NEARBY_BYTES = 16384;

/**
 * The error of a free of `offset`, which may be anything, beside or inside an allocation near it; undefined when there is none.
 * `liveAt` tells of the allocation that begins at an offset.
 */
export function errorNear(offset: number, liveAt: (at: number) => Guarded | undefined): Error | undefined {
  if (typeof offset !== "number" || !(offset >= 0)) return undefined;
  const middle = Math.floor(offset / 16) * 16;
  for (let distance = 0; distance <= NEARBY_BYTES; distance += 16) {
    for (const at of [middle - distance, middle + distance]) {
      const guarded = liveAt(at);
      if (guarded !== undefined && guarded.raw <= offset && offset < guarded.rawEnd) {
        return insideError(guarded, offset);
      }
    }
  }
  return undefined;
}

/** The error of an array of `byteLength` bytes that was to be freed, where the allocation there has `asked`. */
export function partialArrayError(offset: number, byteLength: number, asked: number): AllocError {
  return new AllocError(
    "INVALID_FREE",
    `cannot free an array of ${byteLength} bytes: the allocation at offset ${offset} has ${asked}`,
    offset,
  );
}

/** The error of a question about `offset`, at which no allocation begins, or no longer. */
export function notAllocatedError(offset: number, guarded?: Guarded): AllocError {
  const history = guarded === undefined || guarded.state === LIVE ? "" : historyText(guarded);
  return new AllocError(
    "NOT_ALLOCATED",
    `no allocation begins at offset ${String(offset)}${history}`,
    offset,
  );
}
