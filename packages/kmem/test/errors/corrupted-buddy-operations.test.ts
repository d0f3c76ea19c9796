// Operations on a buddy allocator whose tables were spoilt: what would lead them astray, or round for ever, is an error.

import { expect, test } from "vitest";
import { bitTreeWordCount } from "../../src/bits/bit-tree.ts";
import { BuddyAllocator } from "../../src/buddy/buddy-allocator.ts";
import { freeListWordCount } from "../../src/buddy/free-lists.ts";
import { BLOCK } from "../../src/buddy/page-map.ts";
import { END_PAGE, RESIZE_START, STATE_WORDS } from "../../src/buddy/tables.ts";
import { WAITING_WORDS } from "../../src/buddy/waiting-runs.ts";
import { PAGE } from "./helpers.ts";

const PAGE_COUNT = 128;
const MAX_ORDER = 7;
/** In the free lists: the mask of orders, the sole of order 0, and the first tree. */
const ORDER_MASK_WORD = 0;
const SOLES = 2 + MAX_ORDER + 1;
const FIRST_TREE = SOLES + MAX_ORDER + 1;

/** An allocator and its tables: a block of order 1 at page 0, a run of 3 pages at page 4. */
class Subject {
  readonly state = new Int32Array(STATE_WORDS);
  readonly pages = new Uint8Array(PAGE_COUNT);
  readonly lists = new Int32Array(freeListWordCount(PAGE_COUNT, MAX_ORDER));
  readonly waiting = new Int32Array(WAITING_WORDS);
  readonly buddy = new BuddyAllocator(
    { size: PAGE_COUNT * PAGE },
    { state: this.state, pages: this.pages, lists: this.lists, waiting: this.waiting },
  );

  constructor() {
    this.buddy.allocate(1);
    this.buddy.reserve(4 * PAGE, 3 * PAGE);
    this.buddy.check();
  }

  /** The index of the first word of the tree of `order`: its lowest level, then those above. */
  tree(order: number): number {
    let at = FIRST_TREE;
    for (let each = 0; each < order; each++) at += bitTreeWordCount(PAGE_COUNT / 2 ** each);
    return at;
  }
}

test.each<[what: string, message: string, use: (subject: Subject) => unknown]>([
  [
    "an allocation, when the mask names an order that there is not",
    "F3 broken: the order mask is 1073741824",
    ({ buddy, lists }) => {
      lists[ORDER_MASK_WORD] = 1 << 30;
      buddy.allocate(0);
    },
  ],
  [
    "an allocation in a range, when the mask names an order that there is not",
    "F3 broken: the order mask is 1073741824",
    ({ buddy, lists }) => {
      lists[ORDER_MASK_WORD] = 1 << 30;
      buddy.allocate(0, { from: PAGE });
    },
  ],
  [
    "an allocation, when the mask names an order of which no block is free",
    "F3 broken: no block of order 2 is at page -4",
    ({ buddy, lists }) => {
      lists[ORDER_MASK_WORD]! |= 1 << 2;
      buddy.allocate(2);
    },
  ],
  [
    "an allocation in a range, when a tree has a bit above an empty word",
    "B2 broken: page 31 is on no list",
    (subject) => {
      const { buddy, lists } = subject;
      buddy.reserve(31 * PAGE, PAGE);
      lists[subject.tree(0) + 4] = 1 << 1;
      buddy.allocate(0, { from: 31 * PAGE, to: 32 * PAGE });
    },
  ],
  ...(
    [
      ["beyond the tables", PAGE_COUNT],
      ["before them", -8],
      ["where no block of its order begins", 9],
    ] as const
  ).map(([what, page]): [string, string, (subject: Subject) => unknown] => [
    `an allocation, when the sole of its list lies ${what}`,
    `F3 broken: no block of order 3 is at page ${page}`,
    ({ buddy, lists }) => {
      lists[SOLES + 3] = page + 1;
      buddy.allocate(3);
    },
  ]),
  [
    "an allocation in a range, when the sole lies where no block of its order begins",
    "B2 broken: page 8 is on no list",
    ({ buddy, lists }) => {
      lists[SOLES + 3] = 9 + 1;
      buddy.allocate(3, { from: 8 * PAGE, to: 16 * PAGE });
    },
  ],
  [
    "a second block on a list, when its sole lies beyond the tables",
    "F3 broken: no block of order 0 is at page 199",
    ({ buddy, lists }) => {
      lists[SOLES] = 199 + 1;
      buddy.allocateAt(16 * PAGE, 0);
    },
  ],
  [
    "a run of pages that no block holds, when a tree has a bit above an empty word",
    "B2 broken: page 62 is on no list",
    (subject) => {
      const { buddy, lists } = subject;
      for (let page = 8; page < PAGE_COUNT; page += 8) buddy.reserve(page * PAGE, 8 * PAGE);
      lists[SOLES + 1] = 0;
      lists[subject.tree(1) + 2] = 1 << 1;
      buddy.allocatePages(3);
    },
  ],
  [
    "a free of a block larger than any",
    "B1 broken: a block of order 8 lies at page 0",
    ({ buddy, pages }) => {
      pages[0] = BLOCK | 8;
      buddy.free(0);
    },
  ],
  [
    "a free of a block that is not aligned",
    "B1 broken: a block of order 3 lies at page 4",
    ({ buddy, pages }) => {
      pages[4] = BLOCK | 3;
      buddy.free(4 * PAGE);
    },
  ],
  [
    "a free of a run that lacks a piece",
    "B1 broken: page 6 is 0",
    ({ buddy, pages }) => {
      pages[6] = 0;
      buddy.free(4 * PAGE);
    },
  ],
  [
    "the size of a run that passes the end",
    "B1 broken: page 6 is 63",
    ({ buddy, pages }) => {
      pages[6]! |= 0x1f;
      buddy.sizeOf(4 * PAGE);
    },
  ],
  [
    "a resize of a run that is not aligned",
    "B1 broken: page 4 is 227",
    ({ buddy, pages }) => {
      pages[4]! |= 3;
      buddy.resizePages(4 * PAGE, 2);
    },
  ],
  ...(
    [
      ["no page", 0, 0],
      ["less than none", -(2 ** 31), -(2 ** 31) * PAGE],
      ["more than `maxSize`", PAGE_COUNT + 1, (PAGE_COUNT + 1) * PAGE],
    ] as const
  ).map(([what, end, bytes]): [string, string, (subject: Subject) => unknown] => [
    `the size of a space of ${what}`,
    `B3 broken: the space has ${bytes} bytes`,
    ({ buddy, state }) => {
      state[END_PAGE] = end;
      return buddy.stats();
    },
  ]),
  [
    "check(), of a resize under way",
    "B3 broken: the resize under way is 5, expected 0",
    ({ buddy, state }) => {
      state[RESIZE_START] = 5;
      buddy.check();
    },
  ],
  ...[-(2 ** 31), PAGE_COUNT + 1, 1].map((sole): [string, string, (subject: Subject) => unknown] => [
    `check(), of a list that has ${sole} as its sole and no block`,
    "B2 broken: the count of order 7 from page 0 on is 1, expected 0",
    ({ buddy, lists }) => {
      lists[SOLES + 7] = sole;
      buddy.check();
    },
  ]),
  [
    "check(), of a list with a sole beside others",
    "B2 broken: page 30 is on no list",
    ({ buddy, lists }) => {
      buddy.reserve(31 * PAGE, PAGE);
      expect(lists[SOLES]).toBe(0);
      lists[SOLES] = 7 + 1;
      buddy.check();
    },
  ],
  [
    "check(), of a piece of order 31",
    "B1 broken: page 0 is 191, expected 167",
    ({ buddy, pages }) => {
      pages[0]! |= 0x1f;
      buddy.check();
    },
  ],
])("%s", (_, message, use) => {
  expect(() => use(new Subject())).toThrow(expect.objectContaining({ code: "CORRUPTED", message }));
});
