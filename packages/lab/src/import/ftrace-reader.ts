/**
 * Reads the text of a kernel's trace events from a stream of bytes and hands its kmem events to a sink. Memory use does
 * not depend on the length of the text. Three programs write such text, alike but for this:
 *
 * - `cat trace` (ftrace): a header of `#` comments that counts the events;
 * - `trace-cmd report`: `cpus=N` first, pointers with `0x`, the name of a buffer before the task;
 * - `perf script`: `kmem:` before the event's name, no `-` between task and number.
 *
 * Lines that are not events: comments (`#`), `CPU:n [LOST m EVENTS]`, frames of stack traces, empty lines. Everything
 * else must be an event, or the reader throws a TraceError that names the line, what was expected, and what stands there.
 */
import { isPageKind, type TraceSink } from "../trace/event.ts";
import { sourceFacts, type SourceFacts, type SourceFormat } from "../trace/recording.ts";
import { TraceError } from "../trace/trace-error.ts";
import { FtraceEventParser, LineResult } from "./ftrace-event-parser.ts";
import { asciiBytes } from "./line-cursor.ts";
import { LineReader } from "./line-reader.ts";
import type { ReaderOptions, RecordingReader } from "./recording-reader.ts";

const TAB = 0x09;
const SPACE = 0x20;
const HASH = 0x23;
const LETTER_C = 0x43;
const LETTER_C_SMALL = 0x63;
const LOST_LINE = asciiBytes("CPU:");
const PROCESSORS = asciiBytes("cpus=");
const STACK_FRAME = asciiBytes("=> ");

/** ftrace lines are below 1 KiB; a "line" longer than this comes from a file without lines. */
const MAX_LINE_BYTES = 1 << 16;
/** Names of foreign event kinds that a message shows. */
const SHOWN_NAMES = 3;

const ENTRIES_PATTERN = /^#\s*entries-in-buffer\/entries-written:\s*(\d+)\/(\d+)(?:\s+#P:(\d+))?/;
const TRACER_PATTERN = /^#\s*tracer:\s*(\S+)/;
const LOST_PATTERN = /^CPU:\d+ \[(?:LOST )?(?:(\d+) )?EVENTS(?: DROPPED)?\]/;

/** Reads one recording: `push` its bytes, then `finish`. */
export class FtraceReader extends LineReader implements RecordingReader {
  readonly #sink: TraceSink;
  readonly #parser: FtraceEventParser;
  readonly #decoder = new TextDecoder();
  readonly #otherEvents = new Map<string, number>();
  #otherEventCount = 0;
  #format: SourceFormat = "ftrace";
  #sawHeader = false;
  #tracer: string | null = null;
  #processorCount: number | null = null;
  #entriesInBuffer: number | null = null;
  #entriesWritten: number | null = null;
  #lostEvents = 0;
  #lostEventLines = 0;
  #sawPointer = false;
  /** The line at hand has no line ending. */
  #isUnendedLine = false;

  constructor(options: ReaderOptions) {
    super(options, MAX_LINE_BYTES);
    this.#sink = options.sink;
    this.#parser = new FtraceEventParser(options.names);
  }

  override finish(): void {
    this.#isUnendedLine = true;
    super.finish();
  }

  protected override end(): void {
    this.#checkNotEmpty();
    const found = this.eventCount + this.#otherEventCount;
    if (this.#entriesInBuffer !== null && found < this.#entriesInBuffer) {
      const missing = this.#entriesInBuffer - found;
      const wanted = `expected ${missing} more events, since the header counts ${this.#entriesInBuffer}`;
      this.failAfterLine("TRUNCATED", `${wanted}; found the end of the file`);
    }
  }

  /** What the text says of the recording, as far as it has been read. */
  facts(): SourceFacts {
    const { sawHashedPointer, countsTicks } = this.#parser;
    const pointers = sawHashedPointer ? "hashed" : "real";
    return sourceFacts(this.#parser.sawSystem ? "perf-script" : this.#format, {
      sources: [this.file],
      processorCount: this.#processorCount,
      clockCountsTicks: countsTicks,
      pointers: this.#sawPointer ? pointers : "none",
      textBytes: this.textBytes,
      lineCount: this.lineCount,
      tracer: this.#tracer,
      entriesInBuffer: this.#entriesInBuffer,
      entriesWritten: this.#entriesWritten,
      overwrittenEvents: Math.max(0, (this.#entriesWritten ?? 0) - (this.#entriesInBuffer ?? 0)),
      lostEvents: this.#lostEvents,
      lostEventLines: this.#lostEventLines,
      otherEvents: Object.fromEntries(this.#otherEvents),
    });
  }

  protected override line(): void {
    const { bytes, start, end } = this.cursor;
    if (start === end) return;
    const first = bytes[start]!;
    if (first === HASH) {
      this.#comment(this.#decoder.decode(bytes.subarray(start, end)));
      return;
    }
    const result = this.#parser.parse(bytes, start, end);
    if (result === LineResult.EVENT) {
      const { event } = this.#parser;
      if (!isPageKind(event.kind)) this.#sawPointer = true;
      this.countEvent();
      this.#sink.add(event);
    } else if (result === LineResult.OTHER_EVENT) {
      this.#countOtherEvent(bytes);
    } else if (!this.#isOtherLine(first)) {
      this.#failOnLine();
    }
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

  /** A line that is neither event nor comment, but has its place in such a text. */
  #isOtherLine(first: number): boolean {
    const { cursor } = this;
    if (first === LETTER_C && cursor.accept(LOST_LINE)) {
      const lost = LOST_PATTERN.exec(this.#decoder.decode(cursor.bytes.subarray(cursor.start, cursor.end)));
      if (lost !== null) {
        this.#lostEventLines++;
        this.#lostEvents += Number(lost[1] ?? 0);
        return true;
      }
    }
    if (first === LETTER_C_SMALL && this.eventCount === 0 && cursor.accept(PROCESSORS)) {
      this.#format = "trace-cmd";
      this.#sawHeader = true;
      this.#processorCount = Math.max(0, cursor.readDecimal());
      return true;
    }
    if (cursor.accept(STACK_FRAME)) return true;
    if (first !== SPACE && first !== TAB) return false;
    cursor.skipBlanks();
    // A frame of a stack: ftrace and trace-cmd mark it, perf gives an address and a name.
    return (
      cursor.at === cursor.end ||
      cursor.accept(STACK_FRAME) ||
      (this.#parser.sawSystem && cursor.readHex64() >= 0 && cursor.peek() === SPACE)
    );
  }

  #failOnLine(): never {
    const { expected } = this.#parser;
    this.cursor.at = this.#parser.cursor.at;
    const looksLikeFtrace = this.#sawHeader || this.eventCount + this.#otherEventCount > 0;
    if (!looksLikeFtrace) {
      this.failAtCursor(expected, "FOREIGN", "no recording in a format that is read here: ");
    }
    if (this.#isUnendedLine)
      this.failAtCursor(`${expected}, before the file ends in the middle of a line`, "TRUNCATED");
    this.failAtCursor(expected);
  }

  #checkNotEmpty(): void {
    if (this.eventCount > 0) return;
    const { file } = this;
    const place = { file, line: 0 };
    if (this.textBytes === 0) throw new TraceError("EMPTY", place, `${file} is empty`);
    if (this.#otherEventCount > 0) {
      const names = [...this.#otherEvents.keys()].slice(0, SHOWN_NAMES).join(", ");
      const what = `${this.#otherEventCount} events, but none of the kmem kinds (it has ${names})`;
      throw new TraceError("FOREIGN", place, `${file} holds ${what}`);
    }
    if ((this.#entriesInBuffer ?? 0) > 0) return; // the caller's check of the count says more
    const what = this.#sawHeader ? "a header but no event" : "no header and no event";
    throw new TraceError(this.#sawHeader ? "EMPTY" : "FOREIGN", place, `${file} holds ${what}`);
  }
}
