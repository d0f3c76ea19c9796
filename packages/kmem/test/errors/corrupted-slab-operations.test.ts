// Operations on slabs whose tables were spoilt: what would lead them astray, or round for ever, is an error.

import { expect, test } from "vitest";
import { BuddyAllocator } from "../../src/buddy/buddy-allocator.ts";
import * as L from "../../src/slab/layout.ts";
import { SlabCache } from "../../src/slab/slab-cache.ts";
import { SlabPool } from "../../src/slab/slab-pool.ts";
import { PAGE } from "./helpers.ts";

const SLOT_SIZE = 64;
/** The slots of the only slab, which takes page 0. */
const SLOTS = PAGE / SLOT_SIZE;
/** A page that is free. */
const FREE_PAGE = 8;

/** A pool with one cache, number 1: one slab of 64 slots, 10 of them objects, and the others in the depot. */
class Subject {
  readonly buddy = new BuddyAllocator({ size: 16 * PAGE });
  readonly pool = new SlabPool(this.buddy, 16, 2, () => false);
  readonly cache = new SlabCache(this.buddy, { name: "objects", objectSize: SLOT_SIZE }, { pool: this.pool });
  readonly words = this.pool.words;
  readonly objects: number[] = [];

  constructor() {
    for (let count = 0; count < 10; count++) this.objects.push(this.cache.allocate());
    this.cache.shrink();
  }

  /** Index of a word of the cache. */
  cacheWord(word: number): number {
    return this.pool.layout.caches + L.CACHE_WORDS + word;
  }

  /** Index of a word of the slab at page 0. */
  slabWord(word: number): number {
    return this.pool.layout.slabs + word;
  }

  /** Index of a link of the slab at `page`. */
  link(page: number, word: number): number {
    return this.pool.layout.links + page * L.LINK_WORDS + word;
  }

  /** Index of the word below the magazine. */
  get magazine(): number {
    return L.magazineStart(this.pool.layout, 1);
  }
}

/** Index of the magazine's top. */
const TOP = 2;

test.each<[what: string, message: string, use: (subject: Subject) => unknown]>([
  [
    "an allocation, when the magazine's top is another magazine's",
    "S1 broken: magazine 1 has 128 slots",
    ({ words, magazine, cache }) => {
      words[TOP] = magazine + L.MAGAZINE_WORDS;
      cache.allocate();
    },
  ],
  [
    "giving back, when the magazine's top is in another magazine",
    "S1 broken: magazine 1 has 133 slots",
    ({ words, magazine, cache }) => {
      words[TOP] = magazine + L.MAGAZINE_WORDS + 5;
      cache.shrink();
    },
  ],
  [
    "giving back a slot that lies in no slab",
    `S4 broken: no slab of cache 1 begins at page ${FREE_PAGE}`,
    ({ words, magazine, cache, objects }) => {
      cache.free(objects[0]!);
      words[magazine + 1] = FREE_PAGE * PAGE + 1;
      cache.shrink();
    },
  ],
  [
    "an allocation from a page that is another cache's",
    "S4 broken: no slab of cache 1 begins at page 0",
    ({ words, pool, cache }) => {
      words[pool.layout.pages] = 2;
      cache.allocate();
    },
  ],
  [
    "an allocation from a slab that does not lie on its own size",
    "S4 broken: no slab of cache 1 begins at page 5",
    (subject) => {
      const { words, pool, cache } = subject;
      words[pool.layout.pages + 5] = 1 | (1 << L.PAGE_ORDER_SHIFT);
      words[subject.cacheWord(L.BUCKETS) + L.bucketOf(SLOTS - 10, SLOTS)] = 5 + 1;
      cache.allocate();
    },
  ],
  ...[SLOTS + 1, SLOTS - 1].map((slots): [string, string, (subject: Subject) => void] => [
    `an allocation from a slab of ${slots} slots, which has ${SLOTS}`,
    "S4 broken: no slab of cache 1 begins at page 0",
    (subject) => {
      subject.words[subject.slabWord(L.SLAB_SLOTS)] = slots;
      subject.cache.allocate();
    },
  ]),
  ...[SLOTS + 1, 0].map((free): [string, string, (subject: Subject) => void] => [
    `an allocation from a slab with ${free} slots free, which has ${SLOTS}`,
    "S4 broken: no slab of cache 1 begins at page 0",
    (subject) => {
      subject.words[subject.slabWord(L.SLAB_FREE)] = free;
      subject.cache.allocate();
    },
  ]),
  [
    "an allocation from a slab whose free slots are not in the depot",
    "S4 broken: page 0 begins a slab with fewer slots free",
    ({ words, pool, cache }) => {
      words[pool.layout.summary] = 0;
      cache.allocate();
    },
  ],
  [
    "giving back more than a slab has",
    "S4 broken: 65 of 64 slots of page 0 are free",
    (subject) => {
      const { words, cache, objects } = subject;
      cache.free(objects[0]!);
      words[subject.slabWord(L.SLAB_FREE)] = SLOTS;
      cache.shrink();
    },
  ],
  [
    "leaving a list whose next slab does not know of this one",
    "S4 broken: the lists do not link pages -1 and 0",
    (subject) => {
      subject.words[subject.link(0, L.LINK_NEXT)] = FREE_PAGE + 1;
      for (let count = 0; count < SLOTS - 10; count++) subject.cache.allocate();
    },
  ],
  [
    "leaving a list whose slab before does not know of this one",
    `S4 broken: the lists do not link pages ${FREE_PAGE} and 0`,
    (subject) => {
      subject.words[subject.link(0, L.LINK_PREVIOUS)] = FREE_PAGE + 1;
      for (let count = 0; count < SLOTS - 10; count++) subject.cache.allocate();
    },
  ],
  [
    "joining a list whose first slab is not its first",
    `S4 broken: the lists do not link pages ${FREE_PAGE} and 0`,
    (subject) => {
      const { words } = subject;
      for (let bucket = 1; bucket < L.bucketOf(SLOTS - 10, SLOTS); bucket++) {
        words[subject.cacheWord(L.BUCKETS) + bucket] = FREE_PAGE + 1;
      }
      words[subject.link(FREE_PAGE, L.LINK_PREVIOUS)] = 3;
      for (let count = 0; count < SLOTS - 10; count++) subject.cache.allocate();
    },
  ],
  [
    "making a slab, when the least order is not that of the slots",
    "S8 broken: the least order of cache 1 is 3, expected 0",
    (subject) => {
      subject.words[subject.cacheWord(L.CACHE_MIN_ORDER)] = 3;
      for (let count = 0; count <= SLOTS; count++) subject.cache.allocate();
    },
  ],
  [
    "giving back a slab that is on the list of empty ones, and is not empty",
    "S4 broken: 10 slots of page 0, on the list of empty slabs, are not free",
    (subject) => {
      subject.words[subject.cacheWord(L.BUCKETS) + L.EMPTY_BUCKET] = 1;
      subject.cache.shrink();
    },
  ],
  [
    "the size of a slot that has none",
    "S8 broken: a slot of cache 1 has no bytes",
    (subject) => {
      subject.words[subject.cacheWord(L.CACHE_SLOT_GRANULES)] = 0;
      subject.pool.slotSize(1);
    },
  ],
  [
    "a walk over more caches than there can be",
    "S8 broken: the pool has 99 caches",
    ({ words, pool }) => {
      words[pool.layout.caches + L.POOL_CACHES] = 99;
      pool.shrinkAll();
    },
  ],
  [
    "the check, when a cache's size has changed",
    "S8 broken: cache 1, size",
    (subject) => {
      subject.words[subject.cacheWord(L.CACHE_OBJECT_SIZE)]!++;
      subject.pool.check();
    },
  ],
  [
    "the check, when a magazine may hold more than it should",
    "S8 broken: the limit of magazine 1",
    ({ words, pool }) => {
      words[TOP + 1]!++;
      pool.check();
    },
  ],
  ...[0, 3, 16384].map((depth): [string, string, (subject: Subject) => void] => [
    `a free, when the magazine is full and ${depth} slots deep`,
    `S8 broken: magazine 1 is ${depth} slots deep`,
    (subject) => {
      const { words, cache, objects, magazine } = subject;
      for (const offset of objects.slice(0, 3)) cache.free(offset);
      words[TOP + 1] = words[TOP]!;
      expect(words[TOP]).toBeGreaterThan(magazine);
      words[subject.cacheWord(L.CACHE_MAGAZINE_DEPTH)] = depth;
      cache.free(objects[3]!);
    },
  ]),
  [
    "the check, when there is something below a magazine's first slot",
    "S1 broken: what lies below magazine 1 is 1, expected 0",
    ({ words, pool, magazine }) => {
      words[magazine] = 1;
      pool.check();
    },
  ],
])("%s", (_, message, use) => {
  expect(() => use(new Subject())).toThrow(
    expect.objectContaining({ code: "CORRUPTED", message: expect.stringContaining(message) as string }),
  );
});
