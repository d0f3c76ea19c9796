/**
 * Reads the data files of heaptrack (its file version 3), both that which it keeps (interpreted) and its raw output.
 *
 * A line begins with a letter that says what it is; numbers are hexadecimal; things are numbered in the order in which
 * they come, names, instructions and stacks from 1, kinds of allocation from 0:
 *
 *     v VERSION FILE_VERSION             heaptrack's version and that of the format
 *     X COMMAND                          what was run
 *     I PAGE_SIZE PAGES                  the machine
 *     s LENGTH TEXT                      a name
 *     i ADDRESS MODULE [FUNCTION FILE LINE]…   an instruction and the functions inlined there   (interpreted)
 *     m LENGTH PATH BASE [START LENGTH]…       a module in memory                                (raw)
 *     t INSTRUCTION PARENT               a stack: interpreted, an instruction's number; raw, its address
 *     a SIZE STACK                       a kind of allocation                                    (interpreted)
 *     + KIND        - KIND               a piece allocated, freed                                (interpreted)
 *     + SIZE STACK POINTER    - POINTER  the same                                                (raw)
 *     c MILLISECONDS                     time since the start
 *     R PAGES                            resident set
 *
 * An interpreted file does not tell which of the live pieces of a kind was freed; all have one size and one stack, and
 * the youngest is taken. Its pieces get numbers of their own, and a freed number is used again.
 */
import { blankEvent, EventKind, NO_NAME, type TraceSink } from "../trace/event.ts";
import { sourceFacts, type SourceFacts } from "../trace/recording.ts";
import type { TraceNames } from "../trace/trace-names.ts";
import { LineReader } from "./line-reader.ts";
import type { ReaderOptions, RecordingReader } from "./recording-reader.ts";

/** Names of C++ functions can be long. */
const MAX_LINE_BYTES = 1 << 22;
const FILE_VERSION = 3;
const NANOSECONDS_PER_MILLISECOND = 1e6;

const letter = (text: string): number => text.charCodeAt(0);
const VERSION = letter("v");
const COMMAND = letter("X");
const EXECUTABLE = letter("x");
const MACHINE = letter("I");
const NAME = letter("s");
const INSTRUCTION = letter("i");
const MODULE = letter("m");
const STACK = letter("t");
const KIND = letter("a");
const ALLOCATE = letter("+");
const FREE = letter("-");
const CLOCK = letter("c");
/** Resident set, comments, suppressions, "attached to a running process": nothing that an allocator needs. */
const PASSED_OVER = new Set(["R", "#", "S", "A"].map(letter));
const SPACE = 0x20;

/** A stretch of a module in memory. */
interface Segment {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly module: string;
  readonly base: number;
}

/** Reads one data file of heaptrack. */
export class HeaptrackReader extends LineReader implements RecordingReader {
  readonly #sink: TraceSink;
  readonly #names: TraceNames;
  readonly #decoder = new TextDecoder();
  readonly #event = blankEvent();
  #sawVersion = false;
  #isRaw = false;
  #command: string | null = null;
  #pageSize: number | null = null;
  /** Interpreted: names, and the call site of each instruction. Index 0 is "none". */
  readonly #texts: string[] = [""];
  readonly #instructionSites: number[] = [NO_NAME];
  /** The call site of each stack. Index 0 is "none". */
  readonly #stackSites: number[] = [NO_NAME];
  /** Raw: where the modules lie, and the call sites of addresses seen. */
  #segments: Segment[] = [];
  #siteOfAddress = new Map<number, number>();
  /** Interpreted: size and stack of each kind of allocation, and the numbers of its live pieces. */
  readonly #kindSizes: number[] = [];
  readonly #kindStacks: number[] = [];
  readonly #kindPieces: number[][] = [];
  readonly #freedNumbers: number[] = [];
  #nextNumber = 1;

  constructor(options: ReaderOptions) {
    super(options, MAX_LINE_BYTES);
    this.#sink = options.sink;
    this.#names = options.names;
  }

  facts(): SourceFacts {
    return sourceFacts("heaptrack", {
      sources: [this.file],
      command: this.#command,
      pageSize: this.#pageSize,
      pointers: this.#isRaw ? "real" : "numbers",
      textBytes: this.textBytes,
      lineCount: this.lineCount,
    });
  }

  protected override line(): void {
    const { cursor } = this;
    if (cursor.at === cursor.end) return;
    const what = cursor.peek();
    cursor.at++;
    if (!this.#sawVersion) {
      this.#version(what);
      return;
    }
    switch (what) {
      case ALLOCATE:
        this.#allocate();
        break;
      case FREE:
        this.#free();
        break;
      case KIND:
        this.#kindSizes.push(this.#hex("an allocation's size"));
        this.#kindStacks.push(this.#hex("a stack's number"));
        this.#kindPieces.push([]);
        break;
      case STACK:
        this.#stack();
        break;
      case INSTRUCTION:
        this.#instruction();
        break;
      case NAME:
        this.#texts.push(this.#sizedText());
        break;
      case CLOCK:
        this.#event.timeNanoseconds = this.#hex("milliseconds") * NANOSECONDS_PER_MILLISECOND;
        break;
      case COMMAND:
        cursor.skipSpaces();
        this.#command = this.#decoder.decode(cursor.bytes.subarray(cursor.at, cursor.end));
        break;
      case EXECUTABLE:
        this.#isRaw = true;
        break;
      case MODULE:
        this.#module();
        break;
      case MACHINE:
        this.#pageSize = this.#hex("a page size");
        break;
      default:
        if (PASSED_OVER.has(what)) break;
        cursor.at--;
        this.failAtCursor("a line of heaptrack data");
    }
  }

  protected override end(): void {
    if (!this.#sawVersion) this.fail("EMPTY", "expected heaptrack data; found nothing");
    if (this.eventCount === 0) this.fail("EMPTY", "expected an allocation; found the end of the data");
  }

  #version(what: number): void {
    if (what !== VERSION) this.failAtCursor('"v" and heaptrack\'s version');
    const heaptrackVersion = this.#hex("heaptrack's version");
    const fileVersion = this.#hex("the version of heaptrack's format");
    if (fileVersion !== FILE_VERSION) {
      const by = `of heaptrack ${heaptrackVersion.toString(16)}`;
      this.fail(
        "FOREIGN",
        `expected heaptrack data of file version ${FILE_VERSION}; found ${fileVersion} ${by}`,
      );
    }
    this.#sawVersion = true;
  }

  #allocate(): void {
    const event = this.#event;
    event.kind = EventKind.MALLOC;
    if (this.#isRaw) {
      event.bytesRequested = this.#hex("an allocation's size");
      event.callSiteIndex = this.#siteOfStack(this.#hex("a stack's number"));
      event.key = this.#pointer();
    } else {
      const kind = this.#kind();
      event.bytesRequested = this.#kindSizes[kind]!;
      event.callSiteIndex = this.#siteOfStack(this.#kindStacks[kind]!);
      event.key = this.#freedNumbers.pop() ?? this.#nextNumber++;
      this.#kindPieces[kind]!.push(event.key);
    }
    this.#emit();
  }

  #free(): void {
    const event = this.#event;
    event.kind = EventKind.FREE;
    event.bytesRequested = 0;
    event.callSiteIndex = NO_NAME;
    if (this.#isRaw) {
      event.key = this.#pointer();
    } else {
      const piece = this.#kindPieces[this.#kind()]!.pop();
      if (piece === undefined) this.failAtCursor("a kind of allocation with a live piece");
      this.#freedNumbers.push(piece);
      event.key = piece;
    }
    this.#emit();
  }

  #emit(): void {
    this.#sink.add(this.#event);
    this.countEvent();
  }

  #kind(): number {
    const kind = this.#hex("the number of a kind of allocation");
    if (kind >= this.#kindSizes.length)
      this.failAtCursor("the number of a kind of allocation that was told before");
    return kind;
  }

  #siteOfStack(stack: number): number {
    const site = this.#stackSites[stack];
    if (site === undefined) this.failAtCursor("the number of a stack that was told before");
    return site;
  }

  /** A stack's call site is its innermost instruction: the caller of malloc. */
  #stack(): void {
    const instruction = this.#hex("an instruction");
    if (this.#isRaw) {
      this.#stackSites.push(this.#siteOf(instruction));
      return;
    }
    const site = this.#instructionSites[instruction];
    if (site === undefined) this.failAtCursor("the number of an instruction that was told before");
    this.#stackSites.push(site);
  }

  #instruction(): void {
    const { cursor } = this;
    const address = this.#hex("an address");
    const module = this.#text();
    cursor.skipSpaces();
    const name = cursor.at === cursor.end ? "" : this.#text();
    const site = name !== "" ? name : `${module}+0x${address.toString(16)}`;
    this.#instructionSites.push(this.#names.callSites.internText(site));
  }

  /** The name whose number stands next. */
  #text(): string {
    const text = this.#texts[this.#hex("a name's number")];
    if (text === undefined) this.failAtCursor("the number of a name that was told before");
    return text;
  }

  /** A module, or "-": all that follow stand for those before. */
  #module(): void {
    const { cursor } = this;
    const path = this.#sizedText();
    this.#siteOfAddress = new Map();
    cursor.skipSpaces();
    if (path === "-" && cursor.at === cursor.end) {
      this.#segments = [];
      return;
    }
    const base = this.#hex("a module's place");
    for (cursor.skipSpaces(); cursor.at < cursor.end; cursor.skipSpaces()) {
      const start = base + this.#hex("a segment's start");
      const end = start + this.#hex("a segment's length");
      this.#segments.push({ start, end, module: path.slice(path.lastIndexOf("/") + 1), base });
    }
  }

  /** The call site of an address: its module and its place there. */
  #siteOf(address: number): number {
    const known = this.#siteOfAddress.get(address);
    if (known !== undefined) return known;
    const segment = this.#segments.find(({ start, end }) => start <= address && address < end);
    const text =
      segment === undefined
        ? `0x${address.toString(16)}`
        : `${segment.module}+0x${(address - segment.base).toString(16)}`;
    const site = this.#names.callSites.internText(text);
    this.#siteOfAddress.set(address, site);
    return site;
  }

  /** A text with its length in bytes before it. */
  #sizedText(): string {
    const { cursor } = this;
    const length = this.#hex("a text's length");
    const start = cursor.at + 1;
    if (cursor.peek() !== SPACE || start + length > cursor.end)
      this.failAtCursor(`a text of ${length} bytes`);
    cursor.at = start + length;
    return this.#decoder.decode(cursor.bytes.subarray(start, cursor.at));
  }

  #pointer(): number {
    const lower48 = this.#hex("a pointer");
    const key = this.#names.pointers.keyOf(this.cursor.upper16, lower48);
    if (key < 0) this.failAtCursor("one of 32 upper halves of pointers");
    return key;
  }

  /** The lower 48 bits of the number that stands next, in hexadecimal; the rest is in the cursor. */
  #hex(what: string): number {
    const { cursor } = this;
    cursor.skipSpaces();
    const value = cursor.readHex64();
    if (value < 0) this.failAtCursor(what);
    return value;
  }
}
