/** Slots on their way home, step by step: where what one thread frees of another one's waits, and what becomes of it. */
import { SharedHeap } from "kmem";
import type { Inboxes } from "../../src/shared/inboxes.ts";
import type { SharedPool } from "../../src/shared/shared-pool.ts";
import { magazineStart } from "../../src/slab/layout.ts";
import { beforeEach, describe, expect, test } from "vitest";

/** Bytes of an object of which a magazine, and so an inbox, holds eight; four are moved at once. */
const BYTES = 8192;
const OBJECTS = 64;

let maker: SharedHeap;
let other: SharedHeap;

beforeEach(() => {
  maker = SharedHeap.create({ size: OBJECTS * BYTES, maxThreads: 3 });
  other = SharedHeap.attach(maker.handle);
});

function poolOf(heap: SharedHeap): SharedPool {
  return heap["sharedPool"];
}

function inboxesOf(heap: SharedHeap): Inboxes {
  return poolOf(heap)["inboxes"];
}

/** The slots of a cache that wait in a thread's inbox. */
function waitingFor(heap: SharedHeap, name = "malloc-8192"): number {
  return inboxesOf(heap).count(heap.threadId, poolOf(heap).numberOf(name, 1));
}

/** Has `heap` make so many objects; where it is a multiple of four, its magazine is empty then. */
function make(heap: SharedHeap, count: number): number[] {
  return Array.from({ length: count }, () => heap.malloc(BYTES));
}

function free(heap: SharedHeap, offsets: readonly number[]): void {
  for (const offset of offsets) heap.free(offset);
  heap.check({ quiet: true });
}

describe("slots that a full magazine gives up", () => {
  test("are used by whoever had made their objects, in the order in which they were freed", () => {
    const offsets = make(maker, 12);
    free(other, offsets);
    expect(waitingFor(maker)).toBe(4);
    expect(make(maker, 4)).toEqual(offsets.slice(0, 4));
    expect(waitingFor(maker)).toBe(0);
    maker.check({ quiet: true });
  });

  test("go to the slabs once the inbox is full", () => {
    free(other, make(maker, 24));
    expect(waitingFor(maker)).toBe(8);
    const { magazineSlots } = maker.stats().caches.find(({ name }) => name === "malloc-8192")!;
    expect(magazineSlots).toBe(8 + 8);
  });

  test("go to the slabs when the thread has left", () => {
    const offsets = make(maker, 12);
    maker.detach();
    free(other, offsets);
    expect(waitingFor(other)).toBe(0);
    other.shrink();
    expect(other.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
  });

  test("go to the slabs when the thread has died, and what waited for it as well", () => {
    const offsets = make(maker, 24);
    free(other, offsets.slice(0, 12));
    expect(other.recover(maker.threadId)).toMatchObject({ heldLock: false, slots: 4 });
    other.check({ quiet: true });
    free(other, offsets.slice(12));
    other.shrink();
    expect(other.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
  });

  test("are all given back when a thread has died with the lock", () => {
    free(other, make(maker, 12));
    const third = SharedHeap.attach(maker.handle);
    third["lock"].acquire();
    expect(other.recover(third.threadId).heldLock).toBe(true);
    expect(waitingFor(maker)).toBe(0);
    other.check({ quiet: true });
  });
});

describe("what waits in inboxes", () => {
  test("goes back with what its thread holds free", () => {
    free(other, make(maker, 12));
    other.shrink();
    maker.shrink();
    expect(maker.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
    maker.check({ quiet: true });
  });

  test("is taken by others, as their current slabs are, before an allocation fails", () => {
    free(other, make(maker, OBJECTS));
    other.shrink();
    const offsets = make(other, OBJECTS);
    expect(new Set(offsets).size).toBe(OBJECTS);
    expect(other.tryMalloc(BYTES)).toBe(-1);
    other.check({ quiet: true });
  });

  test("does not keep a cache from being destroyed", () => {
    const nodes = maker.createCache({ name: "nodes", objectSize: BYTES });
    const opened = other.openCache("nodes");
    const offsets = Array.from({ length: 24 }, () => nodes.allocate());
    nodes.shrink();
    for (const offset of offsets) opened.free(offset);
    expect(waitingFor(maker, "nodes")).toBeGreaterThan(0);
    opened.destroy();
    expect(maker.stats().heldBytes).toBe(0);
    maker.check({ quiet: true });
  });

  test("is forgotten with all else by reset", () => {
    free(other, make(maker, 12));
    other.detach();
    maker.reset();
    expect(maker.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
    free(maker, make(maker, 12));
  });
});

describe("spoilt words", () => {
  test.each([0, 3, 4, 255])("of homes, %d in each, do no harm", (home) => {
    const offsets = make(maker, 24);
    inboxesOf(maker)["homes"].fill(home);
    free(other, offsets);
    expect(waitingFor(maker)).toBe(0);
    const again = [...make(maker, 12), ...make(other, 12)];
    expect(new Set(again).size).toBe(24);
    maker.check({ quiet: true });
  });

  test.each([
    ["the top of an inbox", "S1 broken: inbox 33 of thread 0 has 1000 slots", "inbox"],
    ["the top of a magazine", "S1 broken: magazine 33 has 1000 slots", "magazine"],
    ["a slot in a magazine", "S4 broken: no slab of cache 33 begins at page 60", "slot"],
  ] as const)("of %s are found before they are followed", (_, message, what) => {
    const offsets = make(maker, 12);
    free(other, offsets.slice(0, 8));
    const pool = poolOf(other);
    const region = { inbox: inboxesOf(maker).region(0), magazine: pool["region"], slot: pool["region"] }[
      what
    ];
    const bottom = region + magazineStart(pool.layout, 33);
    if (what === "slot") pool.words[bottom + 1] = 60 * 4096 + 1;
    else pool.words[region + 2 * 33] = bottom + 1000;
    expect(() => other.free(offsets[8]!)).toThrow(expect.objectContaining({ code: "CORRUPTED" }));
    expect(() => other.free(offsets[8]!)).toThrow(message);
  });
});
