import { describe, expect, test } from "vitest";
import { BuddyAllocator } from "../../src/buddy/buddy-allocator.ts";
import * as L from "../../src/slab/layout.ts";
import { SlabCache } from "../../src/slab/slab-cache.ts";
import { SlabPool } from "../../src/slab/slab-pool.ts";
import { PAGE } from "./helpers.ts";

const GRANULE = 16;
const SLOT_SIZE = 64;
/** The slots of the only slab, which takes page 0. */
const SLOTS = PAGE / SLOT_SIZE;
const FREE_PAGE = 8;

/** A pool with one cache, number 1: one slab of 64 slots, of which some are objects. */
class Subject {
  readonly buddy = new BuddyAllocator({ size: 16 * PAGE });
  readonly pool = new SlabPool(this.buddy, GRANULE, 2, () => false);
  readonly objectCache = new SlabCache(
    this.buddy,
    { name: "objects", objectSize: SLOT_SIZE },
    { pool: this.pool },
  );
  readonly number = 1;
  readonly objects: number[] = [];

  constructor() {
    for (let count = 0; count < 10; count++) this.objects.push(this.objectCache.allocate());
    // The magazine empties into the slab, so that every slot that is no object is in the depot.
    this.objectCache.shrink();
  }

  get words(): Int32Array {
    return this.pool.words;
  }

  /** Index of a word of the cache. */
  cache(word: number): number {
    return this.pool.layout.caches + this.number * L.CACHE_WORDS + word;
  }

  /** Index of a word of the slab. */
  slab(word: number): number {
    return this.pool.layout.slabs + word;
  }

  /** Flips the bit of `offset` in a map. */
  flip(map: "inUse" | "depot", offset: number): void {
    const granule = offset / GRANULE;
    this.words[this.pool.layout[map] + (granule >>> 5)] ^= 1 << granule;
  }

  check(): void {
    this.pool.check();
  }
}

test("a sound pool passes, with objects, in use anew, and empty", () => {
  const subject = new Subject();
  subject.check();
  for (const offset of subject.objects) subject.objectCache.free(offset);
  subject.check();
  subject.objectCache.shrink();
  subject.check();
  expect(subject.buddy.freeBytes).toBe(16 * PAGE);
});

describe("check() names the invariant that a broken pool breaks", () => {
  test.each<[invariant: string, what: string, detail: RegExp, breakIt: (subject: Subject) => void]>([
    [
      "S1",
      "a slot is in use and in the depot",
      /^depot word 0 is 4096, expected 0$/,
      (subject) => subject.flip("depot", subject.objects[3]),
    ],
    [
      "S1",
      "an object is nowhere",
      /^depot word 0 is 0, expected 4096$/,
      (subject) => subject.flip("inUse", subject.objects[3]),
    ],
    [
      "S1",
      "the magazine holds an object in use",
      /^idle word 0 is 16, expected 0$/,
      (subject) => {
        subject.objectCache.free(subject.objects[0]);
        subject.words[subject.words[2 * subject.number]] = subject.objects[1] + 1;
      },
    ],
    [
      "S1",
      "the magazine holds a slot twice",
      /^slot 0 being twice idle is true, expected false$/,
      (subject) => {
        subject.objectCache.free(subject.objects[0]);
        subject.objectCache.free(subject.objects[1]);
        subject.words[subject.words[2 * subject.number]] = subject.objects[0] + 1;
      },
    ],
    [
      "S2",
      "an in-use bit lies in a page that is no slab",
      /^in-use word 64 is 1, expected 0$/,
      (subject) => subject.flip("inUse", FREE_PAGE * PAGE),
    ],
    [
      "S2",
      "an in-use bit lies inside a slot",
      /^in-use word 0 is 286339345, expected 286331153$/,
      (subject) => subject.flip("inUse", subject.objects[3] + GRANULE),
    ],
    [
      "S3",
      "a summary bit lacks",
      /^summary bit 1 is false, expected true$/,
      ({ words, pool }) => {
        words[pool.layout.summary] = 0;
      },
    ],
    [
      "S3",
      "a summary bit is one too many",
      /^summary bit 64 is true, expected false$/,
      ({ words, pool }) => {
        words[pool.layout.summary + 2] |= 1;
      },
    ],
    [
      "S4",
      "a slab's count of free slots is wrong",
      /^the free slots of slab 0 is 55, expected 54$/,
      (subject) => {
        subject.words[subject.slab(L.SLAB_FREE)]++;
      },
    ],
    [
      "S4",
      "a slab's count of slots is wrong",
      /^the slots of slab 0 is 63, expected 64$/,
      (subject) => {
        subject.words[subject.slab(L.SLAB_SLOTS)]--;
      },
    ],
    [
      "S4",
      "a slab is on the list of another bucket",
      /^the head of list 1 of cache 1 is false, expected true$/,
      (subject) => {
        subject.words[subject.cache(L.BUCKETS + 1)] = 1;
      },
    ],
    [
      "S4",
      "a slab's link backwards is wrong",
      /^slab 0 being linked is false, expected true$/,
      (subject) => {
        subject.words[subject.pool.layout.links + L.LINK_PREVIOUS] = 5;
      },
    ],
    [
      "S4",
      "the mask of lists is wrong",
      /^the lists of cache 1 is 68, expected 64$/,
      (subject) => {
        subject.words[subject.cache(L.CACHE_BUCKET_MASK)] |= 1 << 2;
      },
    ],
    [
      "S4",
      "a slab with free slots is on no list",
      /^slab 0 being linked is false, expected true$/,
      (subject) => {
        subject.words.fill(0, subject.cache(L.BUCKETS), subject.cache(L.BUCKETS + L.BUCKET_COUNT));
        subject.words[subject.cache(L.CACHE_BUCKET_MASK)] = 0;
      },
    ],
    ...(
      [
        ["slabs", L.CACHE_SLABS, 1],
        ["pages", L.CACHE_PAGES, 1],
        ["slots", L.CACHE_SLOTS, SLOTS],
        ["free slots", L.CACHE_FREE, 54],
        ["empty slabs", L.CACHE_EMPTY_SLABS, 0],
        ["full slabs", L.CACHE_FULL_SLABS, 0],
      ] as const
    ).map(([what, word, count]): [string, string, RegExp, (subject: Subject) => void] => [
      "S5",
      `the counter of ${what} is wrong`,
      new RegExp(`^cache 1, counter ${word - L.CACHE_SLABS} is ${count + 1}, expected ${count}$`),
      (subject) => {
        subject.words[subject.cache(word)]++;
      },
    ]),
    [
      "S6",
      "a page names a cache that does not exist",
      /^the end of the slab of cache 9 at 32768 is 32768, expected 36864$/,
      ({ words, pool }) => {
        words[pool.layout.pages + FREE_PAGE] = 9;
      },
    ],
    [
      "S6",
      "a slab's pages are not allocated",
      /^the end of the slab of cache 1 at 0 is 0, expected 4096$/,
      ({ buddy }) => buddy.free(0),
    ],
    [
      "S6",
      "a slab's order is not its block's",
      /^the end of the slab of cache 1 at 0 is 4096, expected 8192$/,
      ({ words, pool }) => {
        words[pool.layout.pages] |= 1 << L.PAGE_ORDER_SHIFT;
      },
    ],
    [
      "S1",
      "the magazine's top lies above all that a magazine can hold",
      /^the top of magazine 1, 128, is false, expected true$/,
      (subject) => {
        const bottom = L.magazineStart(subject.pool.layout, subject.number);
        subject.words[2 * subject.number] = bottom + 128;
      },
    ],
    [
      "S1",
      "the magazine's top is 0, but not its limit",
      /^the top of magazine 1, -\d+, is false, expected true$/,
      (subject) => {
        subject.words[2 * subject.number] = 0;
      },
    ],
    [
      "S2",
      "a depot bit lies in a page that is no slab",
      /^depot word 64 is 1, expected 0$/,
      (subject) => subject.flip("depot", FREE_PAGE * PAGE),
    ],
    [
      "S4",
      "a page at which no slab begins has words of one",
      /^slab word 17 is 3, expected 0$/,
      ({ words, pool }) => {
        words[pool.layout.slabs + FREE_PAGE * L.SLAB_WORDS + L.SLAB_SLOTS] = 3;
      },
    ],
    [
      "S4",
      "a slab is set aside, where no thread has a current one",
      /^slab 0 being set aside is true, expected false$/,
      ({ words, pool }) => {
        words[pool.layout.links + L.LINK_PREVIOUS] = L.SET_ASIDE;
      },
    ],
    [
      "S4",
      "a current slab is on a list",
      /^current page 0 of cache 1 is false, expected true$/,
      ({ words, pool }) => {
        words[pool.layout.currents + 1] = 1;
      },
    ],
    [
      "S4",
      "the list of full slabs has a head",
      /^the head of list 0 of cache 1 is false, expected true$/,
      (subject) => {
        subject.words[subject.cache(L.BUCKETS)] = 1;
      },
    ],
    [
      "S6",
      "a large allocation's page has bits of a slab's",
      /^page word 8 is -2147418112, expected -2147483648$/,
      ({ buddy, words, pool }) => {
        buddy.allocateAt(FREE_PAGE * PAGE, 0);
        words[pool.layout.pages + FREE_PAGE] = L.PAGE_LARGE | (1 << L.PAGE_ORDER_SHIFT);
      },
    ],
    [
      "S6",
      "a free page passes for a slab",
      /^the end of the slab of cache 1 at 32768 is 32768, expected 36864$/,
      ({ words, pool }) => {
        words[pool.layout.pages + FREE_PAGE] = 1;
      },
    ],
  ])("%s: %s", (invariant, _, detail, breakIt) => {
    const subject = new Subject();
    subject.check();
    breakIt(subject);
    expect(() => subject.check()).toThrow(
      expect.objectContaining({
        name: "AllocError",
        code: "CORRUPTED",
        message: expect.stringMatching(`^${invariant} broken: ${detail.source.slice(1)}`),
      }),
    );
  });

  describe("S4: of two slabs on one list", () => {
    /** The pool's words, and those of the links of pages 0 and 1, at which slabs of one bucket begin: 1 is the head. */
    function twoSlabs() {
      const buddy = new BuddyAllocator({ size: 16 * PAGE });
      const pool = new SlabPool(buddy, GRANULE, 2, () => false);
      const cache = new SlabCache(
        buddy,
        { name: "objects", objectSize: SLOT_SIZE, magazineSize: 1 },
        { pool },
      );
      const objects = Array.from({ length: 2 * SLOTS }, () => cache.allocate());
      cache.free(objects[0]!);
      cache.free(objects[SLOTS]!);
      cache.shrink();
      pool.check();
      const { words } = pool;
      const { links, caches } = pool.layout;
      const head = caches + L.CACHE_WORDS + L.BUCKETS + 1;
      expect([...words.subarray(links, links + 4), words[head]]).toEqual([0, 2, 1, 0, 2]);
      return { pool, words, links, head };
    }

    test.each<[what: string, message: string, spoil: (subject: ReturnType<typeof twoSlabs>) => void]>([
      [
        "the head's next does not know it",
        "slab 0 being linked",
        ({ words, links }) => (words[links + 1] = 7),
      ],
      [
        "the head does not know its next",
        "slab 0 being linked",
        ({ words, links }) => (words[links + 2] = 0),
      ],
      [
        "the last has a next that is no slab",
        "slab 0 being linked",
        ({ words, links }) => (words[links] = 9),
      ],
      [
        "the last has a next beyond the space",
        "slab 0 being linked",
        ({ words, links }) => (words[links] = 17),
      ],
      ["the last has the head as its next", "slab 0 being linked", ({ words, links }) => (words[links] = 2)],
      [
        "they lead to each other, and no list to them",
        "unlisted slabs of cache 1",
        ({ pool, words, links, head }) => {
          words.set([2, 2, 1, 1], links);
          words[head] = 0;
          words[pool.layout.caches + L.CACHE_WORDS + L.CACHE_BUCKET_MASK] = 0;
        },
      ],
    ])("%s", (_, message, spoil) => {
      const subject = twoSlabs();
      spoil(subject);
      expect(() => subject.pool.check()).toThrow(
        expect.objectContaining({
          code: "CORRUPTED",
          message: expect.stringMatching(`^S4 broken: ${message}`) as string,
        }),
      );
    });
  });

  test("S6: a page inside a slab does not name its slab's cache", () => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    const pool = new SlabPool(buddy, GRANULE, 2, () => false);
    const home = { pool };
    expect(new SlabCache(buddy, { name: "large", objectSize: 2 * PAGE }, home).allocate()).toBe(0);
    pool.check();
    pool.words[pool.layout.pages + 1] = 0;
    expect(() => pool.check()).toThrow(
      expect.objectContaining({
        code: "CORRUPTED",
        message: "S6 broken: page word 1 is 0, expected 65537",
      }),
    );
  });
});
