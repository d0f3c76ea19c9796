/** A recording that cannot be verified: what it lacks, and how to make one that can. */
export class VerifyError extends Error {
  override readonly name = "VerifyError";
}
