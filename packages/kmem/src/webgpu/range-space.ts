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
 * A range that is released waits, whole, in front of the bin of its length, and serves the next request of that bin as it
 * is: lengths are rounded up to the shortest of a bin, a sixteenth at most, so that it fits. Only when too many wait, or
 * nothing else is left, are they merged with their neighbours. `docs/webgpu.md` has the figures that decided it.
 *
 * Invariants, once none waits:
 *   R1: the ranges of a span follow each other without a gap from 0 to its length, linked both ways, through its edge.
 *   R2: of two neighbours, at most one is free.
 *   R3: a free range is in the bin of its length, and nothing else is in a bin.
 *   R4: `bins` has each bin that holds a range, and no other.
 *
 * Cost: 32 bytes a range. All operations O(1), amortised.
 */
import { BitTree, bitTreeWordCount } from "../bits/bit-tree.ts";
import { roundUp } from "../bits/integers.ts";
import { NONE, requireSame } from "../errors.ts";
import { BIN_COUNT, binAtLeast, binOf, roundUpToBin } from "./bins.ts";

/** A node has 2^3 words, in this order. */
const NODE_SHIFT = 3;
/** The place of its first granule in the span. */
const START = 0;
/** Its length. */
const LENGTH = 1;
/** Its neighbours in its span: the range before it and, in the next word, the one behind it. */
const SPAN_RING = 2;
/** Its neighbours in its bin, likewise, while it is free; `NONE` before a used or waiting range and an edge. */
const BIN_RING = 4;
/** The edge of its span. */
const SPAN = 6;
/** The next of a list, for nodes that wait or are not in use; for the head of a bin, the first that waits. */
const NEXT = 7;

/** So many ranges wait at most: they are merged in some 25 µs. */
const MOST_WAITING = 512;

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

/** Spans of granules, cut into ranges. */
export class RangeSpace {
  private words = new Int32Array((2 * BIN_COUNT) << NODE_SHIFT);
  /** The bins that hold a range. */
  private readonly bins = new BitTree(new Int32Array(bitTreeWordCount(BIN_COUNT)), 0, BIN_COUNT);
  private waitingCount = 0;
  /** Numbers from here on have never been used; `unnamed` heads the list of those that are free again. */
  private endNode = BIN_COUNT;
  private unnamed = NONE;

  /** A space without spans. */
  constructor() {
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      const at = bin << NODE_SHIFT;
      this.words.fill(bin, at, at + NEXT);
      this.words[at + NEXT] = NONE;
    }
  }

  /** Bytes of the tables. */
  get metadataBytes(): number {
    return this.words.byteLength;
  }

  /** Adds a free span of `length` granules, from 1 to `MAX_LENGTH`, and returns its number. O(1), amortised. */
  addSpan(length: number): number {
    const words = this.roomyWords();
    const span = this.name(words);
    const at = span << NODE_SHIFT;
    words.fill(span, at, at + NEXT);
    words[at + BIN_RING] = NONE;
    this.putIntoBin(this.insert(words, span, 0, length));
    return span;
  }

  /** Removes a span in which nothing is used. O(1), amortised. */
  removeSpan(span: number): void {
    const [range] = this.ranges(span);
    this.takeFromBin(range);
    this.unname(range);
    this.unname(span);
  }

  /**
   * Takes a range of at least `length` granules that begins on a multiple of `align`, and returns its number; `NONE` when
   * no free range has as many granules and `align` - 1 more. A short free range is preferred, so that long ones stay.
   */
  take(length: number, align: number): number {
    const { words } = this;
    const least = roundUpToBin(length);
    const waitingAt = (binOf(least) << NODE_SHIFT) + NEXT;
    const waiting = words[waitingAt];
    if (waiting !== NONE && align === 1) {
      words[waitingAt] = words[(waiting << NODE_SHIFT) + NEXT];
      this.waitingCount--;
      return waiting;
    }
    // From this bin on, every range is long enough, wherever it begins.
    const bin = this.bins.next(binAtLeast(least + align - 1));
    if (bin !== NONE) {
      const range = words[(bin << NODE_SHIFT) + BIN_RING + 1];
      return this.claim(range, roundUp(this.startOf(range), align), least);
    }
    if (this.waitingCount === 0) return NONE;
    this.merge();
    return this.take(length, align);
  }

  /** Takes `length` granules from `start` on out of the free range `range`; returns the number of what was taken. O(1). */
  claim(range: number, start: number, length: number): number {
    const words = this.roomyWords();
    const front = start - this.startOf(range);
    let used = range;
    this.takeFromBin(range);
    if (front > 0) {
      used = this.split(words, range, front);
      this.putIntoBin(range);
    }
    if (this.lengthOf(used) > length) this.putIntoBin(this.split(words, used, length));
    return used;
  }

  /** Frees the used range `range`, which now waits. O(1), amortised. */
  release(range: number): void {
    const { words } = this;
    const waitingAt = (binOf(this.lengthOf(range)) << NODE_SHIFT) + NEXT;
    words[(range << NODE_SHIFT) + NEXT] = words[waitingAt];
    words[waitingAt] = range;
    if (++this.waitingCount > MOST_WAITING) this.merge();
  }

  /** Merges all ranges that wait with their free neighbours. O(ranges that wait), and nothing when none does. */
  merge(): void {
    const { words } = this;
    for (let bin = 0; this.waitingCount > 0; bin++) {
      const waitingAt = (bin << NODE_SHIFT) + NEXT;
      for (let range; (range = words[waitingAt]) !== NONE; this.waitingCount--) {
        words[waitingAt] = words[(range << NODE_SHIFT) + NEXT];
        this.mergeOne(range);
      }
    }
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

  /** True for a free range; false for a used or waiting one and for a span. */
  isFree(range: number): boolean {
    return this.words[(range << NODE_SHIFT) + BIN_RING] !== NONE;
  }

  /** The ranges of a span, from its start to its end; none waits. The space must not change meanwhile. */
  ranges(span: number): IterableIterator<number> {
    this.merge();
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
        requireSame("R1", "range", `${found}`, `${[end, before, span]}`);
        if (this.isFree(range)) {
          requireSame("R2", "free neighbour", this.isFree(before), false);
          freeCount++;
        }
        end += this.lengthOf(range);
        before = range;
      }
      requireSame("R1", "span", end, length);
    }
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      let isHolding = false;
      for (const range of walk(words, BIN_RING, bin)) {
        requireSame("R3", "bin", bin, this.isFree(range) ? binOf(this.lengthOf(range)) : NONE);
        isHolding = true;
        freeCount--;
      }
      requireSame("R4", "bit of bin", this.bins.has(bin), isHolding);
    }
    requireSame("R3", "count", freeCount, 0);
  }

  /** Makes a used range a free one: puts it into the bin of its length. */
  private putIntoBin(range: number): void {
    const bin = binOf(this.lengthOf(range));
    enter(this.words, BIN_RING, range, bin);
    this.bins.insert(bin);
  }

  /** Makes a free range a used one. */
  private takeFromBin(range: number): void {
    const { words } = this;
    const at = (range << NODE_SHIFT) + BIN_RING;
    const bin = words[at];
    leave(words, BIN_RING, range);
    // With the same node on both sides it was alone, and that node is the bin.
    if (bin === words[at + 1]) this.bins.remove(bin);
    words[at] = NONE;
  }

  /** Makes a used range a free one, together with its free neighbours. */
  private mergeOne(range: number): void {
    const before = this.words[(range << NODE_SHIFT) + SPAN_RING];
    const behind = this.behind(range);
    if (this.isFree(behind)) this.join(range, behind, behind);
    if (this.isFree(before)) {
      this.join(before, range, before);
      range = before;
    }
    this.putIntoBin(range);
  }

  /** Adds what a range has to the one before it, and gives up its number. One of them is free, then neither. */
  private join(before: number, range: number, free: number): void {
    this.takeFromBin(free);
    this.words[(before << NODE_SHIFT) + LENGTH] += this.lengthOf(range);
    leave(this.words, SPAN_RING, range);
    this.unname(range);
  }

  /** Cuts a used range behind its first `length` granules; returns the number of the rest, which is used, too. */
  private split(words: Int32Array, range: number, length: number): number {
    const at = range << NODE_SHIFT;
    const rest = this.insert(words, range, words[at + START] + length, words[at + LENGTH] - length);
    words[at + LENGTH] = length;
    return rest;
  }

  /** Makes a used range behind the range or edge `before`. */
  private insert(words: Int32Array, before: number, start: number, length: number): number {
    const range = this.name(words);
    const at = range << NODE_SHIFT;
    words[at + START] = start;
    words[at + LENGTH] = length;
    words[at + BIN_RING] = NONE;
    words[at + SPAN] = words[(before << NODE_SHIFT) + SPAN];
    enter(words, SPAN_RING, range, before);
    return range;
  }

  /** A number for a node; `words` has room for it. */
  private name(words: Int32Array): number {
    const node = this.unnamed;
    if (node === NONE) return this.endNode++;
    this.unnamed = words[(node << NODE_SHIFT) + NEXT];
    return node;
  }

  private unname(node: number): void {
    this.words[(node << NODE_SHIFT) + NEXT] = this.unnamed;
    this.unnamed = node;
  }

  /** The words, with room for two more nodes: no operation makes more. */
  private roomyWords(): Int32Array {
    const { words } = this;
    if ((this.endNode + 2) << NODE_SHIFT <= words.length) return words;
    this.words = new Int32Array(words.length * 2);
    this.words.set(words);
    return this.words;
  }
}
