/** What is wrong with a trace, as a word that programs can test. */
export type TraceErrorCode =
  /** The file cannot be opened or read: not there, a directory, no permission. */
  | "UNREADABLE"
  /** There is nothing in it. */
  | "EMPTY"
  /** It is nothing that is read here, or holds no allocation event. */
  | "FOREIGN"
  /** A line is not what the format asks for. */
  | "SYNTAX"
  /** It ends before its end. */
  | "TRUNCATED"
  /** Its bytes do not decompress, or are not those that were written. */
  | "DAMAGED";

/** Where in a trace something went wrong. */
export interface TracePlace {
  /** The name the file was opened by. */
  readonly file: string;
  /** The line, counted from 1; 0 where no line is to blame. */
  readonly line: number;
}

/** A trace that cannot be read, or read on: which file, which line, and what was expected there. */
export class TraceError extends Error {
  override readonly name = "TraceError";
  readonly code: TraceErrorCode;
  readonly file: string;
  /** Counted from 1; 0 where no line is to blame. */
  readonly line: number;

  constructor(code: TraceErrorCode, place: TracePlace, what: string, options?: ErrorOptions) {
    super(place.line > 0 ? `${place.file}:${place.line}: ${what}` : what, options);
    this.code = code;
    this.file = place.file;
    this.line = place.line;
  }
}
