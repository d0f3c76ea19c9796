/** Takes one line: the bytes from `start` (inclusive) to `end` (exclusive), without its line ending. */
export type LineHandler = (bytes: Uint8Array, start: number, end: number) => void;

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const INITIAL_CARRY_BYTES = 1024;

/**
 * Cuts a stream of bytes into lines, wherever the stream itself is cut. A line that lies within one chunk is
 * handed on in place; only a line that spans chunks is copied. LF and CRLF both end a line.
 */
export class LineSplitter {
  readonly #onLine: LineHandler;
  readonly #onTooLong: () => never;
  readonly #maxLineBytes: number;
  /** The start of a line whose end has not come yet. */
  #carry = new Uint8Array(INITIAL_CARRY_BYTES);
  #carryLength = 0;

  constructor(options: { maxLineBytes: number; onLine: LineHandler; onTooLong: () => never }) {
    this.#onLine = options.onLine;
    this.#onTooLong = options.onTooLong;
    this.#maxLineBytes = options.maxLineBytes;
  }

  /** Takes the next bytes and hands on every line that they complete. The chunk may be reused afterwards. */
  push(chunk: Uint8Array): void {
    let start = 0;
    while (start < chunk.length) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end < 0) {
        this.#keep(chunk.subarray(start));
        return;
      }
      if (this.#carryLength > 0) {
        this.#keep(chunk.subarray(start, end));
        this.#flushCarry();
      } else {
        this.#handOn(chunk, start, end);
      }
      start = end + 1;
    }
  }

  /** Hands on a last line without line ending. Returns whether there was one. */
  finish(): boolean {
    if (this.#carryLength === 0) return false;
    this.#flushCarry();
    return true;
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#carryLength + bytes.length;
    if (length > this.#maxLineBytes) this.#onTooLong();
    if (length > this.#carry.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#carry.length));
      larger.set(this.#carry.subarray(0, this.#carryLength));
      this.#carry = larger;
    }
    this.#carry.set(bytes, this.#carryLength);
    this.#carryLength = length;
  }

  #flushCarry(): void {
    const length = this.#carryLength;
    this.#carryLength = 0;
    this.#handOn(this.#carry, 0, length);
  }

  #handOn(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > this.#maxLineBytes) this.#onTooLong();
    this.#onLine(bytes, start, end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
  }
}
