/** What a heap is to do, told from its documentation and its snapshot alone. */
import type { Heap, SlabCache } from "../../src/index.ts";
import { fail } from "./driver.ts";
import type { Random } from "./random.ts";

/** A named cache of the heap under test. */
export interface NamedCache {
  cache: SlabCache;
  /** Writes a pattern by offset into a new slot, which its users leave there; undefined where they fill it. */
  construct: ((offset: number) => void) | undefined;
  align: number;
}

/** Something allocated. */
export interface HeapObject {
  id: number;
  offset: number;
  /** Bytes that it may use: filled with the pattern of `patternId` where there are bytes. */
  usable: number;
  patternId: number;
  owner?: NamedCache;
  view?: ArrayBufferView;
}

/** A heap and what a driver knows of it. */
export interface HeapUnderTest {
  readonly random: Random;
  readonly heap: Heap;
  readonly objects: readonly HeapObject[];
  readonly caches: readonly NamedCache[];
}

const MAX_SLOT_SIZE = 8192;
const PAGE_AND_HEADER = 4480;

/** Bytes that a request of `byteLength` bytes without alignment is rounded up to. */
export function slotSizeFor(byteLength: number, pageSize: number): number {
  if (byteLength > MAX_SLOT_SIZE) return Math.ceil(byteLength / pageSize) * pageSize;
  if (byteLength <= 16) return 16;
  if (byteLength > 4096 && byteLength <= PAGE_AND_HEADER) return PAGE_AND_HEADER;
  const doubling = 2 ** Math.floor(Math.log2(byteLength - 1));
  const step = Math.max(16, doubling / 4);
  return Math.ceil(byteLength / step) * step;
}

/**
 * Fails when a heap that found no room for `byteLength` bytes has free pages enough, or could have grown behind the
 * pages that were free then, `freePagesBefore` of them.
 */
export function expectRoomlessness(
  heap: Heap,
  byteLength: number,
  endLimit: number,
  freePagesBefore: number,
): void {
  const { pageSize, base } = heap;
  const isRun = byteLength > MAX_SLOT_SIZE;
  const slot = slotSizeFor(byteLength, pageSize);
  const bytes = isRun ? slot : 2 ** Math.ceil(Math.log2(Math.max(slot, pageSize, 512)));
  // Slabs are blocks, aligned to their size; a class whose slab no block can hold has no room ever.
  const align = isRun ? Math.max(16, pageSize) : bytes;
  const { maxOrder } = heap.stats().buddy;
  if (!isRun && bytes > pageSize * 2 ** maxOrder) return;
  const limit = Math.min(base + heap.maxSize, base + Math.floor((endLimit - base) / pageSize) * pageSize);
  let end = base;
  let start = base;
  for (const block of heap.snapshot().free) {
    if (block.offset !== end) start = block.offset;
    end = block.offset + block.byteLength;
    const aligned = Math.ceil(start / align) * align;
    if (aligned + bytes <= end) fail(`no room for ${byteLength} bytes, but ${start} to ${end} is free`);
  }
  if (heap.stats().buddy.freePages !== freePagesBefore) return;
  const tail = end === base + heap.size ? start : base + heap.size;
  if (Math.ceil(tail / align) * align + bytes <= limit)
    fail(`no room for ${byteLength} bytes, but it may grow`);
}
