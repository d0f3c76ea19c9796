/** The error of a request that is refused although there may be space. */
import { OutOfMemoryError } from "../errors.ts";

/**
 * An `OutOfMemoryError` like any other, so that whoever handles those handles this one; `reason` says which limit was in
 * the way, or which fault was asked for.
 */
export class RefusedError extends OutOfMemoryError {
  /** Why the request was refused. */
  readonly reason: string;

  /** The error that `outOfMemory` would be, with a reason. */
  constructor(outOfMemory: OutOfMemoryError, reason: string) {
    super(outOfMemory);
    this.name = "RefusedError";
    this.message = `refused: ${reason}; ${outOfMemory.message}`;
    this.reason = reason;
  }
}

/** `outOfMemory`, or the `RefusedError` that it is for some `reason`. */
export function withReason(outOfMemory: OutOfMemoryError, reason: string | undefined): OutOfMemoryError {
  return reason === undefined ? outOfMemory : new RefusedError(outOfMemory, reason);
}
