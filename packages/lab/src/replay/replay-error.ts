import { AllocError } from "kmem";

/** A recording that reads well but that the allocators cannot hold. */
export class ReplayError extends Error {
  override readonly name = "ReplayError";
}

/**
 * Runs a part of a replay. Turns what an allocator says when it is asked for more than it can manage, be it an
 * AllocError or a RangeError, into a ReplayError that names the file; lets everything else pass.
 */
export function withinLimits<Result>(file: string, part: () => Result): Result {
  try {
    return part();
  } catch (error) {
    const isLimit =
      error instanceof RangeError || (error instanceof AllocError && error.code === "OUT_OF_MEMORY");
    if (!isLimit) throw error;
    throw new ReplayError(`${file} does not fit into the allocators: ${error.message}`, { cause: error });
  }
}
