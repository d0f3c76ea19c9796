/** The errors of misuse that a guard finds: what is wrong, by how much, and who allocated and freed it. */
import { AllocError, freeError } from "../errors.ts";
import { type Guarded, historyText, LIVE } from "./guarded.ts";

/** A byte as it is written in a dump. */
function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}

/** A byte that should be another. */
export interface WrongByte {
  /** Where it is. */
  readonly at: number;
  readonly found: number;
  readonly expected: number;
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

/** The error of a question about `offset`, at which no allocation begins, or no longer. */
export function notAllocatedError(offset: number, guarded?: Guarded): AllocError {
  const history = guarded === undefined || guarded.state === LIVE ? "" : historyText(guarded);
  return new AllocError(
    "NOT_ALLOCATED",
    `no allocation begins at offset ${String(offset)}${history}`,
    offset,
  );
}
