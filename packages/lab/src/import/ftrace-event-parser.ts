/**
 * Reads one event line of the kernel's ftrace text, or of trace-cmd's and perf's likeness of it:
 *
 *     <task>-<pid>  [<cpu>] <flags>  <seconds>.<microseconds>: <event>: <field>=<value> …
 *
 * `event-line-head.ts` reads what stands before the event. Formats differ between kernels, so only what they share is
 * relied on:
 * - Fields are found by name, so that new ones in between do no harm. A cache's name may hold spaces: it
 *   ends where ` bytes_req=` begins, or with the line.
 * - Page frame numbers were decimal before Linux 5.13, and are hexadecimal after `0x`.
 * - Kernels before 6.0 give no cache name, and those before 6.1 have the `_node` events.
 */
import {
  blankEvent,
  EVENT_NAMES,
  EventKind,
  isProgramKind,
  NO_NAME,
  NO_PAGE,
  NODE_UNTOLD,
  UNTOLD,
  type TraceEvent,
} from "../trace/event.ts";
import type { NameTable } from "../trace/name-table.ts";
import type { TraceNames } from "../trace/trace-names.ts";
import { EventLineHead } from "./event-line-head.ts";
import { asciiBytes, isWordByte, LineCursor } from "./line-cursor.ts";

/** What a line turned out to be. */
export const LineResult = {
  /** An event that is now in `event`. */
  EVENT: 0,
  /** An event of another kind: its name lies between `eventNameStart` and `eventNameEnd`. */
  OTHER_EVENT: 1,
  /** Not as expected: see `expected`. The cursor stands where it went wrong. */
  BROKEN: 2,
} as const;

/** One value of `LineResult`. */
export type LineResult = (typeof LineResult)[keyof typeof LineResult];

const DASH = 0x2d;
const COLON = 0x3a;
const LESS_THAN = 0x3c;

/** What a column of 32-bit unsigned numbers holds. */
const MAX_BYTES = 2 ** 32 - 1;
/** No kernel has blocks near this size: 2^20 pages of 4 KiB are 4 GiB, and its largest are 4 MiB to 512 MiB. */
const MAX_ORDER = 20;
/** What the narrow columns of small numbers hold. */
const MAX_SMALL = 127;

const CALL_SITE_FIELD = asciiBytes(" call_site=");
const POINTER_FIELD = asciiBytes(" ptr=");
const NAME_FIELD = asciiBytes(" name=");
const REQUESTED_FIELD = asciiBytes(" bytes_req=");
const ALLOCATED_FIELD = asciiBytes(" bytes_alloc=");
const PAGE_FIELD = asciiBytes(" page=");
const PFN_FIELD = asciiBytes(" pfn=");
const ORDER_FIELD = asciiBytes(" order=");
const ALLOC_ORDER_FIELD = asciiBytes(" alloc_order=");
const FLAGS_FIELD = asciiBytes(" gfp_flags=");
const NODE_FIELD = asciiBytes(" node=");
const MIGRATE_FIELD = asciiBytes(" migratetype=");
const ALLOC_MIGRATE_FIELD = asciiBytes(" alloc_migratetype=");
const NIL = asciiBytes("(nil)");
const NULL = asciiBytes("(null)");

interface KnownEvent {
  readonly kind: EventKind;
  readonly name: Uint8Array;
}

/** The kernel's names by their length: at most two share one. */
const EVENTS_BY_LENGTH: KnownEvent[][] = [];
for (const [kind, name] of EVENT_NAMES.entries()) {
  if (isProgramKind(kind as EventKind)) continue;
  (EVENTS_BY_LENGTH[name.length] ??= []).push({ kind: kind as EventKind, name: asciiBytes(name) });
}

/** Parses lines into one reused event. */
export class FtraceEventParser {
  readonly cursor = new LineCursor();
  readonly event: TraceEvent = blankEvent();
  /** After `BROKEN`: what should have stood at the cursor. */
  expected = "";
  /** After `OTHER_EVENT`: where its name lies in the cursor's bytes; start inclusive, end exclusive. */
  eventNameStart = 0;
  eventNameEnd = 0;
  /** Has an event been seen with its system before its name, as perf prints it? */
  sawSystem = false;
  /** Has a pointer been seen that the kernel hashed: 64 bits wide, its upper half zero? */
  sawHashedPointer = false;
  readonly #names: TraceNames;
  readonly #head: EventLineHead;

  constructor(names: TraceNames) {
    this.#names = names;
    this.#head = new EventLineHead(this.cursor, this.event, names);
  }

  /** Is the clock's time a count of ticks instead of seconds? Known after the first event. */
  get countsTicks(): boolean {
    return this.#head.countsTicks;
  }

  /** Parses the line from `start` (inclusive) to `end` (exclusive). */
  parse(bytes: Uint8Array, start: number, end: number): LineResult {
    const { cursor } = this;
    cursor.reset(bytes, start, end);
    if (!this.#head.read()) return this.#broken("an event line: task-pid [cpu] flags time: event: …");
    cursor.skipSpaces();
    this.eventNameStart = cursor.at;
    // "<stack trace>", whose frames follow on lines of their own.
    if (cursor.peek() === LESS_THAN) {
      this.eventNameEnd = end;
      return LineResult.OTHER_EVENT;
    }
    let at = cursor.at;
    while (at < end && isWordByte(bytes[at]!)) at++;
    // perf puts the event's system before its name: "kmem:kfree:".
    if (at + 1 < end && bytes[at] === COLON && isWordByte(bytes[at + 1]!)) {
      this.sawSystem = true;
      this.eventNameStart = ++at;
      while (at < end && isWordByte(bytes[at]!)) at++;
    }
    this.eventNameEnd = at;
    if (at === this.eventNameStart || at === end || bytes[at] !== COLON)
      return this.#broken("an event's name and a colon");
    const kind = this.#kindOfName(bytes);
    cursor.at = at + 1;
    if (kind < 0) return LineResult.OTHER_EVENT;
    return this.#parseFields(kind as EventKind);
  }

  #kindOfName(bytes: Uint8Array): number {
    const start = this.eventNameStart;
    const candidates = EVENTS_BY_LENGTH[this.eventNameEnd - start];
    if (candidates === undefined) return -1;
    for (const { kind, name } of candidates) {
      let index = 0;
      while (index < name.length && bytes[start + index] === name[index]) index++;
      if (index === name.length) return kind;
    }
    return -1;
  }

  #parseFields(kind: EventKind): LineResult {
    const { event } = this;
    event.kind = kind;
    event.cacheIndex = NO_NAME;
    event.callSiteIndex = NO_NAME;
    event.gfpIndex = NO_NAME;
    event.bytesRequested = 0;
    event.bytesAllocated = 0;
    event.order = 0;
    event.migrateType = UNTOLD;
    event.node = NODE_UNTOLD;
    switch (kind) {
      case EventKind.KMALLOC:
      case EventKind.KMALLOC_NODE:
      case EventKind.KMEM_CACHE_ALLOC:
      case EventKind.KMEM_CACHE_ALLOC_NODE:
        return this.#parseObjectAlloc();
      case EventKind.KFREE:
      case EventKind.KMEM_CACHE_FREE:
        return this.#parseObjectFree();
      case EventKind.MM_PAGE_ALLOC_EXTFRAG:
        return this.#parsePage(ALLOC_ORDER_FIELD, "alloc_order=", ALLOC_MIGRATE_FIELD);
      default:
        return this.#parsePage(ORDER_FIELD, "order=", MIGRATE_FIELD);
    }
  }

  #parseObjectAlloc(): LineResult {
    const { cursor, event } = this;
    this.#readCallSite();
    if (!this.#readPointer()) return LineResult.BROKEN;
    if (cursor.accept(NAME_FIELD)) {
      const nameEnd = cursor.indexOf(REQUESTED_FIELD);
      if (nameEnd < 0) return this.#broken('a cache\'s name and "bytes_req=" after it');
      event.cacheIndex = this.#names.caches.intern(cursor.bytes, cursor.at, nameEnd);
      cursor.at = nameEnd;
    }
    event.bytesRequested = this.#readField(REQUESTED_FIELD);
    if (event.bytesRequested < 0 || event.bytesRequested > MAX_BYTES) {
      return this.#broken('"bytes_req=" and a number of bytes below 2^32');
    }
    event.bytesAllocated = this.#readField(ALLOCATED_FIELD);
    if (event.bytesAllocated < 0 || event.bytesAllocated > MAX_BYTES) {
      return this.#broken('"bytes_alloc=" and a number of bytes below 2^32');
    }
    this.#readFlags();
    event.node = this.#readNode();
    return LineResult.EVENT;
  }

  #parseObjectFree(): LineResult {
    const { cursor, event } = this;
    this.#readCallSite();
    if (!this.#readPointer()) return LineResult.BROKEN;
    if (cursor.accept(NAME_FIELD))
      event.cacheIndex = this.#names.caches.intern(cursor.bytes, cursor.at, cursor.end);
    return LineResult.EVENT;
  }

  #parsePage(orderField: Uint8Array, orderText: string, migrateField: Uint8Array): LineResult {
    const { cursor, event } = this;
    const { kind } = event;
    const fieldsStart = cursor.at;
    const pfn = this.#readField(PFN_FIELD);
    if (pfn < 0) return this.#broken('"pfn=" and a page frame number');
    event.key = pfn === 0 && this.#isPageNull(fieldsStart) ? NO_PAGE : pfn;
    const order = this.#readField(orderField);
    if (order < 0 || order > MAX_ORDER)
      return this.#broken(`"${orderText}" and an order from 0 to ${MAX_ORDER}`);
    event.order = order;
    const migrateType = this.#readField(migrateField);
    event.migrateType = migrateType <= MAX_SMALL ? migrateType : UNTOLD;
    if (kind === EventKind.MM_PAGE_ALLOC) this.#readFlags();
    return LineResult.EVENT;
  }

  #readCallSite(): void {
    const { cursor, event } = this;
    if (cursor.seekPast(CALL_SITE_FIELD)) event.callSiteIndex = this.#internWord(this.#names.callSites);
  }

  #readFlags(): void {
    const { cursor, event } = this;
    if (cursor.seekPast(FLAGS_FIELD)) event.gfpIndex = this.#internWord(this.#names.gfpFlags);
  }

  /** The node asked for; -1, which the kernel prints for "any", is the only negative one. */
  #readNode(): number {
    const { cursor } = this;
    if (!cursor.seekPast(NODE_FIELD)) return NODE_UNTOLD;
    if (cursor.peek() === DASH) return -1;
    const node = cursor.readDecimal();
    return node >= 0 && node <= MAX_SMALL ? node : NODE_UNTOLD;
  }

  #internWord(table: NameTable): number {
    const { cursor } = this;
    const start = cursor.at;
    cursor.skipToSpace();
    return table.intern(cursor.bytes, start, cursor.at);
  }

  /** Where the kernel got no page it prints frame 0 and a null pointer; frame 0 is a page like others otherwise. */
  #isPageNull(fieldsStart: number): boolean {
    const { cursor } = this;
    const pastPfn = cursor.at;
    cursor.at = fieldsStart;
    const isNull = cursor.seekPast(PAGE_FIELD) && this.#readPointerValue() === 0;
    cursor.at = pastPfn;
    return isNull;
  }

  /** Reads the number of `field`; -1 without moving if the field or its number is not there. */
  #readField(field: Uint8Array): number {
    const { cursor } = this;
    return cursor.seekPast(field) ? cursor.readDecimalOrHex() : -1;
  }

  #readPointer(): boolean {
    const { cursor, event } = this;
    if (!cursor.seekPast(POINTER_FIELD)) {
      this.#broken('"ptr=" and a pointer');
      return false;
    }
    event.key = this.#readPointerValue();
    if (event.key >= 0) return true;
    this.#broken("a pointer in hexadecimal");
    return false;
  }

  /** The key of the pointer at the cursor, or -1. */
  #readPointerValue(): number {
    const { cursor } = this;
    if (cursor.accept(NIL) || cursor.accept(NULL)) return 0;
    const lower48 = cursor.readHex64();
    if (lower48 < 0) return -1;
    const { upper16 } = cursor;
    // %p prints a hash of 32 bits, padded to 64, unless the recorder asked for real pointers.
    if (upper16 === 0 && cursor.digits === 16 && lower48 > 0xffff && lower48 < 2 ** 32)
      this.sawHashedPointer = true;
    return this.#names.pointers.keyOf(upper16, lower48);
  }

  #broken(expected: string): LineResult {
    this.expected = expected;
    return LineResult.BROKEN;
  }
}
