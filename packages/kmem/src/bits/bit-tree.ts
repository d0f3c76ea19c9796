/**
 * A set of small integers as a tree of 32-bit words.
 *
 * Level 0 has one bit a member. A bit on level n + 1 says whether a word on level n has any bit set, up to
 * one root word. So the nearest member above or below a place is found by count-leading-zeros on at most two
 * words a level, and a change stops at the first level that does not notice it.
 *
 * Invariant T1: a bit on level n + 1 is set exactly when its word on level n is not zero.
 *
 * Cost: insert, remove and has touch one word nearly always; next and previous O(log32 length).
 * Size: length / 31 words, roughly. The words belong to the caller, so that they may lie in shared memory.
 */
import { bitCount, highestBit, lowestBit } from "./integers.ts";

/** How many words the levels of a tree take, lowest level first. */
function levelWordCounts(length: number): number[] {
  const counts: number[] = [];
  let bits = Math.max(1, length);
  do {
    bits = Math.ceil(bits / 32);
    counts.push(bits);
  } while (bits > 1);
  return counts;
}

/** The number of words that a tree for members 0 to `length` - 1 needs. */
export function bitTreeWordCount(length: number): number {
  return levelWordCounts(length).reduce((sum, count) => sum + count, 0);
}

export class BitTree {
  readonly words: Int32Array;
  /** The index of each level's first word. */
  readonly levels: number[] = [];
  readonly wordCounts: number[];

  /** A tree on `words` from index `firstWord`, for members 0 to `length` - 1; the words must be zero. */
  constructor(words: Int32Array, firstWord: number, length: number) {
    this.words = words;
    this.wordCounts = levelWordCounts(length);
    for (const count of this.wordCounts) {
      this.levels.push(firstWord);
      firstWord += count;
    }
  }

  has(member: number): boolean {
    return (this.words[this.levels[0] + (member >>> 5)] & (1 << member)) !== 0;
  }

  insert(member: number): void {
    const words = this.words;
    const levels = this.levels;
    let index = member;
    for (let level = 0; level < levels.length; level++) {
      const at = levels[level] + (index >>> 5);
      const before = words[at];
      words[at] = before | (1 << index);
      if (before !== 0) return;
      index >>>= 5;
    }
  }

  /** Takes a member out; false, changing nothing, when it is none. */
  remove(member: number): boolean {
    if (!this.has(member)) return false;
    const words = this.words;
    const levels = this.levels;
    let index = member;
    for (let level = 0; level < levels.length; level++) {
      const at = levels[level] + (index >>> 5);
      const after = words[at] & ~(1 << index);
      words[at] = after;
      if (after !== 0) break;
      index >>>= 5;
    }
    return true;
  }

  /** The smallest member; the set must not be empty. */
  first(): number {
    return this.lowestUnder(this.levels.length - 1, 0);
  }

  /** The smallest member at or above `from`; -1 when there is none. `from` may lie past the end. */
  next(from: number): number {
    const words = this.words;
    const levels = this.levels;
    let index = from;
    for (let level = 0; level < levels.length; level++) {
      const wordIndex = index >>> 5;
      if (wordIndex >= this.wordCounts[level]) return -1;
      const rest = words[levels[level] + wordIndex] & (-1 << index);
      if (rest !== 0) return this.lowestUnder(level - 1, wordIndex * 32 + lowestBit(rest));
      index = wordIndex + 1;
    }
    return -1;
  }

  /** The largest member at or below `from`, which must not lie past the end; -1 when there is none. */
  previous(from: number): number {
    const words = this.words;
    const levels = this.levels;
    let index = from;
    for (let level = 0; level < levels.length && index >= 0; level++) {
      const wordIndex = index >>> 5;
      const rest = words[levels[level] + wordIndex] & (-1 >>> (31 - index));
      if (rest !== 0) return this.highestUnder(level - 1, wordIndex * 32 + highestBit(rest));
      index = wordIndex - 1;
    }
    return -1;
  }

  /** The smallest member under the set bit `index` of level `level` + 1 (level -1: `index` itself). */
  private lowestUnder(level: number, index: number): number {
    for (; level >= 0; level--) index = index * 32 + lowestBit(this.words[this.levels[level] + index]);
    return index;
  }

  private highestUnder(level: number, index: number): number {
    for (; level >= 0; level--) index = index * 32 + highestBit(this.words[this.levels[level] + index]);
    return index;
  }
}

/**
 * The number of members of `tree` from `first` to `last`, both inclusive; -1 where T1 does not hold of a word that tells of them.
 * With 2^31 - 1 as `last`, all words behind are looked at, also their bits past the end. O((last - first) / 32 + levels).
 */
export function countMembers(tree: BitTree, first: number, last: number): number {
  const { words, levels, wordCounts } = tree;
  let sum = 0;
  for (let index = first >>> 5; index <= last >>> 5 && index < wordCounts[0]; index++) {
    let word = words[levels[0] + index];
    if (index === first >>> 5) word &= -1 << first;
    if (index === last >>> 5) word &= -1 >>> (31 - last);
    sum += bitCount(word);
  }
  for (let level = 1; level < levels.length; level++) {
    first >>>= 5;
    last >>>= 5;
    const below = wordCounts[level - 1];
    const end = last < below ? last + 1 : 32 * wordCounts[level];
    for (let index = first; index < end; index++) {
      const isMarked = (words[levels[level] + (index >>> 5)] & (1 << index)) !== 0;
      const hasAny = index < below && words[levels[level - 1] + index] !== 0;
      if (isMarked !== hasAny) return -1;
    }
  }
  return sum;
}
