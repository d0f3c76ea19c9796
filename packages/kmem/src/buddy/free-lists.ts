/**
 * The free lists: per order, the set of free blocks.
 *
 * A list is a tree of bits with a bit for each block that the space could be cut into, so its members come in
 * order of address, a block's buddy is looked up by one bit, and nothing is written into the blocks. A word of
 * bits says which orders have a free block at all.
 *
 * A block that comes to an empty list stands in a word of its own instead, its sole, until it goes or a second one comes. A
 * split puts its halves on empty lists, and where all is free but one block, a merge takes the sole of each: so they touch
 * one word an order, in place of each level of its tree.
 *
 * The unit of every position here is the page, counted from the allocator's origin; a block of order k is
 * member `page >> k` of list k.
 *
 * What the words say is not followed out of bounds: an order that there is not, a block that is on no list or reaches
 * beyond the tables is `CORRUPTED`. So no loop here depends on more than the number of orders and blocks.
 *
 * Invariants:
 *   F1: no two free blocks overlap.
 *   F2: a block and its buddy are not both free (below the maximum order): they would be one block.
 *   F3: bit k of the order mask is set exactly when list k has a member; the count of list k is its size.
 *   F4: the free-page counter is the sum of the sizes of all free blocks.
 *   F5: a list that has a sole has an empty tree.
 *
 * Knuth, The Art of Computer Programming, volume 1, section 2.5, algorithms R and S.
 */
import { BitTree, bitTreeWordCount, countMembers } from "../bits/bit-tree.ts";
import { lowestBit } from "../bits/integers.ts";
import { corrupted } from "../errors.ts";
import type { CheckTally } from "../inspect/check-round.ts";
import { pieceOrder } from "./page-map.ts";

/**
 * Where the words that are not bits stand; the count of order k is at `COUNTS + k`. The soles follow, each the block's first
 * page + 1, or 0, and then the trees.
 */
const ORDER_MASK_WORD = 0;
const FREE_PAGES_WORD = 1;
const COUNTS = 2;

function blocksOfOrder(pageCount: number, order: number): number {
  return Math.ceil(pageCount / 2 ** order);
}

/** The number of words that free lists for `pageCount` pages and orders up to `maxOrder` need. */
export function freeListWordCount(pageCount: number, maxOrder: number): number {
  let words = COUNTS + 2 * (maxOrder + 1);
  for (let order = 0; order <= maxOrder; order++) words += bitTreeWordCount(blocksOfOrder(pageCount, order));
  return words;
}

export class FreeLists {
  readonly maxOrder: number;
  /** The number of pages that there are words for. */
  readonly pageCount: number;
  private readonly words: Int32Array;
  /** The index of the sole of order 0. */
  private readonly soles: number;
  private readonly trees: BitTree[] = [];
  /** What a round of the check counts into; undefined once a block was listed or unlisted since it began. */
  countedBy: CheckTally | undefined = undefined;

  /** Empty lists for pages 0 to `pageCount` - 1, on words that must be zero. */
  constructor(
    pageCount: number,
    maxOrder: number,
    words: Int32Array = new Int32Array(freeListWordCount(pageCount, maxOrder)),
  ) {
    this.maxOrder = maxOrder;
    this.pageCount = pageCount;
    this.words = words;
    this.soles = COUNTS + maxOrder + 1;
    let at = this.soles + maxOrder + 1;
    for (let order = 0; order <= maxOrder; order++) {
      const length = blocksOfOrder(pageCount, order);
      this.trees.push(new BitTree(words, at, length));
      at += bitTreeWordCount(length);
    }
  }

  get freePages(): number {
    return this.words[FREE_PAGES_WORD];
  }

  /** Bit k is set when a block of order k is free. */
  get orderMask(): number {
    const mask = this.words[ORDER_MASK_WORD];
    if (mask >>> this.maxOrder > 1) throw corrupted("F3", `the order mask is ${mask}`);
    return mask;
  }

  /** The number of free blocks of each order. */
  get counts(): Int32Array {
    return this.words.subarray(COUNTS, COUNTS + this.maxOrder + 1);
  }

  /**
   * The number of free blocks of `order` that cover pages `from` to `last`, both inclusive, the latter past the end to look at
   * all behind; -1 where the bits disagree about them.
   */
  countWithin(order: number, from: number, last: number): number {
    const first = from >>> order;
    const end = last < this.pageCount ? last >>> order : 0x7fffffff;
    const count = countMembers(this.trees[order], first, end);
    const sole = this.words[this.soles + order];
    const member = (sole - 1) >>> order;
    const isWithin = sole !== 0 && member >= first && (member <= end || last >= this.pageCount);
    return isWithin && count >= 0 ? count + 1 : count;
  }

  /** True when the block of `order` that `page` lies in is on its list. */
  has(page: number, order: number): boolean {
    const sole = this.words[this.soles + order];
    return sole === 0 ? this.trees[order].has(page >>> order) : sole === (page & (-1 << order)) + 1;
  }

  /** Puts a block on its list as it is; `release` is the form that merges. */
  insert(page: number, order: number): void {
    const { words, soles } = this;
    const tree = this.trees[order];
    this.countedBy = undefined;
    if (words[COUNTS + order] === 0) words[soles + order] = page + 1;
    else {
      if (words[soles + order] !== 0) tree.insert(this.firstOfOrder(order) >>> order);
      words[soles + order] = 0;
      tree.insert(page >>> order);
    }
    words[COUNTS + order]++;
    words[ORDER_MASK_WORD] |= 1 << order;
    words[FREE_PAGES_WORD] += 1 << order;
  }

  /** Takes a block, which must be on its list, off it as it is. */
  remove(page: number, order: number): void {
    const { words } = this;
    this.countedBy = undefined;
    this.takeOff(page, order);
    if (--words[COUNTS + order] === 0) words[ORDER_MASK_WORD] &= ~(1 << order);
    words[FREE_PAGES_WORD] -= 1 << order;
  }

  /** Takes a block off its list, but does not count; false, changing nothing, when it is on none. */
  private takeOff(page: number, order: number): boolean {
    const { words, soles } = this;
    const sole = words[soles + order];
    if (sole === 0) return this.trees[order].remove(page >>> order);
    if (sole !== page + 1) return false;
    words[soles + order] = 0;
    return true;
  }

  /** The smallest order, `order` or above, of which a block is free; -1 when there is none. */
  bestOrder(order: number): number {
    return order > this.maxOrder ? -1 : lowestBit(this.orderMask & (-1 << order));
  }

  /** The first page of the first free block of exactly `order`, of which there must be one. */
  firstOfOrder(order: number): number {
    const sole = this.words[this.soles + order];
    const page = sole === 0 ? this.trees[order].first() << order : sole - 1;
    const isWithin = page >>> 0 <= this.pageCount - (1 << order);
    if (!isWithin || !this.has(page, order))
      throw corrupted("F3", `no block of order ${order} is at page ${page}`);
    return page;
  }

  /**
   * Takes the first page of a block of `order` off the lists: the lowest block of the smallest order that is big
   * enough, split in halves down to size, each unused half going to its list. -1 when there is none.
   */
  take(order: number): number {
    const each = this.bestOrder(order);
    if (each < 0) return -1;
    const page = this.firstOfOrder(each);
    this.remove(page, each);
    const { words, soles } = this;
    // The lists of smaller orders are empty.
    for (let half = order; half < each; half++) {
      words[soles + half] = page + (1 << half) + 1;
      words[COUNTS + half]++;
    }
    const splitPages = (1 << each) - (1 << order);
    // The sum of the halves' sizes has just their bits.
    words[ORDER_MASK_WORD] |= splitPages;
    words[FREE_PAGES_WORD] += splitPages;
    return page;
  }

  /** Frees a block: merges it with its buddy as long as that is free, and lists the result. */
  release(page: number, order: number): void {
    const size = 1 << order;
    if (order > this.maxOrder || (page & (size - 1)) !== 0 || page >>> 0 > this.pageCount - size) {
      throw corrupted("B1", `a block of order ${order} lies at page ${page}`);
    }
    const { words } = this;
    let emptied = 0;
    let merged = order;
    while (merged < this.maxOrder && this.takeOff((page & (-1 << merged)) ^ (1 << merged), merged)) {
      if (--words[COUNTS + merged] === 0) emptied |= 1 << merged;
      merged++;
    }
    words[ORDER_MASK_WORD] &= ~emptied;
    words[FREE_PAGES_WORD] -= (1 << merged) - size;
    this.insert(page & (-1 << merged), merged);
  }

  /** Frees pages `start` to `end` (exclusive) in the largest blocks that fit, merging; none where `start` is not below. */
  releaseRange(start: number, end: number): void {
    while (start < end) {
      const order = Math.min(this.maxOrder, pieceOrder(start, end));
      this.release(start, order);
      start += 1 << order;
    }
  }

  /**
   * Takes pages `start` to `end` (exclusive) off the lists, none where `start` is not below; all of them must be free.
   * O(blocks touched).
   */
  claimRange(start: number, end: number): void {
    let page = start;
    while (page < end) {
      const order = this.orderCovering(page);
      if (order < 0) throw corrupted("B2", `page ${page} is on no list`);
      const first = page & (-1 << order);
      const last = first + (1 << order);
      this.remove(first, order);
      this.releaseRange(first, page);
      this.releaseRange(end, last);
      page = last;
    }
  }

  /** The order of the free block that `page` lies in, -1 when it is not free. O(orders). */
  orderCovering(page: number): number {
    for (let order = 0; order <= this.maxOrder; order++) if (this.has(page, order)) return order;
    return -1;
  }

  /**
   * The first page of 2^`order` free and aligned pages within [from, to), as low or as high as there is; -1 when
   * there are none. O(orders log pages).
   */
  findWithin(order: number, from: number, to: number, highest: boolean): number {
    const size = 1 << order;
    const wanted = highest ? (to & -size) - size : (from + size - 1) & -size;
    let found = -1;
    for (let mask = this.orderMask & (-1 << order); mask !== 0; mask &= mask - 1) {
      // The wanted place, where it is free in a block of this order; else the near end of the next such block.
      const each = lowestBit(mask);
      const member = this.nearest(each, wanted >> each, highest);
      const start = member << each;
      const page = highest ? Math.min(wanted, start + (1 << each) - size) : Math.max(wanted, start);
      const fits = member >= 0 && page >= from && page + size <= to;
      if (fits && (found < 0 || page < found !== highest)) found = page;
    }
    return found;
  }

  /** The number of the nearest block of `order` at or above `member`, or below where `highest`; -1 when there is none. */
  private nearest(order: number, member: number, highest: boolean): number {
    const tree = this.trees[order];
    const sole = this.words[this.soles + order];
    if (sole === 0) return highest ? tree.previous(member) : tree.next(member);
    const only = (sole - 1) >> order;
    return only !== member && only < member !== highest ? -1 : only;
  }
}
