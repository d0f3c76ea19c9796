/**
 * A GPU heap in the form of a heap's snapshot, so that whatever draws one draws the other: the buffers one behind the
 * other in one space, each allocation as a large one, each free range cut into blocks of 2^k pages.
 */
import { lowestBit, roundDown } from "../bits/integers.ts";
import type { HeapSnapshot, RangeSnapshot } from "../heap/snapshot.ts";
import type { BlockBuffer } from "./block-buffer.ts";
import type { RangeSpace } from "./range-space.ts";

/** The largest power of two that divides `count`, 2^31 for 0. */
function powerIn(count: number): number {
  return (count | 0) === 0 ? 2 ** 31 : 2 ** lowestBit(count);
}

/**
 * Describes the heap whose `blocks` lie in `space`. A page is the largest power of two that divides every offset and
 * length, a granule at least. O(ranges).
 */
export function gpuHeapSnapshot(
  space: RangeSpace,
  blocks: readonly Pick<BlockBuffer, "span">[],
  granuleBytes: number,
  maxBytes: number,
): HeapSnapshot {
  const large: RangeSnapshot[] = [];
  const free: RangeSnapshot[] = [];
  let end = 0;
  let pageLength = 2 ** 31;
  for (const { span } of blocks) {
    for (const range of space.ranges(span)) {
      const start = end;
      end += space.lengthOf(range);
      pageLength = Math.min(pageLength, powerIn(end));
      if (space.isFree(range)) pushBlocks(free, start, end, granuleBytes);
      else large.push({ offset: start * granuleBytes, byteLength: (end - start) * granuleBytes });
    }
  }
  const size = end * granuleBytes;
  const pageSize = pageLength * granuleBytes;
  const maxSize = Math.max(size, Number.isFinite(maxBytes) ? roundDown(maxBytes, pageSize) : size);
  return {
    format: "kmem-heap",
    version: 1,
    base: 0,
    size,
    maxSize,
    pageSize,
    caches: [],
    slabs: [],
    large,
    free,
  };
}

/** Adds the granules from `start` to `end`, exclusive, cut into blocks of 2^k that are aligned to their own size. */
function pushBlocks(blocks: RangeSnapshot[], start: number, end: number, granuleBytes: number): void {
  for (let at = start; at < end;) {
    const length = Math.min(powerIn(at), 2 ** Math.floor(Math.log2(end - at)));
    blocks.push({ offset: at * granuleBytes, byteLength: length * granuleBytes });
    at += length;
  }
}
