import { BuddyAllocator } from "kmem";
import { describe, expect, test } from "vitest";
import { checkBuddy } from "../../src/buddy/check.ts";
import { FreeLists, freeListWordCount } from "../../src/buddy/free-lists.ts";
import { CheckTally } from "../../src/inspect/check-round.ts";
import { BLOCK, HEAD, MORE, USED } from "../../src/buddy/page-map.ts";
import { WaitingRuns } from "../../src/buddy/waiting-runs.ts";

const PAGE_COUNT = 16;
const MAX_ORDER = 4;

/** Where the free lists keep their mask, their sum and their counts. */
const ORDER_MASK_WORD = 0;
const FREE_PAGES_WORD = 1;
const COUNTS = 2;

/** The two halves of a buddy allocator's state: a block of order 1 at page 0, a run of 3 pages at page 4. */
interface State {
  pages: Uint8Array;
  words: Int32Array;
  lists: FreeLists;
}

function makeState(): State {
  const words = new Int32Array(freeListWordCount(PAGE_COUNT, MAX_ORDER));
  const lists = new FreeLists(PAGE_COUNT, MAX_ORDER, words);
  const pages = new Uint8Array(PAGE_COUNT);
  lists.releaseRange(0, PAGE_COUNT);
  lists.claimRange(0, 2);
  pages[0] = BLOCK | 1;
  lists.claimRange(4, 7);
  pages[4] = BLOCK | MORE | 1;
  pages[6] = USED | 0;
  return { pages, words, lists };
}

/** Checks the pages from `from` on, as the last step of a round does. */
function check({ pages, lists }: State, from = 0): void {
  const tally = new CheckTally();
  lists.countedBy = tally;
  tally.isStale = from !== 0;
  const window = { from, end: PAGE_COUNT, isLast: true, isWhole: from === 0, tally };
  const waiting = new WaitingRuns(pages, lists);
  checkBuddy({ pages, lists, waiting, firstPage: 0, endPage: PAGE_COUNT }, from, PAGE_COUNT, window);
}

test("a sound state passes", () => {
  const state = makeState();
  check(state);
  expect(state.lists.freePages).toBe(PAGE_COUNT - 5);
});

test("an allocator's own check() looks at its own tables, from its base to its end", () => {
  const buddy = new BuddyAllocator({ size: PAGE_COUNT * 4096, base: 40 * 4096, maxSize: 32 * 4096 });
  const last = buddy.allocateAt(55 * 4096, 0);
  buddy.check();
  buddy["lists"].insert(buddy["firstPage"] + 15, 0);
  expect(() => buddy.check()).toThrow(expect.objectContaining({ code: "CORRUPTED" }));
  buddy["lists"].remove(buddy["firstPage"] + 15, 0);
  buddy.free(last);
  buddy.check();
});

test("notes of freed blocks are no corruption", () => {
  const state = makeState();
  state.pages[8] = HEAD;
  state.pages[1] = HEAD;
  expect(() => check(state)).not.toThrow();
});

describe("check() names the invariant that a broken state breaks", () => {
  test.each<[invariant: string, what: string, detail: string, breakIt: (state: State) => void]>([
    [
      "B1",
      "two blocks overlap",
      "page 1 is 160, expected 0",
      ({ pages }) => {
        pages[1] = BLOCK;
      },
    ],
    [
      "B1",
      "a block is not aligned to its size",
      "page 9 is 161, expected 0",
      ({ pages }) => {
        pages[9] = BLOCK | 1;
      },
    ],
    [
      "B1",
      "a block passes the end",
      "page 0 is 165, expected 164",
      ({ pages }) => {
        pages[0] = BLOCK | 5;
      },
    ],
    [
      "B1",
      "a run lacks its next piece",
      "page 2 is 0, expected 32",
      ({ pages }) => {
        pages[0] = BLOCK | MORE | 1;
      },
    ],
    [
      "B1",
      "the last run lacks its next piece",
      "page 15 is 224, expected 160",
      ({ pages, lists }) => {
        lists.claimRange(15, 16);
        pages[15] = BLOCK | MORE;
      },
    ],
    [
      "B1",
      "a piece goes on where no run does",
      "page 0 has no head",
      ({ pages }) => {
        pages[0] = USED | 1;
      },
    ],
    [
      "B1",
      "a run goes on with a head",
      "page 6 is 160, expected 32",
      ({ pages }) => {
        pages[6] = BLOCK;
      },
    ],
    [
      "B1",
      "a page is marked without being in use",
      "page 8 is 64, expected 0",
      ({ pages }) => {
        pages[8] = MORE;
      },
    ],
    [
      "B2",
      "an allocated block is listed as free",
      "the count of order 3 from page 0 on is 1, expected 0",
      ({ pages }) => {
        pages[8] = BLOCK | 3;
      },
    ],
    ["B2", "a free block is on no list", "page 8 is on no list", ({ lists }) => lists.remove(8, 3)],
    [
      "B2",
      "two free buddies are not merged",
      "free block 8 of order 2 being sound is false, expected true",
      ({ lists }) => {
        lists.remove(8, 3);
        lists.insert(8, 2);
        lists.insert(12, 2);
      },
    ],
    [
      "B2",
      "a block of the greatest order is listed that is none",
      "the count of order 4 from page 0 on is 1, expected 0",
      ({ lists }) => lists.insert(0, MAX_ORDER),
    ],
    [
      "F3",
      "a count is wrong",
      "the count of order 3 is 2, expected 1",
      ({ words }) => {
        words[COUNTS + 3]++;
      },
    ],
    [
      "F3",
      "the order mask is wrong",
      "the order mask is 27, expected 11",
      ({ words }) => {
        words[ORDER_MASK_WORD] ^= 1 << 4;
      },
    ],
    [
      "F4",
      "the free-page count is wrong",
      "the free-page count is 12, expected 11",
      ({ words }) => {
        words[FREE_PAGES_WORD]++;
      },
    ],
  ])("%s: %s", (invariant, _, detail, breakIt) => {
    const state = makeState();
    breakIt(state);
    expect(() => check(state)).toThrow(
      expect.objectContaining({
        name: "AllocError",
        code: "CORRUPTED",
        message: `${invariant} broken: ${detail}`,
      }),
    );
  });
});

describe("a step that begins inside a block or run", () => {
  test.each([1, 5, 6, 12])("at page %i, passes where the state is sound", (from) => {
    check(makeState(), from);
  });

  test.each<[what: string, from: number, message: string, breakIt: (state: State) => void]>([
    ["whose first page lies in two", 5, "page 5 lies in blocks 5 and 4", ({ pages }) => (pages[5] = BLOCK)],
    ["of a run whose head was lost", 6, "page 6 has no head", ({ pages }) => (pages[4] = 0)],
    ["of a run whose head says that it ends", 6, "page 6 has no head", ({ pages }) => (pages[4] = BLOCK | 1)],
    ["of a run that has no piece before it", 0, "page 0 has no head", ({ pages }) => (pages[0] = USED | 1)],
    [
      "of a run whose head ends before its last piece",
      6,
      "page 6 has no head",
      ({ pages, lists }) => {
        lists.claimRange(7, 8);
        pages[4] = BLOCK | MORE;
        pages[5] = 0;
      },
    ],
  ])("%s: B1", (_, from, message, breakIt) => {
    const state = makeState();
    breakIt(state);
    expect(() => check(state, from)).toThrow(`B1 broken: ${message}`);
  });
});
