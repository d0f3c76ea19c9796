/** A live view that cannot be had: what is missing, in one line. */
export class LiveError extends Error {
  override readonly name = "LiveError";
}
