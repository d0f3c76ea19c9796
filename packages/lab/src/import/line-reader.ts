import { TraceError, type TraceErrorCode } from "../trace/trace-error.ts";
import { LineCursor } from "./line-cursor.ts";
import { LineSplitter } from "./line-splitter.ts";
import type { ReaderOptions } from "./recording-reader.ts";

/** Characters of a broken line that a message shows. */
const EXCERPT_LENGTH = 60;

/** What readers of line formats have in common: lines, their numbers, the limit, and how a fault is told. */
export abstract class LineReader {
  protected readonly file: string;
  /** At the line at hand; for methods that read numbers and words. */
  protected readonly cursor = new LineCursor();
  protected textBytes = 0;
  readonly #limit: number;
  readonly #splitter: LineSplitter;
  #lineCount = 0;
  #eventCount = 0;

  constructor({ file, limit = Infinity }: ReaderOptions, maxLineBytes: number) {
    this.file = file;
    this.#limit = limit;
    this.#splitter = new LineSplitter({
      maxLineBytes,
      onLine: (bytes, start, end) => {
        if (this.isDone) return;
        this.#lineCount++;
        this.cursor.reset(bytes, start, end);
        this.line();
      },
      onTooLong: () =>
        this.fail("FOREIGN", `expected a line, found more than ${maxLineBytes} bytes without an ending`),
    });
  }

  get lineCount(): number {
    return this.#lineCount;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  get isDone(): boolean {
    return this.#eventCount >= this.#limit;
  }

  push(chunk: Uint8Array): void {
    if (this.isDone) return;
    this.textBytes += chunk.length;
    this.#splitter.push(chunk);
  }

  finish(): void {
    if (this.isDone) return;
    this.#splitter.finish();
    this.end();
  }

  /** Takes the line that the cursor stands at. */
  protected abstract line(): void;

  /** The last line has been taken: throws if something is missing. */
  protected abstract end(): void;

  /** Counts an event that goes to the sink. */
  protected countEvent(): void {
    this.#eventCount++;
  }

  /** Throws: `expected` should have stood at the cursor. `what` comes before that. */
  protected failAtCursor(expected: string, code: TraceErrorCode = "SYNTAX", what = ""): never {
    const { cursor } = this;
    const found = cursor.at === cursor.end ? "the end of the line" : `"${cursor.excerpt(EXCERPT_LENGTH)}"`;
    this.fail(code, `${what}expected ${expected}; found ${found}`);
  }

  /** Throws at the line at hand. */
  protected fail(code: TraceErrorCode, what: string): never {
    throw new TraceError(code, { file: this.file, line: Math.max(1, this.#lineCount) }, what);
  }

  /** Throws behind the line at hand. */
  protected failAfterLine(code: TraceErrorCode, what: string): never {
    throw new TraceError(code, { file: this.file, line: this.#lineCount + 1 }, what);
  }
}
