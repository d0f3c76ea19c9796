/**
 * Reads the kernel's ftrace text (what `cat trace` gives) from a stream of bytes and hands its kmem events to a
 * sink. Memory use does not depend on the length of the text.
 *
 * Lines that are not events: the header and other comments (`#`), `CPU:n [LOST m EVENTS]`, frames of stack
 * traces (` => `), empty lines. Everything else must be an event, or the reader throws a TraceError that
 * names the line, what was expected, and what stands there.
 */
import { FtraceEventParser, LineResult } from "./ftrace-event-parser.ts";
import { asciiBytes } from "./line-cursor.ts";
import { LineSplitter } from "./line-splitter.ts";
import { sourceFacts, type SourceFacts } from "../trace/recording.ts";
import { TraceError, type TraceErrorCode } from "../trace/trace-error.ts";
import type { TraceNames } from "../trace/trace-names.ts";
import { isPageKind, type TraceSink } from "../trace/event.ts";

const SPACE = 0x20;
const HASH = 0x23;
const LETTER_C = 0x43;
const LOST_LINE = asciiBytes("CPU:");
const STACK_FRAME = asciiBytes("=> ");

/** ftrace lines are below 1 KiB; a "line" longer than this comes from a file without lines. */
const MAX_LINE_BYTES = 1 << 16;
/** Characters of a broken line that a message shows. */
const EXCERPT_LENGTH = 60;
/** Names of foreign event kinds that a message shows. */
const SHOWN_NAMES = 3;

const ENTRIES_PATTERN = /^#\s*entries-in-buffer\/entries-written:\s*(\d+)\/(\d+)(?:\s+#P:(\d+))?/;
const TRACER_PATTERN = /^#\s*tracer:\s*(\S+)/;
const LOST_PATTERN = /^CPU:\d+ \[LOST (?:(\d+) )?EVENTS\]/;

/** How `FtraceReader` is set up. */
export interface FtraceReaderOptions {
  /** For messages. */
  readonly file: string;
  readonly sink: TraceSink;
  /** Takes the names that the events' numbers stand for. */
  readonly names: TraceNames;
  /** Stop after this many kmem events; by default, never. */
  readonly limit?: number;
}

/** Reads one recording: `push` its bytes, then `finish`. */
export class FtraceReader {
  readonly #file: string;
  readonly #sink: TraceSink;
  readonly #limit: number;
  readonly #parser: FtraceEventParser;
  readonly #splitter: LineSplitter;
  readonly #decoder = new TextDecoder();
  readonly #otherEvents = new Map<string, number>();
  #textBytes = 0;
  #lineCount = 0;
  #eventCount = 0;
  #otherEventCount = 0;
  #sawHeader = false;
  #tracer: string | null = null;
  #processorCount: number | null = null;
  #entriesInBuffer: number | null = null;
  #entriesWritten: number | null = null;
  #lostEvents = 0;
  #lostEventLines = 0;
  #sawPointer = false;
  /** Inside `finish`: the line at hand has no line ending. */
  #isUnendedLine = false;

  constructor(options: FtraceReaderOptions) {
    this.#file = options.file;
    this.#sink = options.sink;
    this.#limit = options.limit ?? Infinity;
    this.#parser = new FtraceEventParser(options.names);
    this.#splitter = new LineSplitter({
      maxLineBytes: MAX_LINE_BYTES,
      onLine: (bytes, start, end) => this.#line(bytes, start, end),
      onTooLong: () =>
        this.#fail(
          "FOREIGN",
          `expected a line of ftrace text, found more than ${MAX_LINE_BYTES} bytes without a line ending`,
        ),
    });
  }

  /** Lines read so far. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** kmem events handed to the sink so far. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Has the limit been reached? Further bytes are then ignored. */
  get isDone(): boolean {
    return this.#eventCount >= this.#limit;
  }

  /** Takes the next bytes of the text. Throws a TraceError at the first line that is not ftrace text. */
  push(chunk: Uint8Array): void {
    if (this.isDone) return;
    this.#textBytes += chunk.length;
    this.#splitter.push(chunk);
  }

  /** Ends the text. Throws a TraceError if it ends before its end, or if no kmem event was in it. */
  finish(): void {
    if (this.isDone) return;
    this.#isUnendedLine = true;
    this.#splitter.finish();
    this.#checkNotEmpty();
    const found = this.#eventCount + this.#otherEventCount;
    if (this.#entriesInBuffer !== null && found < this.#entriesInBuffer) {
      const missing = this.#entriesInBuffer - found;
      this.#lineCount++;
      this.#fail(
        "TRUNCATED",
        `expected ${missing} more events, since the header counts ${this.#entriesInBuffer}; found the end of the file`,
      );
    }
  }

  /** What the text says of the recording, as far as it has been read. */
  facts(): SourceFacts {
    const { sawHashedPointer, countsTicks } = this.#parser;
    const pointers = sawHashedPointer ? "hashed" : "real";
    return sourceFacts("ftrace", {
      sources: [this.#file],
      processorCount: this.#processorCount,
      clockCountsTicks: countsTicks,
      pointers: this.#sawPointer ? pointers : "none",
      textBytes: this.#textBytes,
      lineCount: this.#lineCount,
      tracer: this.#tracer,
      entriesInBuffer: this.#entriesInBuffer,
      entriesWritten: this.#entriesWritten,
      overwrittenEvents: Math.max(0, (this.#entriesWritten ?? 0) - (this.#entriesInBuffer ?? 0)),
      lostEvents: this.#lostEvents,
      lostEventLines: this.#lostEventLines,
      otherEvents: Object.fromEntries(this.#otherEvents),
    });
  }

  #line(bytes: Uint8Array, start: number, end: number): void {
    if (this.isDone) return;
    this.#lineCount++;
    if (start === end) return;
    const first = bytes[start]!;
    if (first === HASH) {
      this.#comment(this.#decoder.decode(bytes.subarray(start, end)));
      return;
    }
    const result = this.#parser.parse(bytes, start, end);
    if (result === LineResult.EVENT) {
      this.#countEvent();
    } else if (result === LineResult.OTHER_EVENT) {
      this.#countOtherEvent(bytes);
    } else if (!this.#isOtherLine(bytes, start, end, first)) {
      this.#failOnLine();
    }
  }

  #countEvent(): void {
    const { event } = this.#parser;
    this.#eventCount++;
    if (!isPageKind(event.kind)) this.#sawPointer = true;
    this.#sink.add(event);
  }

  #countOtherEvent(bytes: Uint8Array): void {
    const { eventNameStart, eventNameEnd } = this.#parser;
    const name = this.#decoder.decode(bytes.subarray(eventNameStart, eventNameEnd));
    this.#otherEvents.set(name, (this.#otherEvents.get(name) ?? 0) + 1);
    this.#otherEventCount++;
  }

  #comment(text: string): void {
    const entries = ENTRIES_PATTERN.exec(text);
    if (entries !== null) {
      this.#entriesInBuffer = Number(entries[1]);
      this.#entriesWritten = Number(entries[2]);
      if (entries[3] !== undefined) this.#processorCount = Number(entries[3]);
      this.#sawHeader = true;
      return;
    }
    const tracer = TRACER_PATTERN.exec(text);
    if (tracer !== null) {
      this.#tracer = tracer[1]!;
      this.#sawHeader = true;
    }
  }

  /** A line that is neither event nor comment, but has its place in ftrace text. */
  #isOtherLine(bytes: Uint8Array, start: number, end: number, first: number): boolean {
    const { cursor } = this.#parser;
    const faultAt = cursor.at;
    cursor.at = start;
    if (first === LETTER_C && cursor.accept(LOST_LINE)) {
      const lost = LOST_PATTERN.exec(this.#decoder.decode(bytes.subarray(start, end)));
      if (lost !== null) {
        this.#lostEventLines++;
        this.#lostEvents += Number(lost[1] ?? 0);
        return true;
      }
    }
    cursor.at = start;
    if (first === SPACE) cursor.skipSpaces();
    if (cursor.at === end || cursor.accept(STACK_FRAME)) return true;
    cursor.at = faultAt;
    return false;
  }

  #failOnLine(): never {
    const { cursor, expected } = this.#parser;
    const found = cursor.at === cursor.end ? "the end of the line" : `"${cursor.excerpt(EXCERPT_LENGTH)}"`;
    const looksLikeFtrace = this.#sawHeader || this.#eventCount + this.#otherEventCount > 0;
    if (!looksLikeFtrace) this.#fail("FOREIGN", `not ftrace text: expected ${expected}; found ${found}`);
    if (this.#isUnendedLine) {
      this.#fail(
        "TRUNCATED",
        `expected ${expected}; found ${found}, where the file ends in the middle of a line`,
      );
    }
    this.#fail("SYNTAX", `expected ${expected}; found ${found}`);
  }

  #checkNotEmpty(): void {
    if (this.#eventCount > 0) return;
    if (this.#textBytes === 0) throw new TraceError("EMPTY", this.#noPlace(), `${this.#file} is empty`);
    if (this.#otherEventCount > 0) {
      const names = [...this.#otherEvents.keys()].slice(0, SHOWN_NAMES).join(", ");
      throw new TraceError(
        "FOREIGN",
        this.#noPlace(),
        `${this.#file} holds ${this.#otherEventCount} events, but none of the kmem kinds (it has ${names})`,
      );
    }
    if ((this.#entriesInBuffer ?? 0) > 0) return; // the caller's check of the count says more
    const what = this.#sawHeader ? "an ftrace header but no event" : "no ftrace header and no event";
    throw new TraceError(
      this.#sawHeader ? "EMPTY" : "FOREIGN",
      this.#noPlace(),
      `${this.#file} holds ${what}`,
    );
  }

  #noPlace(): { file: string; line: number } {
    return { file: this.#file, line: 0 };
  }

  #fail(code: TraceErrorCode, what: string): never {
    throw new TraceError(code, { file: this.#file, line: Math.max(1, this.#lineCount) }, what);
  }
}
