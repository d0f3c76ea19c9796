/**
 * The cases that the kernel names in its tests of the GPU buddy allocator, each written anew for this one.
 *
 * Linux, drivers/gpu/tests/gpu_buddy_test.c.
 */
import { BuddyAllocator, NONE, OutOfMemoryError } from "kmem";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Random } from "./model/random.ts";

const PAGE = 4096;
const KIB = 1024;
const MIB = 1024 * KIB;

/** An allocator of `pageCount` pages of 4 KiB. */
function pages(pageCount: number): BuddyAllocator {
  return new BuddyAllocator({ size: pageCount * PAGE, pageSize: PAGE });
}

function freeAll(buddy: BuddyAllocator, offsets: number[]): void {
  for (const offset of offsets.splice(0)) buddy.free(offset);
}

/** Allocates blocks of `order` until there are no more. */
function exhaust(buddy: BuddyAllocator, order: number): number[] {
  const offsets: number[] = [];
  for (let offset = buddy.tryAllocate(order); offset !== NONE; offset = buddy.tryAllocate(order))
    offsets.push(offset);
  return offsets;
}

describe("the kernel's cases for buddy allocators", () => {
  let buddy: BuddyAllocator;
  const live: number[] = [];

  beforeEach(() => {
    live.length = 0;
  });

  /** Whatever a case did, freeing it leaves what a new allocator has. */
  afterEach(() => {
    buddy.check();
    freeAll(buddy, live);
    buddy.check();
    const fresh = new BuddyAllocator({
      size: buddy.size,
      pageSize: buddy.pageSize,
      maxOrder: buddy.maxOrder,
    });
    expect([...buddy.blocks()]).toEqual([...fresh.blocks()]);
  });

  it("limit: the largest block of the largest space is all of it", () => {
    buddy = new BuddyAllocator({ size: 2 ** 26 * PAGE, pageSize: PAGE });
    expect(buddy.maxOrder).toBe(26);
    live.push(buddy.allocate(26));
    expect(live[0]).toBe(0);
    expect(buddy.sizeOf(0)).toBe(2 ** 38);
    expect(buddy.tryAllocate(0)).toBe(NONE);
    expect(() => new BuddyAllocator({ size: 2 ** 26 * PAGE + PAGE, pageSize: PAGE })).toThrow(RangeError);
  });

  it("optimistic: a space of one block of each order is filled by rising order", () => {
    const maxOrder = 12;
    buddy = pages(2 ** (maxOrder + 1) - 1);
    expect(buddy.stats().freeBlocks).toEqual(Array.from({ length: maxOrder + 1 }, () => 1));
    for (let order = 0; order <= maxOrder; order++) live.push(buddy.allocate(order));
    expect(buddy.freeBytes).toBe(0);
    for (let order = 0; order <= maxOrder; order++) expect(buddy.tryAllocate(order)).toBe(NONE);
  });

  it("pessimistic: one block of each order and a page fill a power of two; then nothing fits", () => {
    const maxOrder = 12;
    buddy = pages(2 ** maxOrder);
    for (let order = 0; order < maxOrder; order++) live.push(buddy.allocate(order));
    const last = buddy.allocate(0);
    for (let order = 0; order <= maxOrder; order++) expect(buddy.tryAllocate(order)).toBe(NONE);
    // Freed by rising order, each block merges with all before it: the next order is there again.
    buddy.free(last);
    for (let order = 0; order < maxOrder; order++) {
      buddy.free(live.shift()!);
      const merged = buddy.tryAllocate(order + 1);
      expect(merged, `order ${order + 1}`).not.toBe(NONE);
      buddy.free(merged);
    }
    expect(buddy.stats().largestFreeBytes).toBe(buddy.size);
  });

  it("pathological: each order's block is whittled down to smaller ones and a hole of one page", () => {
    const maxOrder = 6;
    buddy = pages(2 ** maxOrder);
    const holes: number[] = [];
    for (let top = maxOrder; top > 0; top--) {
      // A block of this order makes room for the round, which cuts it up.
      const largest = live.findIndex((offset) => buddy.sizeOf(offset) === 2 ** top * PAGE);
      if (top < maxOrder) buddy.free(live.splice(largest, 1)[0]!);
      for (let order = top - 1; order >= 0; order--) live.push(buddy.allocate(order));
      holes.push(buddy.allocate(0));
      expect(buddy.tryAllocate(top)).toBe(NONE);
      expect(buddy.freeBytes).toBe(0);
    }
    freeAll(buddy, holes);
    expect(buddy.stats().freeBlocks).toEqual([maxOrder, 0, 0, 0, 0, 0, 0]);
    for (let order = 1; order <= maxOrder; order++) expect(buddy.tryAllocate(order)).toBe(NONE);
    expect(() => buddy.allocate(1)).toThrow(OutOfMemoryError);
  });

  it("pathological: half of the space is free, in holes of one order, and no larger block is to be had", () => {
    buddy = pages(256);
    for (let order = 0; order < buddy.maxOrder; order++) {
      const blocks = exhaust(buddy, order);
      expect(blocks.length).toBe(2 ** (8 - order));
      for (let index = 0; index < blocks.length; index += 2) buddy.free(blocks[index]!);
      expect(buddy.freeBytes).toBe(buddy.size / 2);
      expect(buddy.tryAllocate(order + 1)).toBe(NONE);
      expect(buddy.tryAllocatePages(2 ** order + 1)).toBe(NONE);
      buddy.check();
      for (let index = 1; index < blocks.length; index += 2) buddy.free(blocks[index]!);
      expect(buddy.stats().largestFreeBytes).toBe(buddy.size);
    }
  });

  it("contiguous: runs are found across blocks that are no buddies", () => {
    buddy = pages(3 * 16);
    const lists: [number[], number[], number[]] = [[], [], []];
    for (const offset of exhaust(buddy, 0)) lists[(offset / PAGE) % 3]!.push(offset);
    const [left, middle, right] = lists;
    expect(buddy.tryAllocatePages(3)).toBe(NONE);
    freeAll(buddy, middle);
    expect(buddy.tryAllocatePages(2)).toBe(NONE);
    freeAll(buddy, right);
    expect(buddy.tryAllocatePages(3)).toBe(NONE);
    // Pages 1 and 2, 4 and 5, …: every other pair is not of one block.
    for (let pair = 0; pair < 16; pair++) live.push(buddy.allocatePages(2));
    const places = live.map((offset) => offset / PAGE).sort((a, b) => a - b);
    expect(places).toEqual(Array.from({ length: 16 }, (_, pair) => 3 * pair + 1));
    expect(buddy.freeBytes).toBe(0);
    freeAll(buddy, left);
    expect(buddy.tryAllocatePages(2)).toBe(NONE);
    buddy.free(live.pop()!);
    live.push(buddy.allocatePages(3));
  });

  it("range: any slices of the space are claimed exactly, in any order, and only once", () => {
    const random = new Random(11);
    buddy = pages(4096 + 2048 + 1024);
    const ends = new Set([buddy.size / PAGE]);
    while (ends.size < 16) ends.add(random.between(1, buddy.size / PAGE - 1));
    const borders = [0, ...[...ends].sort((a, b) => a - b)];
    const slices = borders.slice(1).map((end, index) => ({ start: borders[index]! * PAGE, end: end * PAGE }));
    slices.sort(() => random.unit() - 0.5);
    for (const { start, end } of slices) {
      buddy.reserve(start, end - start);
      live.push(start);
      expect(buddy.sizeOf(start)).toBe(end - start);
      expect(() => buddy.reserve(start, end - start)).toThrow(/is in use/);
    }
    expect(buddy.freeBytes).toBe(0);
    freeAll(buddy, live);
    live.push(buddy.allocateAt(4 * MIB, 9));
    expect(() => buddy.reserve(0, buddy.size)).toThrow(/is in use/);
    expect(() => buddy.allocateAt(2 * MIB, 10)).toThrow(RangeError);
    expect(() => buddy.reserve(buddy.size, PAGE)).toThrow(RangeError);
  });

  it("biased range: what is asked for within a range never leaks out of it", () => {
    const random = new Random(12);
    buddy = pages(8 * 256 - 3);
    const slice = MIB;
    const starts = Array.from({ length: Math.floor(buddy.size / slice) }, (_, index) => index * slice);
    for (const from of starts.sort(() => random.unit() - 0.5)) {
      const to = from + slice;
      expect(buddy.tryAllocate(9, { from, to }), "larger than the range").toBe(NONE);
      expect(buddy.tryAllocate(8, { from: from + PAGE, to }), "the range begins too late").toBe(NONE);
      expect(buddy.tryAllocate(8, { from, to: to - PAGE }), "the range ends too early").toBe(NONE);
      expect(buddy.tryAllocate(7, { from: from + PAGE, to: to - PAGE }), "no aligned place").toBe(NONE);
      let free = slice;
      while (free > 0) {
        const order = random.below(9);
        const highest = random.chance(0.5);
        const offset = buddy.tryAllocate(order, { from, to, highest });
        if (offset === NONE) {
          if (order === 0) expect(free).toBe(0);
          continue;
        }
        expect(offset).toBeGreaterThanOrEqual(from);
        expect(offset + 2 ** order * PAGE).toBeLessThanOrEqual(to);
        free -= 2 ** order * PAGE;
        live.push(offset);
      }
      expect(buddy.tryAllocate(0, { from, to })).toBe(NONE);
    }
    // The tail is less than a slice and still takes pages.
    live.push(buddy.allocate(0, { from: starts.length * slice }));
    expect(live.at(-1)).toBe(starts.length * slice);
  });

  it("biased range: a range that widens bit by bit is filled to the last page", () => {
    const random = new Random(13);
    buddy = pages(1024 - 5);
    let from = 500 * PAGE;
    let to = 501 * PAGE;
    while (from > 0 || to < buddy.size) {
      for (let offset = buddy.tryAllocate(0, { from, to }); offset !== NONE;) {
        expect(offset >= from && offset + PAGE <= to).toBe(true);
        live.push(offset);
        offset = buddy.tryAllocate(0, { from, to });
      }
      expect(live.length).toBe((to - from) / PAGE);
      from = Math.max(0, from - random.below(40) * PAGE);
      to = Math.min(buddy.size, to + random.below(40) * PAGE);
    }
    live.push(...exhaust(buddy, 0));
    expect(live.length * PAGE).toBe(buddy.size);
  });

  it("exceeding the maximum order: such a block is refused as an argument, such a run is put together", () => {
    buddy = new BuddyAllocator({ size: 10 * 256 * PAGE, pageSize: PAGE, maxOrder: 8 });
    expect(() => buddy.allocate(9)).toThrow(RangeError);
    expect(() => buddy.tryAllocate(9, { from: 0 })).toThrow("order must be an integer from 0 to 8, got 9");
    expect(() => buddy.allocateAt(0, 9)).toThrow(RangeError);
    live.push(buddy.allocatePages(9 * 256));
    expect(buddy.sizeOf(live[0]!)).toBe(9 * 256 * PAGE);
    expect(buddy.tryAllocatePages(257)).toBe(NONE);
    live.push(buddy.allocate(8));
    expect(buddy.freeBytes).toBe(0);
  });

  it("offset-aligned: small runs at large alignments, as many as there are places, also among fragments", () => {
    buddy = pages(1024);
    const align = 256 * KIB;
    const places = buddy.size / align;
    for (const count of [2, 4, 3]) {
      for (let place = 0; place < places; place++) live.push(buddy.allocatePages(count, { align }));
      expect(new Set(live.map((offset) => offset % align))).toEqual(new Set([0]));
      expect(live.map((offset) => buddy.sizeOf(offset))).toEqual(live.map(() => count * PAGE));
      expect(buddy.tryAllocatePages(count, { align })).toBe(NONE);
      // Every other place is freed, taken again, and then there is none.
      const [even, odd] = [0, 1].map((parity) => live.filter((_, index) => index % 2 === parity)) as [
        number[],
        number[],
      ];
      const freed = [...even];
      freeAll(buddy, even);
      live.splice(0, live.length, ...odd);
      for (let place = 0; place < places / 2; place++) live.push(buddy.allocatePages(count, { align }));
      expect(live.slice(odd.length).sort((a, b) => a - b)).toEqual(freed.sort((a, b) => a - b));
      expect(buddy.tryAllocatePages(count, { align })).toBe(NONE);
      freeAll(buddy, live);
    }
  });

  it("aligned sub-tree stress: ever smaller alignments use up all places, and give them back in reverse", () => {
    buddy = pages(512);
    const byAlign: { align: number; offsets: number[] }[] = [];
    for (let align = MIB; align >= 2 * PAGE; align /= 2) {
      const offsets: number[] = [];
      let offset = buddy.tryAllocatePages(1, { align });
      for (; offset !== NONE; offset = buddy.tryAllocatePages(1, { align })) {
        expect(offset % align).toBe(0);
        offsets.push(offset);
      }
      byAlign.push({ align, offsets });
      buddy.check();
      // All places of this alignment are used, and no page between them.
      expect(buddy.stats().allocatedPages).toBe(buddy.size / align);
    }
    for (const { align, offsets } of byAlign.toReversed()) {
      freeAll(buddy, offsets);
      buddy.check();
      const again = buddy.allocatePages(1, { align });
      expect(again % align).toBe(0);
      buddy.free(again);
    }
  });

  it("fragmentation under load: scattered small blocks, freed in any order, merge to large ones", () => {
    const random = new Random(14);
    buddy = pages(64 * 256);
    const align = 64 * KIB;
    const places = buddy.size / align;
    for (const order of ["forward", "reverse", "shuffled"] as const) {
      for (let place = 0; place < places; place++) live.push(buddy.allocatePages(2, { align }));
      expect(buddy.tryAllocate(4), "a hole of 64 KiB among blocks of 8").toBe(NONE);
      if (order === "reverse") live.reverse();
      if (order === "shuffled") live.sort(() => random.unit() - 0.5);
      for (let freed = 1; live.length > 0; freed++) {
        buddy.free(live.shift()!);
        expect(
          buddy.stats().freeBlocks[4]! > 0 || buddy.stats().largestFreeBytes > align,
          `${freed} freed`,
        ).toBe(true);
      }
      for (let place = 0; place < places; place++) live.push(buddy.allocate(4));
      expect(buddy.freeBytes).toBe(0);
      freeAll(buddy, live);
    }
  });
});
