import { describe, expect, test } from "vitest";
import * as L from "../../src/slab/layout.ts";

/** Spaces with few caches and many, small and large, of one thread and of several. */
const SPACES: readonly L.PoolSpace[] = [
  { cacheLimit: 1, endOffset: 4096, granule: 16, pageSize: 4096, threadCount: 1 },
  { cacheLimit: 63, endOffset: 2 ** 20, granule: 16, pageSize: 4096, threadCount: 1 },
  { cacheLimit: 64, endOffset: 2 ** 24, granule: 8, pageSize: 4096, threadCount: 1 },
  { cacheLimit: 65, endOffset: 2 ** 24, granule: 16, pageSize: 65536, threadCount: 1 },
  { cacheLimit: L.MAX_CACHE_COUNT, endOffset: 2 ** 32, granule: 16, pageSize: 4096, threadCount: 1 },
  { cacheLimit: 1, endOffset: 4096 * 3, granule: 16, pageSize: 4096, threadCount: 2 },
  { cacheLimit: 97, endOffset: 2 ** 26, granule: 16, pageSize: 4096, threadCount: 5 },
];

/** Words of a cache line, which parts begin with. */
const LINE_WORDS = 16;

interface Stretch {
  readonly name: string;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** The magazines of a thread's region, word 0 of each with them, by where they lie. */
function magazinesOf(layout: L.PoolLayout, cacheLimit: number): Stretch[] {
  const magazines: Stretch[] = [];
  for (let number = 0; number <= cacheLimit; number++) {
    const start = L.magazineStart(layout, number);
    const words = 1 + (number === 0 ? 0 : L.magazineRoom(layout, number));
    magazines.push({ name: `magazine ${number}`, start, end: start + words });
  }
  return magazines.sort((a, b) => a.start - b.start);
}

/** Expects that stretches follow each other within `end`, and how many words no stretch has at most. */
function expectApart(stretches: readonly Stretch[], end: number, maxUnused: number): void {
  let at = 0;
  let unused = 0;
  for (const stretch of [...stretches, { name: "the end", start: end, end }]) {
    expect(stretch.start, stretch.name).toBeGreaterThanOrEqual(at);
    unused += stretch.start - at;
    at = stretch.end;
  }
  expect(unused).toBeLessThanOrEqual(maxUnused);
}

describe.each(SPACES)(
  "the tables for $cacheLimit caches, $threadCount threads, $endOffset bytes",
  (space) => {
    const { cacheLimit, endOffset, granule, pageSize, threadCount } = space;
    const numbers = cacheLimit + 1;

    test("have the tops, the currents and the magazines of a region apart, and close", () => {
      const layout = L.poolLayout(space);
      const tables = [
        { name: "tops", start: 0, end: 2 * numbers },
        { name: "currents", start: layout.currents, end: layout.currents + numbers },
        ...magazinesOf(layout, cacheLimit),
      ];
      // A line after each deep magazine, the rest of a line before them all, and what number 0 does not use of its own.
      const maxUnused = (layout.deepCaches + 1) * LINE_WORDS + L.MAGAZINE_WORDS;
      expectApart(tables, layout.regionWords, maxUnused);
    });

    test("have all parts apart, each long enough for its space", () => {
      const layout = L.poolLayout(space);
      const mapWords = Math.ceil(endOffset / granule / 32);
      const pages = Math.ceil(endOffset / pageSize);
      const parts = [
        { name: "regions", start: 0, end: threadCount * layout.regionWords },
        { name: "caches", start: layout.caches, end: layout.caches + numbers * L.CACHE_WORDS },
        { name: "in-use map", start: layout.inUse, end: layout.inUse + mapWords },
        { name: "depot map", start: layout.depot, end: layout.depot + mapWords },
        { name: "summary", start: layout.summary, end: layout.summary + Math.ceil(mapWords / 32) },
        { name: "slab words", start: layout.slabs, end: layout.slabs + pages * L.SLAB_WORDS },
        { name: "links", start: layout.links, end: layout.links + pages * L.LINK_WORDS },
        { name: "page words", start: layout.pages, end: layout.pages + pages },
      ];
      // The rest of a line behind each map.
      expectApart(parts, layout.wordCount, 3 * LINE_WORDS);
      expect(layout.pages + pages, "page words come last").toBe(layout.wordCount);
    });

    test("give deep magazines to a pool of one thread alone", () => {
      const layout = L.poolLayout(space);
      expect(layout.deepCaches > 0).toBe(threadCount === 1);
      const rooms = new Set<number>();
      for (let number = 1; number <= cacheLimit; number++) rooms.add(L.magazineRoom(layout, number));
      expect(Math.max(...rooms)).toBeLessThanOrEqual(L.MAX_MAGAZINE_SIZE);
      expect(rooms.size).toBe(threadCount === 1 && layout.deepCaches < cacheLimit ? 2 : 1);
    });
  },
);
