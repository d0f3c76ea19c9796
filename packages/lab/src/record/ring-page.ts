/**
 * Walks one page of the kernel's trace buffer: a head, then events one after the other.
 *
 * An event begins with a word: 5 bits of type or length, 27 bits of time since the event before. Types above 28 are no
 * events: padding, a longer step of time, an absolute time. Other values are the length of the data in words, 0 that the
 * length stands in a word of its own.
 *
 * Linux, include/linux/ring_buffer.h and kernel/trace/ring_buffer.c. Assumes a little-endian machine.
 */
import type { PageLayout } from "./page-layout.ts";

const TYPE_BITS = 5;
const TYPE_MASK = 31;
const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;
const WORD_BYTES = 4;
/** The bits of the delta below those in the second word of a longer step. */
const DELTA_SPAN = 2 ** 27;

/** The commit word counts the bytes of data; its highest bits say whether events were lost before the page. */
const DATA_BYTES_MASK = DELTA_SPAN - 1;

/** A page of events, one event at a time. */
export class RingPage {
  /** The page at hand; offsets below count from its start. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Of the event at hand, since `startNanoseconds`. */
  timeNanoseconds = 0;
  /** Where the event's data begin. */
  dataAt = 0;
  /** Their length in bytes. */
  dataBytes = 0;
  readonly #layout: PageLayout;
  readonly #startHigh: number;
  readonly #startLow: number;
  #nextAt = 0;
  #endAt = 0;

  /** Times count from `startNanoseconds` of the buffer's clock. */
  constructor(layout: PageLayout, startNanoseconds: bigint) {
    this.#layout = layout;
    this.#startHigh = Number(startNanoseconds >> 32n);
    this.#startLow = Number(startNanoseconds & 0xffff_ffffn);
  }

  /** Puts the cursor before the first event of `page`. */
  open(page: DataView): void {
    const { timeAt, commitAt, dataAt } = this.#layout;
    this.view = page;
    this.timeNanoseconds = this.#sinceStart(page.getUint32(timeAt + 4, true), page.getUint32(timeAt, true));
    const commit = page.getInt32(commitAt, true);
    this.#nextAt = dataAt;
    this.#endAt = Math.min(page.byteLength, dataAt + (commit & DATA_BYTES_MASK));
  }

  /** Moves to the next event; false at the page's end. */
  next(): boolean {
    const { view } = this;
    while (this.#nextAt + WORD_BYTES <= this.#endAt) {
      const at = this.#nextAt;
      const word = view.getUint32(at, true);
      const type = word & TYPE_MASK;
      const delta = word >>> TYPE_BITS;
      // Padding without a step of time fills the rest of the page.
      if (type === PADDING && delta === 0) break;
      if (type > 0 && type < PADDING) {
        this.timeNanoseconds += delta;
        this.dataAt = at + WORD_BYTES;
        this.dataBytes = type * WORD_BYTES;
        this.#nextAt = this.dataAt + this.dataBytes;
        return this.#nextAt <= this.#endAt;
      }
      if (at + 2 * WORD_BYTES > this.#endAt) break;
      const second = view.getUint32(at + WORD_BYTES, true);
      if (type === TIME_EXTEND) {
        this.timeNanoseconds += second * DELTA_SPAN + delta;
        this.#nextAt = at + 2 * WORD_BYTES;
      } else if (type === TIME_STAMP) {
        // 59 bits of time: those from 2^32 on are the second word without its lowest 5 bits.
        this.timeNanoseconds = this.#sinceStart(second >>> TYPE_BITS, ((second << 27) | delta) >>> 0);
        this.#nextAt = at + 2 * WORD_BYTES;
      } else {
        // The length counts its own word. Padding of this kind is an event that the kernel took back.
        this.timeNanoseconds += delta;
        this.dataAt = at + 2 * WORD_BYTES;
        this.dataBytes = second - WORD_BYTES;
        this.#nextAt = at + WORD_BYTES + second;
        if (type !== PADDING) return this.#nextAt <= this.#endAt;
      }
    }
    this.#nextAt = this.#endAt;
    return false;
  }

  #sinceStart(high: number, low: number): number {
    return (high - this.#startHigh) * 2 ** 32 + (low - this.#startLow);
  }
}
