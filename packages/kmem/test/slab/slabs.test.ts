import { BuddyAllocator, NONE } from "kmem";
import { describe, expect, test } from "vitest";
import { SlabPool } from "../../src/slab/slab-pool.ts";
import { allocateMany, buddyOf, cacheOf, expectSound, PAGE } from "./helpers.ts";

/** The page that an object lies on. */
const pageOf = (offset: number): number => Math.floor(offset / PAGE);

describe("the size of slabs", () => {
  test.each([1, 16, 100, 512, 1024])("the first slab for %i bytes is one page", (objectSize) => {
    const cache = cacheOf(buddyOf(64), objectSize, { magazineSize: 127 });
    cache.allocate();
    expect(cache.stats()).toMatchObject({ slabs: 1, pages: 1 });
  });

  test("the first slab for an object beyond a page is the smallest block that holds it", () => {
    for (const [objectSize, pages] of [
      [PAGE + 1, 2],
      [2 * PAGE, 2],
      [3 * PAGE, 4],
      [9 * PAGE, 16],
    ]) {
      const cache = cacheOf(buddyOf(64), objectSize);
      cache.allocate();
      expect(cache.stats()).toMatchObject({ slabs: 1, pages });
    }
  });

  test("grows with the population, never shrinks while it grows, and stays bounded", () => {
    const buddy = buddyOf(4096);
    const cache = cacheOf(buddy, 64);
    const slabPages: number[] = [];
    let { pages } = cache.stats();
    for (let index = 0; index < 100_000; index++) {
      cache.allocate();
      const now = cache.stats().pages;
      if (now > pages) slabPages.push(now - pages);
      pages = now;
    }
    expect(slabPages[0]).toBe(1);
    expect(slabPages).toEqual(slabPages.toSorted((a, b) => a - b));
    expect(slabPages.at(-1)).toBeGreaterThan(1);
    expect(slabPages.at(-1)).toBeLessThanOrEqual(64);
    expectSound(cache, buddy, 100_000);
  });

  test("a cache that grew holds little more than its objects need", () => {
    const cache = cacheOf(buddyOf(4096), 48);
    for (let count = 1; count <= 50_000; count++) {
      cache.allocate();
      const { pages } = cache.stats();
      const needed = Math.ceil((count * 48) / PAGE);
      // Each page may lose its tail of 16 bytes, and the newest slab is a quarter of the rest at most.
      if (pages > needed * 1.3 + 2) expect.fail(`${pages} pages for ${count} objects`);
    }
    expect(cache.stats().objects).toBe(50_000);
  });

  test.each([
    [64, 8],
    [2048, 8],
    [8192, 16],
    [12_288, 16],
  ])("of slots of %i bytes is %i pages for a large population", (objectSize, pages) => {
    const buddy = buddyOf(16_384);
    const cache = cacheOf(buddy, objectSize);
    allocateMany(cache, Math.floor((40 * 2 ** 20) / objectSize));
    const sizes = [...buddy.blocks()].filter(({ free }) => !free).map(({ byteLength }) => byteLength / PAGE);
    expect(Math.max(...sizes)).toBe(pages);
  });

  test("of those that a cache may have by now is the one that wastes least, the larger of equals", () => {
    const cache = cacheOf(buddyOf(8192), 1248);
    const sizes = new Map<number, number>();
    let { pages } = cache.stats();
    for (let count = 0; count < 20_000; count++) {
      cache.allocate();
      const now = cache.stats().pages;
      if (now > pages) sizes.set(now - pages, now);
      pages = now;
    }
    // Of 1, 2, 4 and 8 pages 352, 704, 160 and 320 bytes are left: the same share of the first two, and of the others.
    expect([...sizes.keys()].toSorted((a, b) => a - b)).toEqual([1, 2, 4, 8]);
    // A slab takes a 32nd of the cache's pages at most.
    expect(sizes.get(1)).toBeLessThanOrEqual(64);
    expect(sizes.get(2)).toBeLessThanOrEqual(130);
    expect(sizes.get(4)).toBeLessThanOrEqual(260);
  });

  test("is asked for of whoever can make room, before a smaller slab is made", () => {
    const fill = (answer: boolean): { asked: number[]; sizes: Set<number>; slots: number } => {
      const buddy = new BuddyAllocator({ size: 512 * PAGE, maxSize: 1024 * PAGE });
      const asked: number[] = [];
      const pool = new SlabPool(buddy, 16, 1, (order) => {
        asked.push(order);
        if (answer && buddy.size < buddy.maxSize) buddy.grow(buddy.maxSize);
        return answer;
      });
      const number = pool.addCache({ name: "objects", objectSize: 64, slotSize: 64, magazineSize: 1 });
      // The cache is large enough for slabs of eight pages; of free pages there are single ones only.
      while (pool.stats(number).pages < 300) pool.allocate(number);
      const rest: number[] = [];
      for (let page = buddy.tryAllocate(0); page !== NONE; page = buddy.tryAllocate(0)) rest.push(page);
      for (const page of rest) if (pageOf(page) % 2 === 1) buddy.free(page);
      expect(asked).toEqual([]);
      let { pages } = pool.stats(number);
      const sizes = new Set<number>();
      let slots = 0;
      while ((pool.allocate(number) | 0) !== -1) {
        slots++;
        const now = pool.stats(number).pages;
        if (now > pages) sizes.add(now - pages);
        pages = now;
      }
      return { asked, sizes, slots };
    };
    const grown = fill(true);
    expect(grown.asked[0]).toBe(3);
    expect([...grown.sizes][0]).toBe(8);
    const refused = fill(false);
    expect(refused.asked[0]).toBe(3);
    expect([...refused.sizes]).toEqual([1]);
    // In the end there is no page at all, and it is asked for the least.
    expect(refused.asked.at(-1)).toBe(0);
    expect(refused.slots).toBeGreaterThan(0);
  });

  test("takes a smaller slab where the wanted one finds no block", () => {
    const buddy = buddyOf(256);
    const cache = cacheOf(buddy, 512);
    allocateMany(cache, 128 * 8);
    // Leave only single pages: every other page of what is free.
    const rest: number[] = [];
    for (let page = buddy.tryAllocate(0); page !== NONE; page = buddy.tryAllocate(0)) rest.push(page);
    const odd = rest.filter((page) => pageOf(page) % 2 === 1);
    for (const page of odd) buddy.free(page);
    expect(buddy.stats().largestFreeBytes).toBe(PAGE);
    const before = cache.stats();
    let count = 0;
    while (cache.tryAllocate() !== NONE) count++;
    expect(count).toBeGreaterThanOrEqual(odd.length * 8);
    expect(cache.stats().pages).toBe(before.pages + odd.length);
    expectSound(cache, buddy, 128 * 8 + count);
  });
});

describe("which slab is taken from", () => {
  /** A cache with four full slabs of a page and four slots each, and their objects by page. */
  function fourFullSlabs() {
    const buddy = buddyOf(16);
    const cache = cacheOf(buddy, 1024);
    const byPage = new Map<number, number[]>();
    for (const offset of allocateMany(cache, 16)) {
      byPage.set(pageOf(offset), [...(byPage.get(pageOf(offset)) ?? []), offset]);
    }
    expect(cache.stats()).toMatchObject({ slabs: 4, fullSlabs: 4, pages: 4 });
    return { buddy, cache, slabs: [...byPage.values()] };
  }

  test("the fullest first, so that the emptiest can be given back", () => {
    const { buddy, cache, slabs } = fourFullSlabs();
    // Three free in slab 0, one in slab 1, two in slab 2; the last freed waits in the magazine, in slab 3.
    for (const offset of [slabs[0][0], slabs[0][1], slabs[0][2], slabs[1][0], slabs[2][0], slabs[2][1]]) {
      cache.free(offset);
    }
    cache.free(slabs[3][0]);
    expect(cache.stats()).toMatchObject({ objects: 9, magazineSlots: 1, partialSlabs: 3, fullSlabs: 1 });
    const order = allocateMany(cache, 7).map(pageOf);
    const [first, second, third, fourth] = slabs.map((slab) => pageOf(slab[0]));
    expect(order[0]).toBe(fourth);
    expect(order[1]).toBe(second);
    expect(order.slice(2, 4)).toEqual([third, third]);
    expect(order.slice(4)).toEqual([first, first, first]);
    expectSound(cache, buddy, 16);
  });

  test("an empty slab last", () => {
    const { cache, slabs } = fourFullSlabs();
    for (const offset of slabs[0]) cache.free(offset);
    cache.free(slabs[2][1]);
    cache.free(slabs[3][1]);
    expect(cache.stats()).toMatchObject({ emptySlabs: 1, magazineSlots: 1 });
    expect(pageOf(cache.allocate())).toBe(pageOf(slabs[3][0]));
    expect(pageOf(cache.allocate())).toBe(pageOf(slabs[2][0]));
    expect(pageOf(cache.allocate())).toBe(pageOf(slabs[0][0]));
  });

  test("no new slab while a slot is free", () => {
    const { cache, slabs } = fourFullSlabs();
    for (const slab of slabs) cache.free(slab[1]);
    allocateMany(cache, 4);
    expect(cache.stats()).toMatchObject({ slabs: 4, fullSlabs: 4 });
    cache.allocate();
    expect(cache.stats().slabs).toBe(5);
  });
});

describe("empty slabs", () => {
  test("go back to the pages, but for two that are kept", () => {
    const buddy = buddyOf(32);
    const cache = cacheOf(buddy, 1024, { magazineSize: 8 });
    const offsets = allocateMany(cache, 64);
    expect(buddy.stats().allocatedPages).toBe(16);
    for (const offset of offsets) cache.free(offset);
    const stats = cache.stats();
    expect(stats.objects).toBe(0);
    expect(stats.emptySlabs).toBe(2);
    // The spares, and the slabs of the slots in the magazine.
    expect(stats.slabs).toBeLessThanOrEqual(2 + stats.magazineSlots);
    expect(stats.pages).toBeLessThan(16);
    expect(buddy.stats().allocatedPages).toBe(stats.pages);
    expectSound(cache, buddy, 0);
  });

  test("the spare is used before a new slab is made", () => {
    const buddy = buddyOf(16);
    let constructed = 0;
    const cache = cacheOf(buddy, PAGE, { construct: () => constructed++ });
    for (let round = 0; round < 10; round++) cache.free(cache.allocate());
    expect(constructed).toBe(1);
  });

  test("shrink gives every one back, and the magazine's slots to their slabs", () => {
    const buddy = buddyOf(64);
    const cache = cacheOf(buddy, 256, { magazineSize: 64 });
    const offsets = allocateMany(cache, 300);
    for (const offset of offsets.slice(1)) cache.free(offset);
    cache.shrink();
    expect(cache.stats()).toMatchObject({ objects: 1, magazineSlots: 0, emptySlabs: 0, slabs: 1 });
    expectSound(cache, buddy, 1);
    cache.free(offsets[0]);
    cache.shrink();
    expect(cache.stats()).toMatchObject({ slabs: 0, pages: 0, slots: 0, magazineSlots: 0 });
    expect([...buddy.blocks()]).toEqual([{ offset: 0, byteLength: 64 * PAGE, order: 6, free: true }]);
    expectSound(cache, buddy, 0);
  });

  test("shrink of a cache that never had an object changes nothing", () => {
    const buddy = buddyOf(4);
    const cache = cacheOf(buddy, 64);
    cache.shrink();
    expect(cache.stats()).toMatchObject({ slabs: 0, objects: 0 });
    expectSound(cache, buddy, 0);
  });
});
