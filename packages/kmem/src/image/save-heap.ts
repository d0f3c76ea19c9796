/** A heap's state as bytes: its truth maps and its named caches, as `format.ts` has them. */
import { requireInteger } from "../errors.ts";
import type { Heap } from "../heap/heap.ts";
import type { HeapParts } from "../heap/parts.ts";
import { SLOT_SIZES } from "../heap/size-classes.ts";
import { CACHE_MAGAZINE_SIZE } from "../slab/layout.ts";
import type { SlabPool } from "../slab/slab-pool.ts";
import * as F from "./format.ts";

/** The record of a named cache. Its alignment is the greatest that its slots have. */
function cacheRecord(pool: SlabPool, number: number): number[] {
  const { name, objectSize, slotSize } = pool.stats(number);
  requireInteger("the length of a cache's name", name.length, 0, F.MAX_NAME_LENGTH);
  const units = Array.from({ length: name.length }, (_, index) => name.charCodeAt(index));
  const align = slotSize & -slotSize;
  const magazineSize = pool.cacheWords(number)[CACHE_MAGAZINE_SIZE];
  const flags = pool.isConstructed(number) ? F.CONSTRUCTED : 0;
  return [objectSize, align, magazineSize, flags, name.length, ...units];
}

/** The parts of an image, one after the other; the checksum is still 0. */
function imageParts({ buddy, pool }: HeapParts): ArrayLike<number>[] {
  const { base, size, pageSize } = buddy;
  const head = [F.MAGIC, F.VERSION, 0, pageSize, base / pageSize, size / pageSize, 0];
  const parts: ArrayLike<number>[] = [head];
  // Destroyed caches leave gaps in the heap's numbers, but none in the image's.
  const imageNumbers = Array.from({ length: SLOT_SIZES.length + 1 }, (_, number) => number);
  for (let number = SLOT_SIZES.length + 1; number <= pool.cacheCount; number++) {
    if (!pool.isAlive(number)) continue;
    parts.push(cacheRecord(pool, number));
    imageNumbers[number] = SLOT_SIZES.length + ++head[F.HEAD_CACHE_COUNT];
  }
  for (const { offset, byteLength, free } of buddy.blocks()) {
    if (free) continue;
    const number = pool.cacheAt(offset);
    parts.push([offset / pageSize, byteLength / pageSize, imageNumbers[number]]);
    if (number !== 0) parts.push(pool.inUseWords(offset, byteLength));
  }
  return parts;
}

/**
 * The state of `heap` as bytes, for `loadHeap`: which places are allocated, which slots are objects, and the named caches;
 * `docs/image-format.md` describes them. What the allocations hold is not in it: keep the heap's `buffer` beside it.
 *
 * A shared heap may be saved while other threads are at work: an object that one is just making or freeing is in it, or is
 * not. Throws RangeError when the name of a cache has more than 4,096 UTF-16 units. O(size).
 */
export function saveHeap(heap: Heap): Uint8Array<ArrayBuffer> {
  return heap["read"]((heapParts) => {
    const parts = imageParts(heapParts);
    const words = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      words.set(part, at);
      at += part.length;
    }
    words[F.HEAD_CHECKSUM] = F.checksumOf(words);
    return new Uint8Array(words.buffer);
  });
}
