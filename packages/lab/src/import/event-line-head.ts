/**
 * Reads what stands before the event on a line of ftrace, trace-cmd or perf:
 *
 *     <task>-<pid>  [<cpu>] <flags>  <seconds>.<microseconds>:
 *
 * - The task's name may hold anything, also spaces, colons and brackets. The kernel right-aligns it in 16
 *   columns with `-` behind it, so the search for `[cpu]` starts at column 16 where a `-` stands there; a
 *   bracket counts only if a time follows it.
 * - `(tgid)` and the flags may be missing. The time may be a count of ticks.
 */
import { NO_NAME, UNTOLD, type TraceEvent } from "../trace/event.ts";
import type { TraceNames } from "../trace/trace-names.ts";
import { isDigit, isWordByte, type LineCursor } from "./line-cursor.ts";

const SPACE = 0x20;
const PARENTHESIS_OPEN = 0x28;
const PARENTHESIS_CLOSE = 0x29;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const DIGIT_0 = 0x30;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

/** The kernel prints the task's name in this many columns, and names are shorter. */
const TASK_COLUMNS = 16;
/** Digits of a nanosecond. */
const FRACTION_DIGITS = 9;
/** What the columns of processors and task numbers hold. */
const MAX_CPU = 2 ** 15 - 1;
const MAX_PID = 2 ** 31 - 1;

/** Reads heads of lines into one event. */
export class EventLineHead {
  /** Is the clock's time a count of ticks instead of seconds? Known after the first event. */
  countsTicks = false;
  readonly #cursor: LineCursor;
  readonly #event: TraceEvent;
  readonly #names: TraceNames;

  constructor(cursor: LineCursor, event: TraceEvent, names: TraceNames) {
    this.#cursor = cursor;
    this.#event = event;
    this.#names = names;
  }

  /**
   * Reads the head of the line that the cursor was set to: puts task, processor and time into the event, and the cursor
   * behind the time's colon. Returns false, with the cursor at the line's start, if there is no such head.
   */
  read(): boolean {
    const { bytes, start, end } = this.#cursor;
    let at = start;
    if (end - start > TASK_COLUMNS + 1 && bytes[start + TASK_COLUMNS] === DASH) at += TASK_COLUMNS;
    for (; at < end; at++) {
      if (bytes[at] !== BRACKET_OPEN || at === start || bytes[at - 1] !== SPACE) continue;
      this.#cursor.at = at + 1;
      const cpu = this.#cursor.readDecimal();
      const past = this.#cursor.at;
      if (cpu < 0 || past + 1 >= end || bytes[past] !== BRACKET_CLOSE || bytes[past + 1] !== SPACE) continue;
      if (!this.#acceptTime(past + 1)) continue;
      this.#event.cpu = Math.min(cpu, MAX_CPU);
      this.#readTask(start, at);
      return true;
    }
    this.#cursor.at = start;
    return false;
  }

  /**
   * Reads `<task>-<pid>` or `<task> <pid>`, and a `(tgid)` behind it or not, between `start` and `end` (exclusive). A
   * task that is neither stays untold.
   */
  #readTask(start: number, end: number): void {
    const { bytes } = this.#cursor;
    let past = end;
    while (past > start && bytes[past - 1] === SPACE) past--;
    if (past > start && bytes[past - 1] === PARENTHESIS_CLOSE) {
      while (past > start && bytes[past] !== PARENTHESIS_OPEN) past--;
      while (past > start && bytes[past - 1] === SPACE) past--;
    }
    let pid = 0;
    let digit = past;
    for (let scale = 1; digit > start && isDigit(bytes[digit - 1]!); scale *= 10) {
      pid += scale * (bytes[--digit]! - DIGIT_0);
    }
    // perf may print both numbers, "<pid>/<tid>": the second tells the task.
    if (digit > start && bytes[digit - 1] === SLASH) {
      digit--;
      while (digit > start && isDigit(bytes[digit - 1]!)) digit--;
    }
    let nameStart = start;
    while (nameStart < digit && bytes[nameStart] === SPACE) nameStart++;
    nameStart = this.#pastBuffer(nameStart, digit);
    let nameEnd = digit - 1;
    const isTask = digit < past && nameEnd > nameStart && pid <= MAX_PID;
    while (nameEnd > nameStart && bytes[nameEnd - 1] === SPACE) nameEnd--;
    this.#event.pid = isTask ? pid : UNTOLD;
    this.#event.taskIndex = isTask ? this.#names.tasks.intern(bytes, nameStart, nameEnd) : NO_NAME;
  }

  /** Reads `<flags> <time>:` or `<time>:` from `at` on. */
  #acceptTime(at: number): boolean {
    const cursor = this.#cursor;
    cursor.at = at;
    cursor.skipSpaces();
    const wordStart = cursor.at;
    if (this.#readTime()) return true;
    cursor.at = wordStart;
    cursor.skipToSpace();
    cursor.skipSpaces();
    return this.#readTime();
  }

  /** trace-cmd puts the name of a buffer that is not the main one before the task, a colon and spaces behind it. */
  #pastBuffer(start: number, end: number): number {
    const { bytes } = this.#cursor;
    let at = start;
    while (at < end && isWordByte(bytes[at]!)) at++;
    if (at === start || at + 1 >= end || bytes[at] !== COLON || bytes[at + 1] !== SPACE) return start;
    while (at + 1 < end && bytes[at + 1] === SPACE) at++;
    return at + 1;
  }

  #readTime(): boolean {
    const cursor = this.#cursor;
    const whole = cursor.readDecimal();
    if (whole < 0) return false;
    let nanoseconds = whole;
    const ticks = cursor.peek() !== DOT;
    if (!ticks) {
      cursor.at++;
      const fractionStart = cursor.at;
      const fraction = cursor.readDecimal();
      if (fraction < 0) return false;
      nanoseconds = whole * 1e9 + fraction * 10 ** (FRACTION_DIGITS - (cursor.at - fractionStart));
    }
    if (cursor.peek() !== COLON) return false;
    cursor.at++;
    this.countsTicks = ticks;
    this.#event.timeNanoseconds = nanoseconds;
    return true;
  }
}
