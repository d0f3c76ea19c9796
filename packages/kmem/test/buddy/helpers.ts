/** What the tests of the buddy allocator share. */
import { BuddyAllocator, type BuddyOptions } from "kmem";
import { expect } from "vitest";

export const PAGE = 4096;

/** An allocator of `pageCount` pages. */
export function buddyOf(pageCount: number, options: Partial<BuddyOptions> = {}): BuddyAllocator {
  return new BuddyAllocator({ size: pageCount * (options.pageSize ?? PAGE), ...options });
}

/** The space as words: `order@page` or `count pages@page`, with `-` in front where it is free. */
export function layoutOf(buddy: BuddyAllocator): string {
  return [...buddy.blocks()]
    .map(({ offset, byteLength, order, free }) => {
      const size = order >= 0 ? `${order}` : `${byteLength / buddy.pageSize}p`;
      return `${free ? "-" : ""}${size}@${offset / buddy.pageSize}`;
    })
    .join(" ");
}

/** The number of free blocks of each order. */
export function freeCounts(buddy: BuddyAllocator): number[] {
  return buddy.stats().freeBlocks;
}

/** Checks the allocator's invariants, that blocks tile the space, and that every figure is a sum over them. */
export function expectSound(buddy: BuddyAllocator): void {
  buddy.check();
  const stats = buddy.stats();
  const freeBlocks = stats.freeBlocks.map(() => 0);
  let at = buddy.base;
  let freePages = 0;
  let largest = 0;
  for (const { offset, byteLength, order, free } of buddy.blocks()) {
    expect(offset, "blocks follow one another").toBe(at);
    at += byteLength;
    expect(byteLength % buddy.pageSize).toBe(0);
    if (order >= 0) {
      expect(byteLength).toBe(buddy.pageSize * 2 ** order);
      expect(offset % byteLength, "a block is aligned to its own size").toBe(0);
    }
    if (!free) continue;
    freeBlocks[order]++;
    freePages += byteLength / buddy.pageSize;
    largest = Math.max(largest, byteLength);
  }
  expect(at, "blocks reach the end").toBe(buddy.base + buddy.size);
  expect(stats).toMatchObject({
    base: buddy.base,
    size: buddy.size,
    pageSize: buddy.pageSize,
    pageCount: buddy.size / buddy.pageSize,
    freePages,
    allocatedPages: buddy.size / buddy.pageSize - freePages,
    maxOrder: buddy.maxOrder,
    freeBlocks,
    largestFreeBytes: largest,
  });
  expect(buddy.freeBytes).toBe(freePages * buddy.pageSize);
}

/** Everything that can be asked of the allocator, to be compared before and after. */
export function stateOf(buddy: BuddyAllocator): string {
  return JSON.stringify({ blocks: [...buddy.blocks()], stats: buddy.stats(), tail: buddy.freeTailOffset });
}
