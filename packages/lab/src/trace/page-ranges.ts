/**
 * A set of page frame numbers as rising ranges: `ranges[2 * i]` is the first page of range i, `ranges[2 * i + 1]` is one
 * past its last. As bytes, each number is the distance from the one before it in LEB128: a machine's free pages, millions
 * in ten thousands of ranges, take some tens of kilobytes.
 */

const GROUP_BITS = 7;
const GROUP_SPAN = 2 ** GROUP_BITS;
const MORE = 0x80;

/** Packs ranges. Throws a RangeError where they do not rise. O(ranges). */
export function encodePageRanges(ranges: Float64Array): Uint8Array {
  const bytes: number[] = [];
  let before = 0;
  for (const edge of ranges) {
    let distance = edge - before;
    if (!(distance >= 0)) throw new RangeError(`page ranges must rise: ${edge} comes after ${before}`);
    before = edge;
    while (distance >= GROUP_SPAN) {
      bytes.push((distance % GROUP_SPAN) | MORE);
      distance = Math.floor(distance / GROUP_SPAN);
    }
    bytes.push(distance);
  }
  return Uint8Array.from(bytes);
}

/** Unpacks ranges. Throws a RangeError where the bytes end inside a number, or hold half a range. O(bytes). */
export function decodePageRanges(bytes: Uint8Array): Float64Array {
  const edges: number[] = [];
  let before = 0;
  let distance = 0;
  let scale = 1;
  for (const byte of bytes) {
    distance += (byte % GROUP_SPAN) * scale;
    scale *= GROUP_SPAN;
    if (byte >= MORE) continue;
    before += distance;
    edges.push(before);
    distance = 0;
    scale = 1;
  }
  if (scale !== 1 || edges.length % 2 !== 0) throw new RangeError("page ranges end in the middle");
  return Float64Array.from(edges);
}
