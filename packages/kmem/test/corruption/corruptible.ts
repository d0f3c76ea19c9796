/**
 * A heap whose tables can be spoilt bit by bit and put right again: every bit of every typed array that it keeps.
 *
 * The heap has a bit of everything: slabs that are full, partly free, empty and constructed, magazines with slots, runs,
 * blocks, notes of freed runs, a cache that was destroyed, room to grow.
 */
import { Heap, NONE, type SlabCache } from "../../src/index.ts";
import type { SlabPool } from "../../src/slab/slab-pool.ts";
import type { Random } from "../model/random.ts";

const PAGE = 4096;

/** One of the arrays that hold the heap's state. */
interface Table {
  readonly name: string;
  readonly array: Int32Array | Uint8Array;
  readonly saved: Int32Array | Uint8Array;
}

/** A bit of a table. */
export interface Bit {
  readonly table: Table;
  /** The index of the table's element. */
  readonly at: number;
  /** Counted from the lowest. */
  readonly bit: number;
}

/** The typed arrays of a heap, which no public name leads to. */
interface Internals {
  pool: SlabPool;
  buddy: {
    state: Int32Array;
    pages: Uint8Array;
    lists: { words: Int32Array };
    waiting: { words: Int32Array };
  };
}

export class Corruptible {
  readonly heap: Heap;
  readonly caches: SlabCache[] = [];
  /** Every allocation that lives. */
  readonly live: number[] = [];
  readonly pool: SlabPool;
  /** What the pool remembers of its caches beside its words: made caches are forgotten with the rest. */
  readonly #geometries: unknown[];
  readonly #savedGeometries: readonly unknown[];
  readonly tables: readonly Table[];

  /** A heap of `pageCount` pages after `steps` random operations. */
  constructor(random: Random, pageCount: number, steps: number) {
    const { heap, caches, live } = this.#make(random, pageCount, steps);
    this.heap = heap;
    this.caches = caches;
    this.live = live;
    const { pool, buddy } = heap as unknown as Internals;
    this.pool = pool;
    this.#geometries = pool["geometries"] as unknown[];
    this.#savedGeometries = [...pool["geometries"]];
    this.tables = Object.entries({
      "pool words": pool.words,
      "buddy state": buddy.state,
      "page map": buddy.pages,
      "free lists": buddy.lists.words,
      "waiting runs": buddy.waiting.words,
    }).map(([name, array]) => ({ name, array, saved: array.slice() }));
  }

  #make(random: Random, pageCount: number, steps: number): Pick<Corruptible, "heap" | "caches" | "live"> {
    const heap = new Heap({
      buffer: new ArrayBuffer(pageCount * PAGE, { maxByteLength: (pageCount + 4) * PAGE }),
    });
    const caches = [
      heap.createCache({ name: "nodes", objectSize: 200 }),
      heap.createCache({ name: "gone", objectSize: 48 }),
      heap.createCache({ name: "ready", objectSize: 1000, construct: () => undefined }),
    ];
    caches.splice(1, 1)[0]!.destroy();
    const live: number[] = [];
    const [large, waiting] = [heap.malloc(3 * PAGE), heap.malloc(3 * PAGE)];
    for (let step = 0; step < steps; step++) {
      if (random.chance(0.55)) {
        const cache = random.chance(0.3) ? random.pick(caches) : undefined;
        const byteLength = random.pick([16, 16, 100, 700, 3 * PAGE]);
        const offset = cache?.tryAllocate() ?? heap.tryMalloc(random.upTo(byteLength));
        if (offset !== NONE) live.push(offset);
      } else if (live.length > 0) heap.free(live.splice(random.below(live.length), 1)[0]!);
    }
    live.push(large);
    heap.check();
    // It waits then; the check would have merged it.
    heap.free(waiting);
    return { heap, caches, live };
  }

  /** All bits there are. */
  get bitCount(): number {
    return this.tables.reduce((sum, { array }) => sum + 8 * array.byteLength, 0);
  }

  /** Bit `index` of all tables, one after the other. */
  bitAt(index: number): Bit {
    for (const table of this.tables) {
      const width = 8 * table.array.BYTES_PER_ELEMENT;
      if (index < width * table.array.length) {
        return { table, at: Math.floor(index / width), bit: index % width };
      }
      index -= width * table.array.length;
    }
    throw new RangeError(`there is no bit ${index}`);
  }

  flip({ table, at, bit }: Bit): void {
    table.array[at]! ^= 1 << bit;
  }

  /** Makes every table what it was. */
  restore(): void {
    for (const { array, saved } of this.tables) array.set(saved);
    this.#geometries.splice(0, Infinity, ...this.#savedGeometries);
  }
}
