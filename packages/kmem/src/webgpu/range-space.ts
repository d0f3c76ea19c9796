/**
 * Ranges: the allocator behind a GPU heap.
 *
 * A space is made of spans, one for each GPU buffer. Ranges, free or used, cover each span from end to end. A request
 * takes a free range from the bins that hold them by length, cuts off what it needs and leaves the rest; a release
 * merges a range with its free neighbours. All lengths and places are in granules, the heap's smallest unit.
 *
 * Why not the library's buddy allocator: GPU memory is large, allocations are few and of any length, and tables in
 * proportion to bytes would be mostly empty. Here the tables are in proportion to allocations, a range is as long as
 * was asked, and its neighbours are known, which is what a plan of moves needs. `docs/webgpu.md` has the figures.
 *
 * Everything that is linked is a node, named by a number: first the heads of the bins, then ranges and the edges of
 * spans as they come. Lists are rings through such a node, so that no end needs a case of its own. An edge stands for a
 * used range of no length between the end of its span and the beginning; its number names the span.
 *
 * Invariants:
 *   R1: the ranges of a span follow each other without a gap from 0 to its length, linked both ways, through its edge.
 *   R2: of two neighbours, at most one is free.
 *   R3: a free range is in the bin of its length, and nothing else is in a bin.
 *   R4: the masks have a bit for each bin that holds a range, and for each row of such a bin; no others.
 *
 * Cost: 32 bytes a range. All operations O(1), amortised, but for `take` once only ranges of about the wanted length
 * are left.
 */
import { lowestBit, roundUp } from "../bits/integers.ts";
import { NONE, requireSame } from "../errors.ts";
import { BIN_COUNT, binAtLeast, binOf, ROW_COUNT } from "./bins.ts";

/** A node has 2^3 words, in this order. */
const NODE_SHIFT = 3;
/** The place of its first granule in the span. */
const START = 0;
/** Its length. */
const LENGTH = 1;
/** Its neighbours in its span: the range before it and, in the next word, the one behind it. */
const SPAN_RING = 2;
/**
 * Its neighbours in its bin, likewise, while it is free; `NONE` before a used range and an edge. A number not in use has
 * the next such one behind it.
 */
const BIN_RING = 4;
/** The edge of its span. */
const SPAN = 6;

// What the heads of bins do not need of their words holds the rest of the state.
/** In the first head of a row: a bit for each of its bins that holds a range. The last row has no bins. */
const ROW = SPAN;
const ROW_SHIFT = NODE_SHIFT + 3;
/** In the very first head: a bit for each row that has such a bin. */
const ROW_MASK = START;
/** The first number of a list of those that are free again. */
const UNNAMED = LENGTH;
/** Numbers from here on have never been used. */
const END_NODE = SPAN_RING;
const HEAD_COUNT = (ROW_COUNT + 1) * 8;

/** Puts `node` into a ring, behind `before`. */
function enter(words: Int32Array, ring: number, node: number, before: number): void {
  const at = (node << NODE_SHIFT) + ring;
  const beforeAt = (before << NODE_SHIFT) + ring;
  const behind = words[beforeAt + 1];
  words[at] = before;
  words[at + 1] = behind;
  words[beforeAt + 1] = node;
  words[(behind << NODE_SHIFT) + ring] = node;
}

/** Takes `node` out of a ring. */
function leave(words: Int32Array, ring: number, node: number): void {
  const at = (node << NODE_SHIFT) + ring;
  const before = words[at];
  const behind = words[at + 1];
  words[(before << NODE_SHIFT) + ring + 1] = behind;
  words[(behind << NODE_SHIFT) + ring] = before;
}

/** The nodes of a ring behind `head`, in order. The ring must not change meanwhile. */
function* walk(words: Int32Array, ring: number, head: number): IterableIterator<number> {
  for (let node = head; (node = words[(node << NODE_SHIFT) + ring + 1]) !== head;) yield node;
}

/** Makes a used range a free one: puts it into the bin of its length. */
function putIntoBin(words: Int32Array, range: number): void {
  const bin = binOf(words[(range << NODE_SHIFT) + LENGTH]);
  const row = bin >>> 3;
  enter(words, BIN_RING, range, bin);
  words[(row << ROW_SHIFT) + ROW] |= 1 << (bin & 7);
  words[ROW_MASK] |= 1 << row;
}

/** Makes a free range a used one. */
function takeFromBin(words: Int32Array, range: number): void {
  const at = (range << NODE_SHIFT) + BIN_RING;
  const bin = words[at];
  leave(words, BIN_RING, range);
  // With the same node on both sides it was alone, and that node is the bin.
  if (bin === words[at + 1]) {
    const row = bin >>> 3;
    if ((words[(row << ROW_SHIFT) + ROW] &= ~(1 << (bin & 7))) === 0) words[ROW_MASK] &= ~(1 << row);
  }
  words[at] = NONE;
}

/** The first bin from `bin` on, inclusive, that holds a range; `NONE` when there is none. `bin` may be `BIN_COUNT`. */
function firstBinFrom(words: Int32Array, bin: number): number {
  let row = bin >>> 3;
  let bins = words[(row << ROW_SHIFT) + ROW] & (-1 << (bin & 7));
  if (bins === 0) {
    // Rows number 29 at most, so the shift stays below 32.
    const rows = words[ROW_MASK] & (-2 << row);
    if (rows === 0) return NONE;
    row = lowestBit(rows);
    bins = words[(row << ROW_SHIFT) + ROW];
  }
  return row * 8 + lowestBit(bins);
}

/** A number for a node; there is room for it. */
function name(words: Int32Array): number {
  const node = words[UNNAMED];
  if (node === NONE) return words[END_NODE]++;
  words[UNNAMED] = words[(node << NODE_SHIFT) + BIN_RING + 1];
  return node;
}

function unname(words: Int32Array, node: number): void {
  words[(node << NODE_SHIFT) + BIN_RING + 1] = words[UNNAMED];
  words[UNNAMED] = node;
}

/** Makes a used range behind the range or edge `before`. */
function insert(words: Int32Array, before: number, start: number, length: number): number {
  const range = name(words);
  const at = range << NODE_SHIFT;
  words[at + START] = start;
  words[at + LENGTH] = length;
  words[at + BIN_RING] = NONE;
  words[at + SPAN] = words[(before << NODE_SHIFT) + SPAN];
  enter(words, SPAN_RING, range, before);
  return range;
}

/** Cuts a used range behind its first `length` granules; returns the number of the rest, which is used, too. */
function split(words: Int32Array, range: number, length: number): number {
  const at = range << NODE_SHIFT;
  const rest = insert(words, range, words[at + START] + length, words[at + LENGTH] - length);
  words[at + LENGTH] = length;
  return rest;
}

/** Adds what a range has to the one before it, both used, and gives up its number. */
function join(words: Int32Array, before: number, range: number): void {
  words[(before << NODE_SHIFT) + LENGTH] += words[(range << NODE_SHIFT) + LENGTH];
  leave(words, SPAN_RING, range);
  unname(words, range);
}

/** Spans of granules, cut into ranges. */
export class RangeSpace {
  private words = new Int32Array((2 * HEAD_COUNT) << NODE_SHIFT);

  /** A space without spans. */
  constructor() {
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      const at = (bin << NODE_SHIFT) + BIN_RING;
      this.words.fill(bin, at, at + 2);
    }
    this.words[UNNAMED] = NONE;
    this.words[END_NODE] = HEAD_COUNT;
  }

  /** Bytes of the tables. */
  get metadataBytes(): number {
    return this.words.byteLength;
  }

  /** Adds a free span of `length` granules, from 1 to `MAX_LENGTH`, and returns its number. O(1), amortised. */
  addSpan(length: number): number {
    const words = this.roomyWords();
    const span = name(words);
    const at = span << NODE_SHIFT;
    words.fill(span, at, at + (1 << NODE_SHIFT));
    words[at + BIN_RING] = NONE;
    putIntoBin(words, insert(words, span, 0, length));
    return span;
  }

  /** Removes a span in which nothing is used. O(1). */
  removeSpan(span: number): void {
    const range = this.behind(span);
    takeFromBin(this.words, range);
    unname(this.words, range);
    unname(this.words, span);
  }

  /**
   * Takes a range of `length` granules that begins on a multiple of `align`, and returns its number; `NONE` when there
   * is none. A short free range is preferred, so that long ones stay.
   */
  take(length: number, align: number): number {
    const { words } = this;
    // From this bin on, every range is long enough, wherever it begins.
    const bin = firstBinFrom(words, binAtLeast(length + align - 1));
    const range = bin === NONE ? this.findTight(length, align) : words[(bin << NODE_SHIFT) + BIN_RING + 1];
    if (range === NONE) return NONE;
    const start = this.startOf(range);
    return this.claim(range, align === 1 ? start : roundUp(start, align), length);
  }

  /** Takes `length` granules from `start` on out of the free range `range`; returns the number of what was taken. O(1). */
  claim(range: number, start: number, length: number): number {
    const words = this.roomyWords();
    const front = start - this.startOf(range);
    let used = range;
    takeFromBin(words, range);
    if (front > 0) {
      used = split(words, range, front);
      putIntoBin(words, range);
    }
    if (this.lengthOf(used) > length) putIntoBin(words, split(words, used, length));
    return used;
  }

  /** Frees the used range `range`. O(1). */
  release(range: number): void {
    const { words } = this;
    const before = words[(range << NODE_SHIFT) + SPAN_RING];
    const behind = this.behind(range);
    if (this.isFree(behind)) {
      takeFromBin(words, behind);
      join(words, range, behind);
    }
    if (this.isFree(before)) {
      takeFromBin(words, before);
      join(words, before, range);
      range = before;
    }
    putIntoBin(words, range);
  }

  /** The first granule of a range. */
  startOf(range: number): number {
    return this.words[(range << NODE_SHIFT) + START];
  }

  /** Granules in a range. */
  lengthOf(range: number): number {
    return this.words[(range << NODE_SHIFT) + LENGTH];
  }

  /** The span that a range lies in. */
  spanOf(range: number): number {
    return this.words[(range << NODE_SHIFT) + SPAN];
  }

  /** The range behind a range; the first one behind a span's number, and that number behind the last. */
  behind(range: number): number {
    return this.words[(range << NODE_SHIFT) + SPAN_RING + 1];
  }

  /** True for a free range, false for a used one and for a span. */
  isFree(range: number): boolean {
    return this.words[(range << NODE_SHIFT) + BIN_RING] !== NONE;
  }

  /** The ranges of a span, from its start to its end. The space must not change meanwhile. */
  ranges(span: number): IterableIterator<number> {
    return walk(this.words, SPAN_RING, span);
  }

  /** Compares chains and bins; throws `AllocError` `CORRUPTED` that names what does not hold. O(ranges). */
  check(spans: Iterable<{ readonly span: number; readonly length: number }>): void {
    const { words } = this;
    let freeCount = 0;
    for (const { span, length } of spans) {
      let end = 0;
      let before = span;
      for (const range of this.ranges(span)) {
        const at = range << NODE_SHIFT;
        const found = [words[at + START], words[at + SPAN_RING], words[at + SPAN]];
        requireSame("R1", "a range's start, neighbour and span", `${found}`, `${[end, before, span]}`);
        if (this.isFree(range)) {
          requireSame("R2", "the range before a free one", this.isFree(before), false);
          freeCount++;
        }
        end += this.lengthOf(range);
        before = range;
      }
      requireSame("R1", "a span's end", end, length);
    }
    let next = NONE;
    for (let bin = BIN_COUNT - 1; bin >= 0; bin--) {
      for (const range of walk(words, BIN_RING, bin)) {
        requireSame("R3", "a bin", bin, this.isFree(range) ? binOf(this.lengthOf(range)) : NONE);
        next = bin;
        freeCount--;
      }
      requireSame("R4", "the next bin by the masks", firstBinFrom(words, bin), next);
    }
    requireSame("R3", "a count of ranges", freeCount, 0);
  }

  /**
   * A free range for `take` where no bin holds only ranges that are sure to fit: those from the bin of the bare length on
   * may hold one that does. O(ranges in these bins).
   */
  private findTight(length: number, align: number): number {
    const { words } = this;
    for (let bin = firstBinFrom(words, binOf(length)); bin !== NONE; bin = firstBinFrom(words, bin + 1)) {
      for (const range of walk(words, BIN_RING, bin)) {
        const start = this.startOf(range);
        if (roundUp(start, align) + length <= start + this.lengthOf(range)) return range;
      }
    }
    return NONE;
  }

  /** The words, with room for two more nodes: no operation makes more. */
  private roomyWords(): Int32Array {
    const { words } = this;
    if ((words[END_NODE] + 2) << NODE_SHIFT <= words.length) return words;
    this.words = new Int32Array(words.length * 2);
    this.words.set(words);
    return this.words;
  }
}
