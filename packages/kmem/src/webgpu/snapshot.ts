/**
 * A GPU heap in the form of a heap's snapshot, so that whatever draws one draws the other: the buffers one behind the
 * other in one space, each allocation as a large one, each free range cut into blocks of 2^k pages.
 */
import { lowestBit, roundDown } from "../bits/integers.ts";
import { pieceOrder } from "../buddy/page-map.ts";
import type { HeapSnapshot, RangeSnapshot } from "../heap/snapshot.ts";
import { MAX_LENGTH } from "./bins.ts";
import type { BlockBuffer } from "./block-buffer.ts";
import type { RangeSpace } from "./range-space.ts";

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
  const push = (to: RangeSnapshot[], start: number, length: number): void => {
    to.push({ offset: start * granuleBytes, byteLength: length * granuleBytes });
  };
  let end = 0;
  /** The bits that any end has. */
  let endBits = MAX_LENGTH;
  for (const { span } of blocks) {
    for (const range of space.ranges(span)) {
      let start = end;
      end += space.lengthOf(range);
      endBits |= end;
      if (!space.isFree(range)) push(large, start, end - start);
      else
        for (let length; start < end; start += length) {
          length = 2 ** pieceOrder(start, end);
          push(free, start, length);
        }
    }
  }
  const size = end * granuleBytes;
  const pageSize = 2 ** lowestBit(endBits) * granuleBytes;
  const maxSize = maxBytes === Infinity ? size : roundDown(maxBytes, pageSize);
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
