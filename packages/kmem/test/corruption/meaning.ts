/**
 * Which bits of a heap's tables carry no meaning in a given state: nothing that a heap does depends on them, and `check()`
 * passes them over. All others, it must find.
 */
import { HEAD, USED } from "../../src/buddy/page-map.ts";
import { END_PAGE, RESIZE_END } from "../../src/buddy/tables.ts";
import * as L from "../../src/slab/layout.ts";
import type { Bit, Corruptible } from "./corruptible.ts";

/** Why the bits carry none. */
export const MEANINGLESS = {
  magazine: "a magazine's words above its topmost slot, which the next slots overwrite",
  "no cache": "the words of a number that no cache has yet, or any more: a new cache sets them all",
  padding: "words that the layout leaves free: before and between magazines, and in the words of a cache",
  "space to come": "tables of the space that the heap may grow into",
  links: "the links of a page at which no listed slab begins: whoever lists one sets them",
  owner: "the thread that made a large allocation: only shared heaps have more than one",
  resize: "where a resize ends, while none is under way",
  note: "the note that a run began here and was freed: it decides between DOUBLE_FREE and INVALID_FREE alone",
} as const;

/** Why a bit carries no meaning. */
export type Reason = keyof typeof MEANINGLESS;

/** Of a word of the part of the pool's words that comes before the maps. */
function ofCacheWord({ pool }: Corruptible, at: number): Reason | undefined {
  const { layout, words, cacheCount } = pool;
  const isMade = (number: number): boolean => number >= 1 && number <= cacheCount;
  if (at < layout.currents) return isMade(at >> 1) ? undefined : "no cache";
  if (at < layout.magazines) {
    const number = at - layout.currents;
    if (number > pool.cacheLimit) return "padding";
    return isMade(number) ? undefined : "no cache";
  }
  if (at < layout.caches) {
    const number = magazineAt(pool, at);
    if (number === undefined) return "padding";
    if (!isMade(number)) return "no cache";
    return at > words[2 * number]! ? "magazine" : undefined;
  }
  const number = Math.floor((at - layout.caches) / L.CACHE_WORDS);
  const word = (at - layout.caches) % L.CACHE_WORDS;
  if (number === 0) return word <= L.POOL_LARGE_OBJECTS ? undefined : "padding";
  if (!isMade(number)) return "no cache";
  return word > L.CACHE_MAGAZINE_DEPTH && word < L.BUCKETS ? "padding" : undefined;
}

/** The cache in whose magazine the word at `at` lies, that below its first slot counted; undefined between magazines. */
function magazineAt({ layout, cacheLimit }: Corruptible["pool"], at: number): number | undefined {
  for (let number = 0; number <= cacheLimit; number++) {
    const start = L.magazineStart(layout, number);
    if (at >= start && at <= start + L.magazineRoom(layout, number)) return number;
  }
  return undefined;
}

/** Of a bit of a word that tells of a place in the space. */
function ofSpaceWord({ pool }: Corruptible, at: number, bit: number): Reason | undefined {
  const { layout, words, buddy } = pool;
  const parts: [start: number, end: number, bytesPerWord: number][] = [
    [layout.inUse, layout.depot, 32 * pool.granule],
    [layout.depot, layout.summary, 32 * pool.granule],
    [layout.summary, layout.slabs, 1024 * pool.granule],
    [layout.slabs, layout.links, buddy.pageSize / L.SLAB_WORDS],
    [layout.links, layout.pages, buddy.pageSize / L.LINK_WORDS],
    [layout.pages, layout.wordCount, buddy.pageSize],
  ];
  const [start, , bytesPerWord] = parts.find(([, end]) => at < end)!;
  const offset = (at - start) * bytesPerWord;
  if (offset >= buddy.base + buddy.size) return "space to come";
  const page = Math.floor(offset / buddy.pageSize);
  if (start === layout.links) {
    return words[layout.slabs + page * L.SLAB_WORDS + L.SLAB_FREE] === 0 ? "links" : undefined;
  }
  if (start !== layout.pages || words[at]! >= 0) return undefined;
  return bit >= L.PAGE_OWNER_SHIFT && bit < 31 ? "owner" : undefined;
}

/** Why `bit` carries no meaning in the state that `subject` is in, a sound one; undefined when it has one. */
export function whyMeaningless(subject: Corruptible, { table, at, bit }: Bit): Reason | undefined {
  const { array, name } = table;
  if (name === "pool words") {
    return at < subject.pool.layout.inUse ? ofCacheWord(subject, at) : ofSpaceWord(subject, at, bit);
  }
  if (name === "buddy state") return at === RESIZE_END ? "resize" : undefined;
  if (name === "page map") {
    const state = subject.tables.find((each) => each.name === "buddy state")!.array;
    if (at >= state[END_PAGE]!) return "space to come";
    const isNote = 1 << bit === HEAD && (array[at]! & USED) === 0;
    // Of a run that waits it is the sign that it is free.
    const waiting = subject.tables.find((each) => each.name === "waiting runs")!.array;
    return isNote && !waiting.includes(at + 1) ? "note" : undefined;
  }
  return undefined;
}
