import { describe, expect, test } from "vitest";
import { RingPage } from "../../src/record/ring-page.ts";
import { LAYOUT, PageBuilder } from "../helpers/ring-pages.ts";

const START = 5_000_000_000_000_123n;

/** What a reader sees of a page: times since START, and the first byte and length of each event's data. */
function seen(page: DataView): [time: number, first: number, bytes: number][] {
  const reader = new RingPage(LAYOUT, START);
  reader.open(page);
  const events: [number, number, number][] = [];
  while (reader.next()) {
    events.push([reader.timeNanoseconds, reader.view.getUint8(reader.dataAt), reader.dataBytes]);
  }
  return events;
}

const FOUR = [7, 0, 0, 0];

describe("a page of the trace buffer", () => {
  test("an empty page", () => {
    expect(seen(new PageBuilder(START).finish())).toEqual([]);
  });

  test("times are sums of steps, from the page's own time on", () => {
    const page = new PageBuilder(START + 1000n)
      .short(0, FOUR)
      .short(5, FOUR)
      .long(2 ** 27 - 1, [8, ...Array.from({ length: 119 }, () => 0)])
      .short(1, [9, 0, 0, 0, 0, 0, 0, 0])
      .finish();
    expect(seen(page)).toEqual([
      [1000, 7, 4],
      [1005, 7, 4],
      [1005 + 2 ** 27 - 1, 8, 120],
      [1005 + 2 ** 27, 9, 8],
    ]);
  });

  test("the largest length that fits the first word", () => {
    const data = Array.from({ length: 112 }, (_, index) => index + 1);
    expect(seen(new PageBuilder(START).short(3, data).finish())).toEqual([[3, 1, 112]]);
  });

  test("a longer step of time", () => {
    const step = 3 * 2 ** 40 + 12_345;
    const page = new PageBuilder(START).timeExtend(step).short(2, FOUR).short(1, FOUR).finish();
    expect(seen(page).map(([time]) => time)).toEqual([step + 2, step + 3]);
  });

  test("an absolute time, exact where a double of the whole would not be", () => {
    const late = 2n ** 57n + 1n;
    const reader = new RingPage(LAYOUT, late - 41n);
    reader.open(
      new PageBuilder(late)
        .timeStamp(late + 1n)
        .short(1, FOUR)
        .finish(),
    );
    expect(reader.next()).toBe(true);
    expect(reader.timeNanoseconds).toBe(43);
  });

  test("times before the start are negative", () => {
    expect(seen(new PageBuilder(START - 10n).short(4, FOUR).finish())).toEqual([[-6, 7, 4]]);
  });

  test("an event that was taken back is passed over, its time is not", () => {
    const page = new PageBuilder(START).short(1, FOUR).discarded(10, [1, 2, 3, 4]).short(1, FOUR).finish();
    expect(seen(page)).toEqual([
      [1, 7, 4],
      [12, 7, 4],
    ]);
  });

  test("padding to the page's end", () => {
    const page = new PageBuilder(START).short(1, FOUR).restIsPadding(64).finish();
    expect(seen(page)).toEqual([[1, 7, 4]]);
  });

  test("what it says of events lost before it is not taken for an event", () => {
    expect(seen(new PageBuilder(START).short(1, FOUR).finish(12_345))).toEqual([[1, 7, 4]]);
  });

  test("a length beyond the page's end ends the page", () => {
    const page = new PageBuilder(START).short(1, FOUR).finish();
    page.setUint32(LAYOUT.dataAt, (1 << 5) | 28, true);
    expect(seen(page)).toEqual([]);
  });
});
