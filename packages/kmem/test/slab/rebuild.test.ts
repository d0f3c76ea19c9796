/** Whatever a dead thread may have left of a pool's tables, a rebuild makes of them what the truth maps say. */
import { BuddyAllocator } from "kmem";
import { expect, test } from "vitest";
import * as L from "../../src/slab/layout.ts";
import { rebuildPool } from "../../src/slab/rebuild.ts";
import { SlabPool } from "../../src/slab/slab-pool.ts";
import { Random } from "../model/random.ts";
import { PAGE } from "./helpers.ts";

const GRANULE = 16;
const PAGE_COUNT = 96;
const SIZES = [16, 48, 496, 2048, 6000];
/** Words of the maps that tell of one page. */
const MAP_WORDS = PAGE / GRANULE / 32;

interface Made {
  readonly buddy: BuddyAllocator;
  readonly pool: SlabPool;
  readonly random: Random;
  /** The number of the last cache but one, which was given up. */
  readonly given: number;
}

/** A pool with full, partial and empty slabs, large allocations, and a cache that was given up. */
function make(seed: number, basePages: number): Made {
  const random = new Random(seed);
  const buddy = new BuddyAllocator({ base: basePages * PAGE, size: PAGE_COUNT * PAGE });
  const pool = new SlabPool(buddy, GRANULE, SIZES.length + 1, undefined);
  const numbers = SIZES.map((size) => {
    const slotSize = Math.ceil(size / GRANULE) * GRANULE;
    return pool.addCache({ name: `${size}`, objectSize: size, slotSize, magazineSize: 3 });
  });
  const given = numbers.at(-2)!;
  pool.removeCache(given);
  for (const count of [1, 3]) pool.markLarge(buddy.allocatePages(count));
  for (const number of numbers) {
    if (number === given) continue;
    const live: number[] = [];
    const bytes = random.between(2, 4) * 4 * PAGE;
    while (live.length * pool.slotSize(number) < bytes) live.push(pool.allocate(number) >>> 0);
    // Those of one stretch all, so that a slab of them is empty; of the others some.
    for (const [index, offset] of live.entries()) {
      if (index < live.length / 3 || random.chance(0.3)) pool.free(number, offset);
    }
  }
  // To the end: the last page is a slab's or a large allocation's.
  const free = buddy.allocatePages(1);
  for (let offset = free; offset !== -1; offset = buddy.tryAllocatePages(1)) pool.markLarge(offset);
  pool.unmarkLarge(free);
  buddy.free(free);
  pool.check();
  return { buddy, pool, random, given };
}

/** All that a rebuild says anew, but for the order of lists, which `check()` looks at. */
function tablesOf({ words, layout, cacheCount }: SlabPool): object {
  const part = (from: number, to: number): number[] => [...words.subarray(from, to)];
  const caches = Array.from({ length: cacheCount + 1 }, (_, number) => {
    const cache = layout.caches + number * L.CACHE_WORDS;
    return part(cache, cache + L.BUCKETS);
  });
  return {
    caches,
    inUse: part(layout.inUse, layout.depot),
    depot: part(layout.depot, layout.summary),
    summary: part(layout.summary, layout.slabs),
    slabs: part(layout.slabs, layout.links),
    pages: part(layout.pages, layout.wordCount),
  };
}

/** True for the first page of a slab. */
function isSlab({ buddy, pool }: Made, page: number): boolean {
  return pool.cacheAt(page * PAGE) !== 0 && buddy.isAllocated(page * PAGE);
}

/** Fills with chance what follows from the truth: of slabs, all but their first page word and depot bits of slots. */
function spoil(made: Made): void {
  const { buddy, pool, random } = made;
  const { words, layout, cacheCount } = pool;
  const junk = (): number => random.below(2 ** 32) | 0;
  const fill = (from: number, to: number): void => {
    for (let at = from; at < to; at++) words[at] = junk();
  };
  words[layout.caches + L.POOL_LARGE_OBJECTS] = junk();
  for (let number = 1; number <= cacheCount; number++) {
    const cache = layout.caches + number * L.CACHE_WORDS;
    fill(cache + L.CACHE_SLABS, cache + L.CACHE_COUNTERS_END);
    fill(cache + L.BUCKETS, cache + L.CACHE_WORDS);
  }
  fill(layout.summary, layout.slabs);
  const first = buddy.base / PAGE;
  for (let page = first; page < first + PAGE_COUNT; page++) {
    const isInside = pool.cacheAt(page * PAGE) !== 0 && !isSlab(made, page);
    if (!isInside) fill(layout.slabs + page * L.SLAB_WORDS, layout.slabs + (page + 1) * L.SLAB_WORDS);
    fill(layout.links + page * L.LINK_WORDS, layout.links + (page + 1) * L.LINK_WORDS);
  }
}

test.each([1, 2, 3, 4, 5, 6])("everything that follows from the truth is said anew; seed %d", (seed) => {
  const made = make(seed, seed % 2 === 0 ? 0 : 8);
  const { buddy, pool, random, given } = made;
  const { words, layout } = pool;
  const first = buddy.base / PAGE;
  // Of pages that are no slab's, these words are none's, and a rebuild clears them.
  for (let page = first; page < first + PAGE_COUNT; page++) {
    if (pool.cacheAt(page * PAGE) === 0)
      words.fill(0, layout.slabs + page * L.SLAB_WORDS, layout.slabs + (page + 1) * L.SLAB_WORDS);
  }
  const before = tablesOf(pool);
  spoil(made);
  for (let page = first; page < first + PAGE_COUNT;) {
    const map = layout.depot + page * MAP_WORDS;
    if (isSlab(made, page)) {
      const count = buddy.sizeOf(page * PAGE) / PAGE;
      // Pages behind the first may not say yet, or not any more, whose they are.
      for (let other = 1; other < count; other++) words[layout.pages + page + other] = random.below(2 ** 31);
      // Bits at which no slot begins.
      const granules = pool.slotSize(pool.cacheAt(page * PAGE)) / GRANULE;
      for (let granule = 0; granule < count * 32 * MAP_WORDS; granule++) {
        const isLast = granule + granules > count * 32 * MAP_WORDS;
        if ((granule % granules !== 0 || isLast) && random.chance(0.2))
          words[map + (granule >>> 5)] |= 1 << granule;
      }
      page += count;
    } else {
      const number = random.pick([1, given, pool.cacheCount + 1, 0]);
      const order = random.below(3);
      // A slab's word whose block is free, or another's; one of a cache that is no more; a large allocation that is gone.
      if (!buddy.isAllocated(page * PAGE)) {
        words[layout.pages + page] = random.chance(0.3)
          ? L.PAGE_LARGE
          : number | (order << L.PAGE_ORDER_SHIFT);
      }
      for (let word = 0; word < MAP_WORDS; word++) words[map + word] = random.below(2 ** 32);
      page++;
    }
  }
  rebuildPool(pool, () => true);
  expect(tablesOf(pool)).toEqual(before);
  pool.check();
  // Done twice, it does no harm.
  rebuildPool(pool, () => true);
  expect(tablesOf(pool)).toEqual(before);
  pool.check();
});

test("a page word that does not fit its block is no slab's", () => {
  const { buddy, pool, given } = make(1, 0);
  const { words, layout } = pool;
  const pages = Array.from({ length: PAGE_COUNT }, (_, page) => page).filter(
    (page) => pool.cacheAt(page * PAGE) === 0 && buddy.isAllocated(page * PAGE),
  );
  const [one, two, three, four] = pages.filter((page) => buddy.sizeOf(page * PAGE) === PAGE);
  const wrong = new Map([
    [one!, 1 | (1 << L.PAGE_ORDER_SHIFT)],
    [two!, given],
    [three!, pool.cacheCount + 1],
    [four!, 0],
  ]);
  const largeObjects = words[layout.caches + L.POOL_LARGE_OBJECTS]!;
  for (const [page, word] of wrong) words[layout.pages + page] = word;
  rebuildPool(pool, () => true);
  for (const page of wrong.keys()) expect(words[layout.pages + page]).toBe(0);
  expect(words[layout.caches + L.POOL_LARGE_OBJECTS]).toBe(largeObjects - 4);
  for (const page of wrong.keys()) buddy.free(page * PAGE);
  pool.check();
});

test("the current slab of a thread that goes on stays off the lists, if it is one of its cache", () => {
  const made = make(2, 0);
  const { buddy, pool } = made;
  const { words, layout } = pool;
  const slabOf = (number: number): number => {
    for (let page = 0; ; page++) if (isSlab(made, page) && pool.cacheAt(page * PAGE) === number) return page;
  };
  const last = pool.cacheCount;
  const [small, large] = [slabOf(1), slabOf(last)];
  const current = (number: number): number => layout.currents + number;
  const isSetAside = (page: number): boolean =>
    words[layout.links + page * L.LINK_WORDS + L.LINK_PREVIOUS] === L.SET_ASIDE;
  words[current(1)] = small + 1;
  words[current(2)] = small + 1;
  words[current(3)] = 0;
  words[current(last)] = large + 1;
  rebuildPool(pool, (thread) => thread === 0);
  expect([isSetAside(small), isSetAside(large)]).toEqual([true, true]);
  expect([1, 2, 3, last].map((number) => words[current(number)])).toEqual([small + 1, 0, 0, large + 1]);
  // A free page, and one that the space does not have.
  const free = [...buddy.blocks()].find((block) => block.free)!.offset / PAGE;
  words[current(1)] = free + 1;
  words[current(2)] = 0;
  rebuildPool(pool, () => true);
  expect([isSetAside(small), isSetAside(large)]).toEqual([false, true]);
  expect(words[current(1)]).toBe(0);
  rebuildPool(pool, () => false);
  expect(isSetAside(large)).toBe(false);
  expect(words[current(last)]).toBe(0);
  pool.check();
});
