/** Why nothing was recorded, as a word that programs can test. */
export type RecordErrorCode =
  /** This is not Linux, or not a processor whose buffers are understood. */
  | "WRONG_MACHINE"
  /** Root is needed. */
  | "NOT_ROOT"
  /** The kernel's tracing file system is not there. */
  | "NO_TRACEFS"
  /** The kernel lacks the events, or describes them in a way that is not understood. */
  | "NO_EVENTS"
  /** The kernel refused a setting of the recording's own buffers. */
  | "REFUSED"
  /** The file to write is there already. */
  | "TARGET_EXISTS"
  /** The file cannot be written. */
  | "CANNOT_WRITE"
  /** The command cannot be started. */
  | "CANNOT_START";

/** A recording that cannot be made: what is missing, in one line that says what to do. */
export class RecordError extends Error {
  override readonly name = "RecordError";
  readonly code: RecordErrorCode;

  constructor(code: RecordErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
