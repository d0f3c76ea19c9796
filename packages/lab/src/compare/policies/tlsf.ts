/**
 * Two-level segregated fit (Masmano, Ripoll, Crespo and Real, "TLSF: A New Dynamic Memory Allocator for Real-Time Systems",
 * 2004): lists of free blocks by the power of two below their length, and 16 equal steps within it; bit maps say which lists
 * are not empty, so that finding, freeing and merging take constant time. A request is rounded up to the next step before
 * the search, so that any block of the list found is long enough.
 *
 * Blocks have records of their own, outside the space, linked by address and within a list of free blocks. A handle is the
 * number of a record.
 */
import { NO_ROOM, type Contender, type ContenderSpace } from "../contender.ts";
import { blockSizer } from "./block-size.ts";

/** log2 of the steps to a power of two: the authors' choice. */
const STEP_BITS = 4;
const STEPS = 1 << STEP_BITS;
/** Powers of two that a length of up to 2^32 grains can have. */
const LEVELS = 32;
const NO_BLOCK = -1;
const INITIAL_RECORDS = 1024;
/** Bytes that lengths are multiples of. */
const GRAIN_BYTES = 16;

/** Records of blocks: an array a field. */
class Blocks {
  start = new Float64Array(INITIAL_RECORDS);
  length = new Float64Array(INITIAL_RECORDS);
  isFree = new Uint8Array(INITIAL_RECORDS);
  /** Neighbours by address. */
  before = new Int32Array(INITIAL_RECORDS);
  after = new Int32Array(INITIAL_RECORDS);
  /** Neighbours in the list of free blocks. `next` also chains the records that are not in use. */
  previous = new Int32Array(INITIAL_RECORDS);
  next = new Int32Array(INITIAL_RECORDS);
  #unused = NO_BLOCK;
  #count = 0;

  /** A record for a block. */
  make(start: number, length: number, before: number, after: number): number {
    let block = this.#unused;
    if (block !== NO_BLOCK) {
      this.#unused = this.next[block]!;
    } else {
      block = this.#count++;
      if (block === this.start.length) this.#double();
    }
    this.start[block] = start;
    this.length[block] = length;
    this.before[block] = before;
    this.after[block] = after;
    this.isFree[block] = 0;
    if (before !== NO_BLOCK) this.after[before] = block;
    if (after !== NO_BLOCK) this.before[after] = block;
    return block;
  }

  /** Joins `block` and the one behind it. */
  swallowNext(block: number): void {
    const gone = this.after[block]!;
    const after = this.after[gone]!;
    this.length[block] = this.length[block]! + this.length[gone]!;
    this.after[block] = after;
    if (after !== NO_BLOCK) this.before[after] = block;
    this.next[gone] = this.#unused;
    this.#unused = gone;
  }

  #double(): void {
    const capacity = 2 * this.start.length;
    this.start = copied(this.start, new Float64Array(capacity));
    this.length = copied(this.length, new Float64Array(capacity));
    this.isFree = copied(this.isFree, new Uint8Array(capacity));
    this.before = copied(this.before, new Int32Array(capacity));
    this.after = copied(this.after, new Int32Array(capacity));
    this.previous = copied(this.previous, new Int32Array(capacity));
    this.next = copied(this.next, new Int32Array(capacity));
  }
}

function copied<Column extends { set(from: Column): void }>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

/** TLSF over a space that grows at its end. */
export class Tlsf implements Contender {
  readonly #blocks = new Blocks();
  readonly #heads = new Int32Array(LEVELS * STEPS).fill(NO_BLOCK);
  /** Bit `level`: does any list of the level hold a block? */
  #levelMap = 0;
  /** For each level, bit `step`: does that list? */
  readonly #stepMaps = new Uint32Array(LEVELS);
  readonly #blockSize: (size: number) => number;
  readonly #grain: number;
  readonly #limit: number;
  #last = NO_BLOCK;
  #end = 0;
  #used = 0;

  constructor(space: ContenderSpace) {
    this.#blockSize = blockSizer(space);
    this.#grain = space.unitBytes === 1 ? GRAIN_BYTES : 1;
    this.#limit = space.limit;
  }

  allocate(size: number): number {
    const blocks = this.#blocks;
    const length = this.#blockSize(size);
    let block = this.#find(length);
    if (block === NO_BLOCK) block = this.#extend(length);
    if (block === NO_BLOCK) return NO_ROOM;
    const rest = blocks.length[block]! - length;
    if (rest > 0) {
      blocks.length[block] = length;
      const tail = blocks.make(blocks.start[block]! + length, rest, block, blocks.after[block]!);
      if (this.#last === block) this.#last = tail;
      this.#putFree(tail);
    }
    this.#used += length;
    return block;
  }

  free(handle: number): void {
    const blocks = this.#blocks;
    let block = handle;
    this.#used -= blocks.length[block]!;
    const after = blocks.after[block]!;
    if (after !== NO_BLOCK && blocks.isFree[after] === 1) {
      this.#takeFree(after);
      this.#swallowNext(block);
    }
    const before = blocks.before[block]!;
    if (before !== NO_BLOCK && blocks.isFree[before] === 1) {
      this.#takeFree(before);
      this.#swallowNext(before);
      block = before;
    }
    this.#putFree(block);
  }

  heldUnits(): number {
    return this.#end;
  }

  usedUnits(): number {
    return this.#used;
  }

  tableBytes(): number {
    return 0;
  }

  /** Takes a free block of at least `length` units off its list. */
  #find(length: number): number {
    const grains = length / this.#grain;
    const step = 2 ** Math.max(0, Math.floor(Math.log2(grains)) - STEP_BITS);
    const list = listOf(Math.ceil(grains / step) * step);
    const level = list >>> STEP_BITS;
    let foundLevel = level;
    let steps = this.#stepMaps[level]! & (-1 << (list & (STEPS - 1)));
    if (steps === 0) {
      const levels = level === LEVELS - 1 ? 0 : this.#levelMap & (-1 << (level + 1));
      if (levels === 0) return NO_BLOCK;
      foundLevel = lowestBit(levels);
      steps = this.#stepMaps[foundLevel]!;
    }
    const block = this.#heads[(foundLevel << STEP_BITS) + lowestBit(steps)]!;
    this.#takeFree(block);
    return block;
  }

  /** A block of `length` units at the end of the space, with what is free right before it. */
  #extend(length: number): number {
    const blocks = this.#blocks;
    const last = this.#last;
    const reachesEnd = last !== NO_BLOCK && blocks.isFree[last] === 1;
    const start = reachesEnd ? blocks.start[last]! : this.#end;
    // A last block that is long enough, but not by the rounding of the search, is taken as it is.
    const end = Math.max(this.#end, start + length);
    if (end > this.#limit) return NO_BLOCK;
    this.#end = end;
    if (reachesEnd) {
      this.#takeFree(last);
      blocks.length[last] = end - start;
      return last;
    }
    this.#last = blocks.make(start, length, last, NO_BLOCK);
    return this.#last;
  }

  #swallowNext(block: number): void {
    if (this.#last === this.#blocks.after[block]) this.#last = block;
    this.#blocks.swallowNext(block);
  }

  #putFree(block: number): void {
    const blocks = this.#blocks;
    const list = listOf(blocks.length[block]! / this.#grain);
    const head = this.#heads[list]!;
    blocks.isFree[block] = 1;
    blocks.previous[block] = NO_BLOCK;
    blocks.next[block] = head;
    if (head !== NO_BLOCK) blocks.previous[head] = block;
    this.#heads[list] = block;
    this.#stepMaps[list >>> STEP_BITS]! |= 1 << (list & (STEPS - 1));
    this.#levelMap |= 1 << (list >>> STEP_BITS);
  }

  #takeFree(block: number): void {
    const blocks = this.#blocks;
    const list = listOf(blocks.length[block]! / this.#grain);
    const previous = blocks.previous[block]!;
    const next = blocks.next[block]!;
    blocks.isFree[block] = 0;
    if (next !== NO_BLOCK) blocks.previous[next] = previous;
    if (previous !== NO_BLOCK) {
      blocks.next[previous] = next;
      return;
    }
    this.#heads[list] = next;
    if (next !== NO_BLOCK) return;
    const level = list >>> STEP_BITS;
    this.#stepMaps[level]! &= ~(1 << (list & (STEPS - 1)));
    if (this.#stepMaps[level] === 0) this.#levelMap &= ~(1 << level);
  }
}

/** The list that holds blocks of so many grains: level times `STEPS`, and step. Below `STEPS` grains, one list a length. */
function listOf(grains: number): number {
  if (grains < STEPS) return grains;
  const power = Math.floor(Math.log2(grains));
  const step = Math.floor(grains / 2 ** (power - STEP_BITS)) - STEPS;
  return ((power - STEP_BITS + 1) << STEP_BITS) + step;
}

/** The place of the lowest bit that is set. */
function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
