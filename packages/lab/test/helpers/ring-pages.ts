import type { PageLayout } from "../../src/record/page-layout.ts";

/** The layout that 64-bit kernels have. */
export const LAYOUT: PageLayout = { timeAt: 0, commitAt: 8, dataAt: 16, pageBytes: 4096 };

const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;
const MISSED_EVENTS = 2 ** 31;
const MISSED_COUNT_STORED = 2 ** 30;

/** Builds a page of the trace buffer word by word, as the kernel would. */
export class PageBuilder {
  readonly #view: DataView;
  #at = LAYOUT.dataAt;

  constructor(startNanoseconds: bigint, pageBytes = LAYOUT.pageBytes) {
    this.#view = new DataView(new ArrayBuffer(pageBytes));
    this.#view.setBigUint64(LAYOUT.timeAt, startNanoseconds, true);
  }

  #word(value: number): this {
    this.#view.setUint32(this.#at, value >>> 0, true);
    this.#at += 4;
    return this;
  }

  /** An event whose length, a multiple of 4 up to 112, stands in its first word. */
  short(delta: number, data: readonly number[]): this {
    this.#word((delta << 5) | (data.length / 4));
    return this.#bytes(data);
  }

  /** An event whose length stands in a word of its own. */
  long(delta: number, data: readonly number[]): this {
    this.#word(delta << 5).#word(data.length + 4);
    return this.#bytes(data);
  }

  /** An event that the kernel took back. */
  discarded(delta: number, data: readonly number[]): this {
    this.#word((delta << 5) | PADDING).#word(data.length + 4);
    return this.#bytes(data);
  }

  timeExtend(nanoseconds: number): this {
    return this.#word(((nanoseconds % 2 ** 27) << 5) | TIME_EXTEND).#word(Math.floor(nanoseconds / 2 ** 27));
  }

  timeStamp(nanoseconds: bigint): this {
    return this.#word((Number(nanoseconds % 2n ** 27n) << 5) | TIME_STAMP).#word(Number(nanoseconds >> 27n));
  }

  /** Nothing more on this page, although the commit word counts further bytes. */
  restIsPadding(bytes: number): this {
    this.#word(PADDING);
    this.#at += bytes - 4;
    return this;
  }

  /** Closes the page; with `missed`, it says that so many events were lost before it. */
  finish(missed = 0): DataView {
    const commit = this.#at - LAYOUT.dataAt;
    this.#view.setUint32(
      LAYOUT.commitAt,
      missed === 0 ? commit : commit + MISSED_EVENTS + MISSED_COUNT_STORED,
      true,
    );
    if (missed > 0) this.#view.setBigUint64(this.#at, BigInt(missed), true);
    return this.#view;
  }

  #bytes(data: readonly number[]): this {
    for (const byte of data) this.#view.setUint8(this.#at++, byte);
    return this;
  }
}
