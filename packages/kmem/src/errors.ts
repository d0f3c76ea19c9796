/**
 * What can go wrong, typed.
 *
 * Two kinds: a wrong argument is a `RangeError` or `TypeError` that names the argument, its value and what is
 * allowed; a wrong use of an allocator is an `AllocError` with a stable code. After either, the allocator is as
 * it was.
 */
import { isPowerOfTwo } from "./bits/integers.ts";

/** What every `try…` method returns when it cannot serve the request: -1, never a valid offset. */
export const NONE = -1;

/**
 * Why an `AllocError` was thrown. Codes are stable: match on them, not on messages.
 *
 * - `OUT_OF_MEMORY`: no free space of the kind asked for; the error is an `OutOfMemoryError`.
 * - `DOUBLE_FREE`: the offset is a place that objects or blocks begin at, and it is free already.
 * - `INVALID_FREE`: the offset was never handed out: outside the space, inside an object, or of another owner.
 * - `NOT_ALLOCATED`: a question about an offset at which nothing is allocated.
 * - `NOT_FREE`: space wanted at a given place, or to be cut off, is in use.
 * - `IN_USE`: a cache was to be destroyed, or its name taken, while it lives.
 * - `DETACHED`: the cache was destroyed, the memory's bytes are gone, the thread has left the shared heap,
 *   or a cache that an image brought was not yet opened with its `construct`.
 * - `NO_BYTES`: an operation on bytes, on a heap that only hands out offsets.
 * - `INVALID_HANDLE`: what was to be attached to is no shared heap, or one that this version cannot use.
 * - `INVALID_IMAGE`: what was to be loaded is no image of a heap, or one that no heap here can become.
 * - `TOO_MANY_THREADS`: as many threads as the shared heap was made for are attached.
 * - `STALLED`: a thread has held a shared heap's lock for far longer than any operation takes.
 * - `DEVICE_LOST`: the GPU device is lost, and with it all that was in its buffers.
 * - `DEVICE_OUT_OF_MEMORY`: the GPU device has no memory for another buffer.
 * - `DEVICE_ERROR`: the GPU device refused a buffer for another reason.
 * - `OVERFLOW`: bytes before or behind an allocation were written (found by `kmem/debug`).
 * - `USE_AFTER_FREE`: freed bytes were written (found by `kmem/debug`).
 * - `LEAKED`: what was allocated in a scope outlives it (found by `kmem/debug`).
 * - `CORRUPTED`: `check()` found an invariant broken, or another operation did, before it would have gone astray by it.
 */
export type AllocErrorCode =
  | "OUT_OF_MEMORY"
  | "DOUBLE_FREE"
  | "INVALID_FREE"
  | "NOT_ALLOCATED"
  | "NOT_FREE"
  | "IN_USE"
  | "DETACHED"
  | "NO_BYTES"
  | "INVALID_HANDLE"
  | "INVALID_IMAGE"
  | "TOO_MANY_THREADS"
  | "STALLED"
  | "DEVICE_LOST"
  | "DEVICE_OUT_OF_MEMORY"
  | "DEVICE_ERROR"
  | "OVERFLOW"
  | "USE_AFTER_FREE"
  | "LEAKED"
  | "CORRUPTED";

/** Misuse of an allocator, or a request that it cannot serve. */
export class AllocError extends Error {
  /** Why; stable between versions. */
  readonly code: AllocErrorCode;
  /** The offset in question, in bytes; `NONE` where there is none. */
  readonly offset: number;

  /** An error with the given code and message, about the byte at `offset`. */
  constructor(code: AllocErrorCode, message: string, offset: number = NONE) {
    super(message);
    this.name = "AllocError";
    this.code = code;
    this.offset = offset;
  }
}

/** What an `OutOfMemoryError` tells of the moment of failure. */
export interface OutOfMemoryFacts {
  /** Bytes asked for. */
  readonly requestedBytes: number;
  /** Bytes in free blocks. */
  readonly freeBytes: number;
  /** Bytes of the largest free block, 0 when there is none. */
  readonly largestFreeBytes: number;
  /**
   * The kernel's external-fragmentation index for the block asked for, in thousandths: towards 0 the failure is
   * for lack of memory, towards 1000 for fragmentation; -1000 when a block would have been big enough but did
   * not lie where it was wanted.
   */
  readonly fragmentationIndex: number;
}

/** Thrown by the plain form of an allocating method that found no space. Its code is `OUT_OF_MEMORY`. */
export class OutOfMemoryError extends AllocError implements OutOfMemoryFacts {
  /** Bytes asked for. */
  declare readonly requestedBytes: number;
  /** Bytes in free blocks. */
  declare readonly freeBytes: number;
  /** Bytes of the largest free block, 0 when there is none. */
  declare readonly largestFreeBytes: number;
  /** The kernel's external-fragmentation index for the block asked for, in thousandths. */
  declare readonly fragmentationIndex: number;

  /** An error that tells `facts` in its message and carries them. */
  constructor(facts: OutOfMemoryFacts) {
    super(
      "OUT_OF_MEMORY",
      `out of memory: asked for ${facts.requestedBytes} bytes, ${facts.freeBytes} are free, ` +
        `${facts.largestFreeBytes} in the largest block, fragmentation index ${facts.fragmentationIndex}`,
    );
    this.name = "OutOfMemoryError";
    Object.assign(this, facts);
  }
}

/** How a value reads in a message. */
function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** A TypeError or RangeError that names the argument, what is allowed and what was given. */
export function argumentError(name: string, allowed: string, value: unknown): RangeError | TypeError {
  const message = `${name} must be ${allowed}, got ${show(value)}`;
  return typeof value === "number" ? new RangeError(message) : new TypeError(message);
}

/** Returns `value` when it is an integer from `min` to `max`, both inclusive; throws otherwise. */
export function requireInteger(name: string, value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw argumentError(name, `an integer from ${min} to ${max}`, value);
}

/** Returns `value` when it is a power of two; throws otherwise. */
export function requirePowerOfTwo(name: string, value: number): number {
  if (isPowerOfTwo(value)) return value;
  throw argumentError(name, "a power of two", value);
}

/** The error of a free that is refused: `offset` is no number, or nothing that is allocated begins there. */
export function freeError(code: AllocErrorCode, offset: number, reason: string): Error {
  if (typeof offset !== "number") return argumentError("offset", "a number", offset);
  return new AllocError(code, `cannot free offset ${offset}: ${reason}`, offset);
}

/** Fails `check()` unless each word of `found`, of which `what` names one, is as `invariant` demands. */
export function requireSameWords(
  invariant: string,
  what: string,
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
): void {
  for (let index = 0; index < expected.length; index++) {
    if (found[index] !== expected[index]) {
      requireSame(invariant, `${what} ${index}`, found[index], expected[index]);
    }
  }
}

/** Fails `check()` unless `found`, the state of `what`, is as `invariant` demands. */
export function requireSame<State>(invariant: string, what: string, found: State, expected: State): void {
  if (found !== expected) throw corrupted(invariant, `${what} is ${found}, expected ${expected}`);
}

/** The error of tables that disagree. */
export function corrupted(invariant: string, detail: string): AllocError {
  return new AllocError("CORRUPTED", `${invariant} broken: ${detail}`);
}
