/**
 * Every sequence of up to seven operations on a space of eight pages.
 *
 * Each sequence is played from the start; after its last operation the allocator is checked and compared with a
 * model. An allocation that the model says cannot be served has to fail and ends its sequence, as it changes nothing.
 * The numbers of sequences are asserted, so that a smaller alphabet or an early end does not go unnoticed.
 */
import { BuddyAllocator, Heap, NONE } from "kmem";
import { describe, expect, it } from "vitest";
import { fail, same } from "./model/driver.ts";
import { PageModel } from "./model/page-model.ts";
import { SpaceModel } from "./model/space-model.ts";

const PAGE = 4096;
const PAGE_COUNT = 8;
const LONGEST = 7;

/** What is played: a fresh allocator, its model, and what its operations do. */
interface Game {
  /** The operations that the state allows. */
  moves(): number[];
  /** Does operation `move` on both; false when there was no room. */
  play(move: number): boolean;
  /** Compares allocator and model. */
  compare(): void;
}

/** What was seen on the way. */
interface Tally {
  /** Sequences played. */
  sequences: number;
  /** Those whose last operation found no room. */
  roomless: number;
  /** Different states seen. */
  states: Set<string>;
}

function counts({ sequences, roomless, states }: Tally): Record<string, number> {
  return { sequences, roomless, states: states.size };
}

/** Plays every sequence of up to `longest` operations; `start` makes a game, `describeState` names its state. */
function enumerate<G extends Game>(
  longest: number,
  start: () => G,
  describeState: (game: G) => string,
): Tally {
  const tally: Tally = { sequences: 0, roomless: 0, states: new Set() };
  const sequence: number[] = [];
  const visit = (): void => {
    const game = start();
    const lastIndex = sequence.length - 1;
    let hasRoom = true;
    try {
      for (const move of sequence) hasRoom = game.play(move);
      game.compare();
    } catch (error) {
      throw new Error(`after operations ${sequence.join(" ")}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    tally.sequences += lastIndex >= 0 ? 1 : 0;
    if (!hasRoom) {
      tally.roomless++;
      return;
    }
    tally.states.add(describeState(game));
    if (sequence.length === longest) return;
    for (const move of game.moves()) {
      sequence.push(move);
      visit();
      sequence.pop();
    }
  };
  visit();
  return tally;
}

/**
 * The pages that operations 0 to 6 of a buddy allocator take: blocks of order 0 to 3, runs of three and of five
 * pages, and the highest page there is.
 */
const PAGES_OF = [1, 2, 4, 8, 3, 5, 1];
/** Operation 10 + k frees the k-th oldest. */
const FREE = 10;

class BuddyGame implements Game {
  readonly buddy: BuddyAllocator;
  readonly #model: PageModel;
  readonly #live: { page: number; count: number }[] = [];

  constructor(base: number) {
    this.buddy = new BuddyAllocator({ size: PAGE_COUNT * PAGE, base });
    this.#model = new PageModel(this.buddy);
  }

  moves(): number[] {
    return [...PAGES_OF.keys(), ...this.#live.map((_, index) => FREE + index)];
  }

  play(move: number): boolean {
    if (move >= FREE) {
      const [{ page, count }] = this.#live.splice(move - FREE, 1) as [{ page: number; count: number }];
      this.buddy.free(this.#model.offsetOf(page));
      this.#model.set(page, count, 0);
      return true;
    }
    const count = PAGES_OF[move]!;
    const offset = this.#allocate(move, count);
    if (offset === NONE) return false;
    const page = this.#model.pageOf(offset);
    if (!this.#model.isFree(page, count)) fail(`page ${page} and ${count - 1} more are not free`);
    this.#model.set(page, count, 1);
    this.#live.push({ page, count });
    return true;
  }

  /** Allocates, and compares the place with the one foretold. */
  #allocate(move: number, count: number): number {
    const model = this.#model;
    if (move === 4 || move === 5) {
      const isPossible = model.hasRun(count, 1);
      const offset = this.buddy.tryAllocatePages(count);
      same(`a run of ${count} pages is found`, offset !== NONE, isPossible);
      return offset;
    }
    const { base } = this.buddy;
    const highest = move === 6;
    const order = highest ? 0 : move;
    const page = highest ? model.placeWithin(0, base, base + PAGE_COUNT * PAGE, true) : model.placeFor(order);
    const offset = this.buddy.tryAllocate(order, highest ? { highest } : undefined);
    same("the place", offset, page < 0 ? NONE : model.offsetOf(page));
    return offset;
  }

  compare(): void {
    this.buddy.check();
    const counts = Array.from({ length: this.buddy.maxOrder + 1 }, () => 0);
    for (const { order } of this.#model.freeBlocks()) counts[order]!++;
    const { freeBlocks, freePages } = this.buddy.stats();
    same("freeBlocks", freeBlocks.join(), counts.join());
    same("freePages", freePages, this.#model.freePages);
    for (const { page, count } of this.#live) {
      same("sizeOf", this.buddy.sizeOf(this.#model.offsetOf(page)), count * PAGE);
    }
  }

  describe(): string {
    return this.#live
      .map(({ page, count }) => `${page}+${count}`)
      .sort()
      .join(" ");
  }
}

/** Bytes that operations 0 to 2 ask for: a small slot, a slab of a page, and a run. */
const LENGTHS = [100, PAGE, 3 * PAGE];
const FREE_OLDEST = 3;
const FREE_NEWEST = 4;
const SHRINK = 5;

/** One heap for all games: `reset` makes it fresh, which is compared with a new one. */
class HeapGame implements Game {
  readonly heap: Heap;
  readonly #space = new SpaceModel(0, PAGE_COUNT * PAGE, 16);
  readonly #live: { offset: number; usable: number; id: number }[] = [];
  #lastId = 0;

  constructor(heap: Heap) {
    this.heap = heap;
    heap.reset();
  }

  moves(): number[] {
    const isEmpty = this.#live.length === 0;
    // With one object, the newest is the oldest.
    return [
      0,
      1,
      2,
      ...(isEmpty ? [] : [FREE_OLDEST]),
      ...(this.#live.length > 1 ? [FREE_NEWEST] : []),
      SHRINK,
    ];
  }

  play(move: number): boolean {
    if (move === SHRINK) this.heap.shrink();
    else if (move === FREE_OLDEST) this.#free(0);
    else if (move === FREE_NEWEST) this.#free(this.#live.length - 1);
    else {
      const byteLength = LENGTHS[move]!;
      const offset = this.heap.tryMalloc(byteLength);
      if (offset === NONE) return false;
      const usable = this.heap.usableSize(offset);
      if (usable < byteLength || offset % 16 !== 0)
        fail(`malloc(${byteLength}) gave ${usable} bytes at ${offset}`);
      this.#space.claim(offset, usable, ++this.#lastId);
      this.#live.push({ offset, usable, id: this.#lastId });
    }
    return true;
  }

  #free(index: number): void {
    const { offset, usable } = this.#live.splice(index, 1)[0]!;
    this.heap.free(offset);
    this.#space.release(offset, usable);
  }

  compare(): void {
    this.heap.check();
    const stats = this.heap.stats();
    same("objects", stats.objects, this.#live.length);
    same(
      "usedBytes",
      stats.usedBytes,
      this.#live.reduce((sum, { usable }) => sum + usable, 0),
    );
    for (const { offset, usable } of this.#live) same("usableSize", this.heap.usableSize(offset), usable);
    if (this.#live.length === 0 && stats.heldBytes > PAGE_COUNT * PAGE)
      fail("pages are held that are not there");
  }

  describe(): string {
    return this.#live
      .map(({ offset, usable }) => `${offset}+${usable}`)
      .sort()
      .join(" ");
  }
}

describe("every sequence of operations on eight pages", () => {
  it("of a BuddyAllocator", () => {
    const tally = enumerate(
      LONGEST,
      () => new BuddyGame(0),
      (game) => game.describe(),
    );
    expect(counts(tally)).toEqual({ sequences: 544_591, roomless: 199_822, states: 887 });
  });

  it("of a BuddyAllocator whose base is aligned to a single page, up to six operations", () => {
    const tally = enumerate(
      LONGEST - 1,
      () => new BuddyGame(3 * PAGE),
      (game) => game.describe(),
    );
    expect(counts(tally)).toEqual({ sequences: 79_427, roomless: 28_803, states: 353 });
  });

  it("of a Heap", () => {
    const heap = new Heap({ size: PAGE_COUNT * PAGE });
    const fresh = JSON.stringify([heap.snapshot(), heap.stats()]);
    const tally = enumerate(
      LONGEST,
      () => new HeapGame(heap),
      (game) => game.describe(),
    );
    // How many have no room depends on how slabs are cut, so these are no exact numbers.
    expect(tally.sequences).toBeGreaterThan(90_000);
    expect(tally.roomless).toBeGreaterThan(1000);
    expect(tally.states.size).toBeGreaterThan(500);
    heap.reset();
    expect(JSON.stringify([heap.snapshot(), heap.stats()])).toBe(fresh);
  });
});
