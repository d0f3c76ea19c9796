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
 *   R4: a bin that holds a range has its bit set in the masks. A bit may outlive its last range: whoever meets it then
 *       clears it, so that taking a range out of a bin needs no look at the bin.
 *
 * Cost: 32 bytes a range. All operations O(1), amortised, but for `take` once only ranges of about the wanted length
 * are left.
 */
import { lowestBit, roundUp } from "../bits/integers.ts";
import { NONE, requireSame, requireSameWords } from "../errors.ts";
import { BIN_COUNT, binAtLeast, binOf, MAX_LENGTH, ROW_COUNT } from "./bins.ts";

/** A node has 2^3 words, in this order. */
const NODE_SHIFT = 3;
/** The place of its first granule in the span. */
const START = 0;
/** Its length. */
const LENGTH = 1;
/** The range before it in the span, and the one behind it. */
const BEFORE = 2;
const BEHIND = 3;
/**
 * Its neighbours in a bin while it is free. `NONE` before a used range and an edge; a number not in use links to the
 * next such one.
 */
const BIN_BEFORE = 4;
const BIN_BEHIND = 5;
/** The edge of its span. */
const SPAN = 6;

/** Spans of granules, cut into ranges. */
export class RangeSpace {
  private words = new Int32Array((2 * BIN_COUNT) << NODE_SHIFT);
  /** Numbers from here on have never been used; `unnamed` heads the list of those that are free again. */
  private endNode = BIN_COUNT;
  private unnamed = NONE;
  /** A bit for each bin of a row that may hold a range, and a bit for each row that has such a bin. */
  private readonly rows = new Int32Array(ROW_COUNT);
  private rowMask = 0;

  /** A space without spans. */
  constructor() {
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      this.words[(bin << NODE_SHIFT) + BIN_BEFORE] = bin;
      this.words[(bin << NODE_SHIFT) + BIN_BEHIND] = bin;
    }
  }

  /** Bytes of the tables. */
  get metadataBytes(): number {
    return this.words.byteLength + this.rows.byteLength;
  }

  /** Adds a free span of `length` granules, from 1 to `MAX_LENGTH`, and returns its number. O(1), amortised. */
  addSpan(length: number): number {
    const span = this.name();
    const words = this.words;
    const at = span << NODE_SHIFT;
    words[at + START] = length;
    words[at + LENGTH] = 0;
    words[at + BEFORE] = span;
    words[at + BEHIND] = span;
    words[at + BIN_BEFORE] = NONE;
    words[at + SPAN] = span;
    this.putIntoBin(this.insertBefore(span, 0, length), length);
    return span;
  }

  /** Removes a span in which nothing is used. O(1). */
  removeSpan(span: number): void {
    const range = this.behind(span);
    this.takeFromBin(range);
    this.unname(range);
    this.unname(span);
  }

  /**
   * Takes a range of `length` granules that begins on a multiple of `align`, and returns its number; `NONE` when there
   * is none. A short free range is preferred, so that long ones stay.
   */
  take(length: number, align: number): number {
    const range = this.find(length, align);
    if (range === NONE) return NONE;
    const start = this.words[(range << NODE_SHIFT) + START];
    return this.claim(range, align === 1 ? start : roundUp(start, align), length);
  }

  /** Takes `length` granules from `start` on out of the free range `range`; returns the number of what was taken. O(1). */
  claim(range: number, start: number, length: number): number {
    const words = this.words;
    const at = range << NODE_SHIFT;
    const front = start - words[at + START];
    const rest = words[at + LENGTH] - front - length;
    let used = range;
    this.takeFromBin(range);
    if (front > 0) {
      used = this.insertBefore(this.behind(range), start, length);
      this.words[at + LENGTH] = front;
      this.putIntoBin(range, front);
    }
    if (rest > 0) this.putIntoBin(this.insertBefore(this.behind(used), start + length, rest), rest);
    this.words[(used << NODE_SHIFT) + LENGTH] = length;
    this.words[(used << NODE_SHIFT) + BIN_BEFORE] = NONE;
    return used;
  }

  /** Frees the used range `range`. O(1). */
  release(range: number): void {
    const words = this.words;
    const at = range << NODE_SHIFT;
    const before = words[at + BEFORE];
    const behind = words[at + BEHIND];
    let length = words[at + LENGTH];
    let free = range;
    if (this.isFree(behind)) {
      length += words[(behind << NODE_SHIFT) + LENGTH];
      this.takeFromBin(behind);
      this.unlink(behind);
    }
    if (this.isFree(before)) {
      length += words[(before << NODE_SHIFT) + LENGTH];
      this.takeFromBin(before);
      this.unlink(range);
      free = before;
    }
    words[(free << NODE_SHIFT) + LENGTH] = length;
    this.putIntoBin(free, length);
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
    return this.words[(range << NODE_SHIFT) + BEHIND];
  }

  /** True for a free range, false for a used one and for a span. */
  isFree(range: number): boolean {
    return this.words[(range << NODE_SHIFT) + BIN_BEFORE] !== NONE;
  }

  /** The ranges of a span, from its start to its end. The space must not change meanwhile. */
  *ranges(span: number): IterableIterator<number> {
    for (let range = this.behind(span); range !== span; range = this.behind(range)) yield range;
  }

  /** Compares chains and bins; throws `AllocError` `CORRUPTED` that names what does not hold. O(ranges). */
  check(spans: Iterable<readonly [span: number, length: number]>): void {
    const free = new Set<number>();
    for (const [span, length] of spans) {
      let end = 0;
      let before = span;
      for (const range of this.ranges(span)) {
        const words = this.words.subarray(range << NODE_SHIFT);
        const found = [words[START], words[BEFORE], words[SPAN]];
        requireSameWords("R1", `range ${range}, word`, found, [end, before, span]);
        if (this.isFree(range)) {
          requireSame("R2", "what stands before a free range", this.isFree(before), false);
          free.add(range);
        }
        end += this.lengthOf(range);
        before = range;
      }
      requireSame("R1", "a span's end", end, length);
    }
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      for (const range of this.rangesIn(bin)) {
        requireSame("R3", "a bin", bin, free.delete(range) ? binOf(this.lengthOf(range)) : NONE);
        requireSame("R4", "a bin by the masks", this.firstBinFrom(bin), bin);
      }
    }
    requireSame("R3", "the count of ranges in no bin", free.size, 0);
  }

  /** A free range in which `length` granules fit; `NONE` when there is none. */
  private find(length: number, align: number): number {
    const sure = length + align - 1;
    if (sure <= MAX_LENGTH) {
      const bin = this.firstBinFrom(binAtLeast(sure));
      if (bin !== NONE) return this.words[(bin << NODE_SHIFT) + BIN_BEHIND];
    }
    return this.findTight(length, align);
  }

  /**
   * As `find`, where no bin holds only ranges that are sure to fit: those from the bin of the bare length on may hold one
   * that does. O(ranges in these bins).
   */
  private findTight(length: number, align: number): number {
    if (length > MAX_LENGTH) return NONE;
    for (let bin = this.firstBinFrom(binOf(length)); bin !== NONE; bin = this.firstBinFrom(bin + 1)) {
      for (const range of this.rangesIn(bin)) {
        const start = this.startOf(range);
        if (roundUp(start, align) + length <= start + this.lengthOf(range)) return range;
      }
    }
    return NONE;
  }

  /** The first bin from `bin` on, inclusive, that holds a range; `NONE` when there is none. */
  private firstBinFrom(bin: number): number {
    for (let from = bin; from < BIN_COUNT;) {
      const row = from >>> 3;
      const bins = this.rows[row] & (-1 << (from & 7));
      if (bins !== 0) {
        from = row * 8 + lowestBit(bins);
        if (this.words[(from << NODE_SHIFT) + BIN_BEHIND] !== from) return from;
        this.rows[row] &= ~(1 << (from & 7));
        continue;
      }
      if (this.rows[row] === 0) this.rowMask &= ~(1 << row);
      // Rows number 29 at most, so the shift stays below 32.
      const rows = this.rowMask & (-2 << row);
      if (rows === 0) return NONE;
      from = lowestBit(rows) * 8;
    }
    return NONE;
  }

  private *rangesIn(bin: number): IterableIterator<number> {
    const { words } = this;
    for (let range = words[(bin << NODE_SHIFT) + BIN_BEHIND]; range !== bin;) {
      yield range;
      range = words[(range << NODE_SHIFT) + BIN_BEHIND];
    }
  }

  /** Puts a range of `length` granules into its bin, which makes it a free one. */
  private putIntoBin(range: number, length: number): void {
    const words = this.words;
    const at = range << NODE_SHIFT;
    const bin = binOf(length);
    const headAt = bin << NODE_SHIFT;
    const first = words[headAt + BIN_BEHIND];
    words[at + BIN_BEFORE] = bin;
    words[at + BIN_BEHIND] = first;
    words[(first << NODE_SHIFT) + BIN_BEFORE] = range;
    words[headAt + BIN_BEHIND] = range;
    this.rows[bin >>> 3] |= 1 << (bin & 7);
    this.rowMask |= 1 << (bin >>> 3);
  }

  private takeFromBin(range: number): void {
    const words = this.words;
    const before = words[(range << NODE_SHIFT) + BIN_BEFORE];
    const behind = words[(range << NODE_SHIFT) + BIN_BEHIND];
    words[(before << NODE_SHIFT) + BIN_BEHIND] = behind;
    words[(behind << NODE_SHIFT) + BIN_BEFORE] = before;
  }

  /** Makes a used range between `behind` and what is before that. */
  private insertBefore(behind: number, start: number, length: number): number {
    const range = this.name();
    const words = this.words;
    const at = range << NODE_SHIFT;
    const behindAt = behind << NODE_SHIFT;
    const before = words[behindAt + BEFORE];
    words[at + START] = start;
    words[at + LENGTH] = length;
    words[at + BEFORE] = before;
    words[at + BEHIND] = behind;
    words[at + SPAN] = words[behindAt + SPAN];
    words[at + BIN_BEFORE] = NONE;
    words[(before << NODE_SHIFT) + BEHIND] = range;
    words[behindAt + BEFORE] = range;
    return range;
  }

  /** Removes a range that is in no bin from its span's ring; its granules are another range's by now. */
  private unlink(range: number): void {
    const words = this.words;
    const before = words[(range << NODE_SHIFT) + BEFORE];
    const behind = words[(range << NODE_SHIFT) + BEHIND];
    words[(before << NODE_SHIFT) + BEHIND] = behind;
    words[(behind << NODE_SHIFT) + BEFORE] = before;
    this.unname(range);
  }

  private name(): number {
    const node = this.unnamed;
    if (node !== NONE) {
      this.unnamed = this.words[(node << NODE_SHIFT) + BIN_BEHIND];
      return node;
    }
    if ((this.endNode + 1) << NODE_SHIFT > this.words.length) {
      const words = new Int32Array(this.words.length * 2);
      words.set(this.words);
      this.words = words;
    }
    return this.endNode++;
  }

  private unname(node: number): void {
    this.words[(node << NODE_SHIFT) + BIN_BEHIND] = this.unnamed;
    this.unnamed = node;
  }
}
