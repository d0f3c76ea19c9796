import { describe, expect, test } from "vitest";
import { FreeLists } from "../../src/buddy/free-lists.ts";
import { HEAD, USED } from "../../src/buddy/page-map.ts";
import { WAITING_WORDS, WaitingRuns } from "../../src/buddy/waiting-runs.ts";

const PAGE_COUNT = 32;
const MAX_ORDER = 5;
/** Where the words keep their mask, and the count of the runs of a length, which their places follow. */
const MASK = 0;
const COUNT_OF_3 = 1 + 4 * 2;
const COUNT_OF_4 = 1 + 4 * 3;

/** Runs of 3 pages at page 0 and 4, which wait; pages 16 to 31 are on lists, all others in use. */
class Subject {
  readonly pages = new Uint8Array(PAGE_COUNT);
  readonly lists = new FreeLists(PAGE_COUNT, MAX_ORDER);
  readonly words = new Int32Array(WAITING_WORDS);
  readonly waiting = new WaitingRuns(this.pages, this.lists, this.words);

  constructor() {
    this.lists.releaseRange(16, PAGE_COUNT);
    for (const start of [0, 4]) {
      this.pages[start] = HEAD;
      this.waiting.add(start, start + 3);
    }
  }

  check(endPage = PAGE_COUNT): void {
    this.waiting.check(endPage);
  }
}

test("a sound state passes, and so does one in which nothing waits", () => {
  const subject = new Subject();
  subject.check();
  subject.check(7);
  subject.waiting.settle();
  expect(subject.words).toEqual(new Int32Array(WAITING_WORDS));
  expect(subject.lists.freePages).toBe(16 + 6);
  subject.check();
});

test.each<[what: string, breakIt: (subject: Subject) => unknown, detail: string]>([
  [
    "more wait than may",
    ({ words }) => (words[COUNT_OF_3] = 4),
    "the count of runs of 3 pages is 4, expected 3",
  ],
  [
    "less than none wait",
    ({ words }) => (words[COUNT_OF_4] = -1),
    "the count of runs of 4 pages is -1, expected 3",
  ],
  [
    "one was not freed",
    ({ pages }) => (pages[4] = 0),
    "the run of 3 pages from 4 being one that waits is false, expected true",
  ],
  [
    "one is not aligned",
    ({ pages, words }) => {
      words[COUNT_OF_3 + 2] = 6;
      pages[5] = HEAD;
    },
    "the run of 3 pages from 5 being one that waits is false, expected true",
  ],
  [
    "a page of one is in use",
    ({ pages }) => (pages[5] = USED),
    "page 5 being free and on no list is false, expected true",
  ],
  [
    "the last page of one is on a list",
    ({ lists }) => lists.releaseRange(6, 7),
    "page 6 being free and on no list is false, expected true",
  ],
  [
    "one waits twice",
    ({ words }) => (words[COUNT_OF_3 + 2] = 1),
    "page 0 being free and on no list is false, expected true",
  ],
  [
    "a place is left over",
    ({ words }) => (words[COUNT_OF_3 + 3] = 9),
    "place of length 3, 0 is 9, expected 0",
  ],
  ["the mask lacks a length", ({ words }) => (words[MASK] = 0), "the mask of lengths is 0, expected 4"],
  [
    "the mask has a length that there is not",
    ({ words }) => (words[MASK]! |= 1 << 16),
    "the mask of lengths is 65540, expected 4",
  ],
])("the check tells that %s", (_, breakIt, detail) => {
  const subject = new Subject();
  breakIt(subject);
  expect(() => subject.check()).toThrow(
    expect.objectContaining({ code: "CORRUPTED", message: `B4 broken: ${detail}` }),
  );
});

test("the check tells that one reaches beyond the end of the space", () => {
  expect(() => new Subject().check(6)).toThrow(/^B4 broken: the run of 3 pages from 4 /);
});

describe("what is no freed run is neither given out nor merged", () => {
  test.each<[what: string, breakIt: (subject: Subject) => unknown, page: number]>([
    ["its page is in use", ({ pages }) => (pages[4] = HEAD | USED), 4],
    ["its page lies outside", ({ words }) => (words[COUNT_OF_3 + 2] = PAGE_COUNT + 1), PAGE_COUNT],
    [
      "there are more than may wait",
      ({ words }) => {
        // The last of four would be the count of the next length.
        words[COUNT_OF_3] = 4;
        words[COUNT_OF_4] = 1;
      },
      0,
    ],
    ["there are none, though the mask says so", ({ words }) => (words[COUNT_OF_3] = 0), -1],
  ])("where %s", (_, breakIt, page) => {
    for (const use of [
      (waiting: WaitingRuns) => waiting.take(3),
      (waiting: WaitingRuns) => waiting.settle(),
    ]) {
      const subject = new Subject();
      breakIt(subject);
      const words = subject.words.slice();
      expect(() => use(subject.waiting)).toThrow(
        expect.objectContaining({
          code: "CORRUPTED",
          message: `B4 broken: no freed run begins at page ${page}`,
        }),
      );
      expect(subject.words).toEqual(words);
      expect(subject.lists.freePages).toBe(16);
    }
  });
});
