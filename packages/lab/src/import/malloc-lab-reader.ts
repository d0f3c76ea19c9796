/**
 * Reads traces of the malloc laboratory (Bryant and O'Hallaron, "Computer Systems: A Programmer's Perspective"): a header
 * of two or four numbers, one a line or several, then an operation a line.
 *
 *     ids ops                     a id bytes    allocate
 *     weight ids ops largest      r id bytes    change the size
 *     heap ids ops weight         f id          free; -1 is NULL
 *
 * The second and third number of four are the same in both forms. Which form it is, is of no consequence here.
 */
import { blankEvent, EventKind, type TraceSink } from "../trace/event.ts";
import { sourceFacts, type SourceFacts } from "../trace/recording.ts";
import { isDigit } from "./line-cursor.ts";
import { LineReader } from "./line-reader.ts";
import type { ReaderOptions, RecordingReader } from "./recording-reader.ts";

const MAX_LINE_BYTES = 1 << 10;
const LETTER_A = 0x61;
const LETTER_F = 0x66;
const LETTER_R = 0x72;
const DASH = 0x2d;
const HEADER_LENGTHS = new Set([2, 4]);

/** Reads one `.rep` file. */
export class MallocLabReader extends LineReader implements RecordingReader {
  readonly #sink: TraceSink;
  readonly #event = blankEvent();
  readonly #header: number[] = [];
  #idCount = 0;
  #operationCount = 0;
  #operations = 0;
  #isLive = new Uint8Array(0);

  constructor(options: ReaderOptions) {
    super(options, MAX_LINE_BYTES);
    this.#sink = options.sink;
  }

  facts(): SourceFacts {
    return sourceFacts("malloc-lab", {
      sources: [this.file],
      clockCountsTicks: true,
      pointers: "numbers",
      textBytes: this.textBytes,
      lineCount: this.lineCount,
    });
  }

  protected override line(): void {
    const { cursor } = this;
    cursor.skipSpaces();
    if (cursor.at === cursor.end) return;
    if (this.#operations === 0 && isDigit(cursor.peek())) this.#headerLine();
    else this.#operation();
  }

  protected override end(): void {
    if (this.#operations === 0) this.fail("EMPTY", "expected an operation; found the end of the file");
    if (this.#operations < this.#operationCount) {
      const wanted = `expected ${this.#operationCount} operations, as the header says`;
      this.fail("TRUNCATED", `${wanted}; found ${this.#operations} and the end of the file`);
    }
  }

  #headerLine(): void {
    const { cursor } = this;
    for (cursor.skipSpaces(); cursor.at < cursor.end; cursor.skipSpaces()) {
      this.#header.push(this.#number("a number of the header"));
    }
  }

  #takeHeader(): void {
    const { length } = this.#header;
    if (!HEADER_LENGTHS.has(length)) {
      this.fail("SYNTAX", `expected a header of 2 or 4 numbers; found ${length}`);
    }
    [this.#idCount, this.#operationCount] = (length === 2 ? this.#header : this.#header.slice(1)) as [
      number,
      number,
    ];
    this.#isLive = new Uint8Array(this.#idCount);
  }

  #operation(): void {
    const { cursor } = this;
    if (this.#operations === 0) this.#takeHeader();
    const what = cursor.peek();
    if (what !== LETTER_A && what !== LETTER_F && what !== LETTER_R) this.failAtCursor('"a", "r" or "f"');
    if (this.#operations === this.#operationCount) {
      this.failAtCursor(`the end of the file after ${this.#operationCount} operations, as the header says`);
    }
    cursor.at++;
    cursor.skipSpaces();
    this.#event.timeNanoseconds = this.#operations++;
    if (what === LETTER_F && cursor.peek() === DASH) return;
    const id = this.#number("an id");
    if (id >= this.#idCount) this.failAtCursor(`an id below ${this.#idCount}, as the header says`);
    this.#apply(what, id);
  }

  #apply(what: number, id: number): void {
    const isLive = this.#isLive[id] === 1;
    const bytes = what === LETTER_F ? 0 : this.#number("a size in bytes");
    if (what === LETTER_F || (what === LETTER_R && bytes === 0)) {
      if (!isLive) this.failAtCursor(`the free of a live id; ${id} is not`);
      this.#emit(EventKind.FREE, id, 0);
    } else if (what === LETTER_A) {
      if (isLive) this.failAtCursor(`an id that is not live; ${id} is`);
      this.#emit(EventKind.MALLOC, id, bytes);
    } else {
      this.#emit(isLive ? EventKind.REALLOC : EventKind.MALLOC, id, bytes);
    }
  }

  #emit(kind: EventKind, id: number, bytes: number): void {
    const event = this.#event;
    event.kind = kind;
    event.key = id;
    event.bytesRequested = bytes;
    this.#isLive[id] = kind === EventKind.FREE ? 0 : 1;
    this.#sink.add(event);
    this.countEvent();
  }

  #number(what: string): number {
    const { cursor } = this;
    cursor.skipSpaces();
    const value = cursor.readDecimal();
    if (!Number.isSafeInteger(value) || value < 0) this.failAtCursor(what);
    return value;
  }
}
