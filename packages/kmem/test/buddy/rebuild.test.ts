/** What a dead thread may leave of a change, and how it is put right. */
import { describe, expect, test } from "vitest";
import { BuddyAllocator } from "kmem";
import { FreeLists, freeListWordCount } from "../../src/buddy/free-lists.ts";
import { BLOCK, HEAD, MORE, USED } from "../../src/buddy/page-map.ts";
import { rebuildBuddy } from "../../src/buddy/rebuild.ts";
import { type BuddyTables, RESIZE_END, RESIZE_START, STATE_WORDS } from "../../src/buddy/tables.ts";
import { WAITING_WORDS } from "../../src/buddy/waiting-runs.ts";

const PAGE = 4096;
const PAGE_COUNT = 32;
const MAX_ORDER = 5;

function make(): { buddy: BuddyAllocator; tables: BuddyTables; rebuild: (owned?: boolean) => void } {
  const tables: BuddyTables = {
    state: new Int32Array(STATE_WORDS),
    pages: new Uint8Array(PAGE_COUNT),
    lists: new Int32Array(freeListWordCount(PAGE_COUNT, MAX_ORDER)),
    waiting: new Int32Array(WAITING_WORDS),
  };
  const buddy = new BuddyAllocator({ size: PAGE_COUNT * PAGE }, tables);
  const lists = new FreeLists(PAGE_COUNT, MAX_ORDER, tables.lists);
  return { buddy, tables, rebuild: (owned = true) => rebuildBuddy(tables, lists, 0, () => owned) };
}

/** The pages of what is allocated, as `first+count`. */
function allocated(buddy: BuddyAllocator): string[] {
  return [...buddy.blocks()]
    .filter(({ free }) => !free)
    .map(({ offset, byteLength }) => `${offset / PAGE}+${byteLength / PAGE}`);
}

describe("tables that were used before", () => {
  test("are taken over with what is in them", () => {
    const { buddy, tables } = make();
    const run = buddy.allocatePages(5);
    const other = new BuddyAllocator({ size: PAGE_COUNT * PAGE }, tables);
    expect(other.sizeOf(run)).toBe(5 * PAGE);
    expect([...other.blocks()]).toEqual([...buddy.blocks()]);
    other.free(run);
    expect(buddy.isAllocated(run)).toBe(false);
    buddy.check();
  });
});

describe("a resize", () => {
  test("is written down, its end before its start, before the page map changes", () => {
    const { tables } = make();
    const log: string[] = [];
    const watched = <Words extends Int32Array | Uint8Array>(name: string, words: Words): Words =>
      new Proxy(words, {
        get: (target, key) => {
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
        set: (target, key, value) => {
          log.push(`${name} ${String(key)} = ${value}`);
          return Reflect.set(target, key, value, target);
        },
      });
    const state = watched("state", tables.state);
    const pages = watched("page", tables.pages);
    const buddy = new BuddyAllocator({ size: PAGE_COUNT * PAGE }, { ...tables, state, pages });
    buddy.allocateAt(3 * PAGE, 0);
    const offset = buddy.allocatePages(4);
    expect(offset).toBe(4 * PAGE);
    log.length = 0;
    expect(buddy.resizePages(offset, 5)).toBe(true);
    expect(log.slice(0, 2)).toEqual([`state ${RESIZE_END} = 9`, `state ${RESIZE_START} = 5`]);
    expect(log.at(-1)).toBe(`state ${RESIZE_START} = 0`);
    expect(log.slice(2, -1).every((line) => line.startsWith("page "))).toBe(true);
  });
});

describe("a rebuild", () => {
  test("keeps what is whole and owned, and makes the free lists of the rest", () => {
    const { buddy, tables, rebuild } = make();
    const [block, run, last] = [buddy.allocate(1), buddy.allocatePages(5), buddy.allocate(0)];
    buddy.allocateAt((PAGE_COUNT - 1) * PAGE, 0);
    buddy.free(last);
    const right = tables.lists.slice();
    tables.lists.fill(-1);
    rebuild();
    expect(tables.lists).toEqual(right);
    expect(allocated(buddy)).toEqual([`${block / PAGE}+2`, `${run / PAGE}+5`, `${PAGE_COUNT - 1}+1`]);
    buddy.check();
  });

  test("frees what waited to be merged, and what a thread that died had half written of it", () => {
    const { buddy, tables, rebuild } = make();
    const runs = [buddy.allocatePages(3), buddy.allocatePages(3)];
    for (const run of runs) buddy.freePages(run);
    tables.waiting[0] = 0;
    rebuild();
    expect(buddy.stats().largestFreeBytes).toBe(PAGE_COUNT * PAGE);
    buddy.check();
  });

  test("frees what nobody owns, and keeps the note that it began there", () => {
    const { buddy, rebuild } = make();
    const run = buddy.allocatePages(7);
    rebuild(false);
    expect(allocated(buddy)).toEqual([]);
    buddy.check();
    expect(() => buddy.free(run)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
  });

  test("forgets pieces of a run whose first piece was not yet marked", () => {
    const { buddy, tables, rebuild } = make();
    const run = buddy.allocatePages(7);
    tables.pages[run / PAGE] = 0;
    rebuild();
    expect(allocated(buddy)).toEqual([]);
    expect([...tables.pages]).toEqual(Array.from({ length: PAGE_COUNT }, () => 0));
    buddy.check();
  });

  test.each([
    ["shrinks", 12, 5],
    ["grows", 5, 12],
  ])("finishes the resize of a run that %s", (_, before, after) => {
    const { buddy, tables, rebuild } = make();
    buddy.allocate(0);
    const offset = buddy.allocatePages(before, { align: 16 * PAGE });
    const start = offset / PAGE;
    // Killed after the note of the resize and the first write: a single page has been marked anew.
    tables.state[RESIZE_END] = start + after;
    tables.state[RESIZE_START] = start + 1;
    tables.pages[start] = HEAD;
    rebuild();
    expect(allocated(buddy)).toEqual(["0+1", `${start}+${after}`]);
    expect(tables.state[RESIZE_START]).toBe(0);
    expect(buddy.sizeOf(offset)).toBe(after * PAGE);
    buddy.check();
  });

  test("done twice, or broken off and done again, comes to the same", () => {
    const { buddy, tables, rebuild } = make();
    buddy.allocatePages(3);
    const run = buddy.allocatePages(6);
    tables.pages[run / PAGE] = USED | MORE | 2;
    rebuild();
    const once = [...tables.pages, ...tables.lists];
    rebuild();
    expect([...tables.pages, ...tables.lists]).toEqual(once);
    expect(allocated(buddy)).toEqual(["0+3"]);
    expect(tables.pages[0]! & BLOCK).toBe(BLOCK);
    buddy.check();
  });
});
