// The fast path in WebAssembly and the code in JavaScript that it repeats: the same operations on the same tables, beside
// each other, after each of which every word is the same.

import { describe, expect, test } from "vitest";
import { AllocError, Heap } from "../../src/index.ts";
import type { SlabPool } from "../../src/slab/slab-pool.ts";
import { type CAllocator, cAllocator } from "../../src/wasm/c-allocator.ts";
import { type FastFunctions, fastFunctions } from "../../src/wasm/fast-path.ts";
import { MemoryWords } from "../../src/wasm/memory-words.ts";
import { TableMemory } from "../../src/wasm/table-memory.ts";
import { wasmMemory } from "../model/backings.ts";
import { Random } from "../model/random.ts";

const OPERATIONS = 10_000;

interface Space {
  readonly base: number;
  readonly size: number;
  readonly maxSize: number;
  readonly pageSize: number;
}

const SPACES: Record<string, Space> = {
  "at the start": { base: 4096, size: 65536, maxSize: 2 ** 21, pageSize: 4096 },
  "across 2 GiB": { base: 2 ** 31 - 2 ** 20, size: 2 ** 20, maxSize: 2 ** 21, pageSize: 4096 },
  "at the end of 4 GiB": { base: 2 ** 32 - 2 ** 20, size: 2 ** 20, maxSize: 2 ** 20, pageSize: 4096 },
  "in small pages": { base: 1024, size: 65536, maxSize: 2 ** 20, pageSize: 512 },
  "in large pages": { base: 2 ** 16, size: 2 ** 20, maxSize: 2 ** 22, pageSize: 65536 },
};

/** A heap whose pool lies in table memory, and C's functions on it in JavaScript. */
class Subject {
  readonly tables: TableMemory;
  readonly heap: Heap;
  readonly inJavaScript: CAllocator;
  private readonly pool: SlabPool;

  constructor(space: Space) {
    this.tables = new TableMemory(space.base + space.maxSize, space.pageSize);
    this.heap = new Heap(space, (...parts) => this.tables.makeParts(...parts));
    this.pool = (this.heap as unknown as { pool: SlabPool }).pool;
    this.inJavaScript = cAllocator(this.heap, new MemoryWords(wasmMemory({ initial: 1 })), {});
  }

  /** Every word that tells of the space as it is, and of the caches. */
  words(): Uint8Array[] {
    const caches = this.pool.words.subarray(0, this.pool.layout.inUse);
    return [caches, ...Object.values(this.pool.spaceRegions())].map(
      ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
    );
  }
}

/** What a call returned, or the code of what it threw. */
function outcome(call: () => number | void): number | string | void {
  try {
    return call();
  } catch (error) {
    if (error instanceof AllocError) return error.code;
    throw error;
  }
}

/** Sizes on both sides of every border, and what C makes of negative numbers. */
function randomSize(random: Random): number {
  if (random.chance(0.02)) return random.pick([0, 1, 15, 16, 17, 8191, 8192, 8193, 20_000, 2 ** 31, -1]);
  return random.upTo(random.chance(0.9) ? 600 : 9000);
}

/** A pointer that is an object's, was one, or never was. */
function randomPointer(random: Random, live: readonly number[], dead: readonly number[]): number {
  const near = live.length > 0 ? random.pick(live) : 0;
  return random.pick([
    near,
    near + 1,
    near + 8,
    near + 16,
    -near,
    0,
    random.below(2 ** 32),
    dead.at(-1) ?? 0,
  ]);
}

describe.each(Object.entries(SPACES))("a heap %s", (_, space) => {
  test("has the same words, results and errors with the fast path as without", () => {
    const fast = new Subject(space);
    const plain = new Subject(space);
    let left = 0;
    const counted = Object.fromEntries(
      (["malloc", "free", "malloc_usable_size"] as const).map((name) => [
        name,
        (word: number) => (left++, fast.inJavaScript[name](word)),
      ]),
    ) as unknown as FastFunctions;
    const inWasm = fastFunctions(fast.tables, counted);
    const random = new Random(1, JSON.stringify(space));
    const live: number[] = [];
    const dead: number[] = [];

    /** Calls the same on both, and returns what both gave. */
    const both = (call: (functions: FastFunctions, heap: Heap) => number | void): number | string | void => {
      const result = outcome(() => call(inWasm, fast.heap));
      expect(result).toBe(outcome(() => call(plain.inJavaScript, plain.heap)));
      return result;
    };
    const allocate = (): void => {
      const size = randomSize(random);
      const pointer = both(({ malloc }) => malloc(size));
      if (typeof pointer === "number" && pointer !== 0) live.push(pointer);
    };
    const release = (): void => {
      const [pointer] = live.splice(random.below(live.length), 1);
      both(({ free }) => free(pointer!));
      dead.push(pointer!);
    };
    let wanted = 0;
    const actions = {
      allocate,
      release: () => (live.length > 0 ? release() : allocate()),
      // JavaScript on the same heap, in between.
      allocateInJavaScript: () => {
        const size = random.upTo(9000);
        const offset = both((_, heap) => heap.tryMalloc(size));
        if (typeof offset === "number" && offset >= 0) live.push(offset | 0);
      },
      releaseInJavaScript: () => {
        if (live.length === 0) return;
        const [pointer] = live.splice(random.below(live.length), 1);
        both((_, heap) => heap.free(pointer! >>> 0));
      },
      measure: () => {
        const pointer = randomPointer(random, live, dead);
        both(({ malloc_usable_size }) => malloc_usable_size(pointer));
      },
      misuse: () => {
        const pointer = randomPointer(random, live, dead);
        const result = both(({ free }) => free(pointer));
        if (result === undefined)
          live.splice(0, live.length, ...live.filter((other) => other !== (pointer | 0)));
      },
    };
    for (let operation = 0; operation < OPERATIONS; operation++) {
      // Populations that rise and fall, so that magazines run full and empty.
      if (operation % 500 === 0) wanted = random.upTo(2000);
      const grows = live.length < wanted;
      actions[
        random.weighted({
          allocate: grows ? 6 : 2,
          release: grows ? 2 : 6,
          allocateInJavaScript: 0.5,
          releaseInJavaScript: 0.5,
          measure: 1,
          misuse: 0.5,
        })
      ]();
      const [ours, theirs] = [fast.words(), plain.words()];
      if (operation % 1000 === 0) fast.heap.check();
      ours.forEach((part, index) => expect(Buffer.compare(part, theirs[index]!), `part ${index}`).toBe(0));
    }
    fast.heap.check();
    // Most of it was done by the fast path.
    expect(left).toBeLessThan(OPERATIONS / 2);
  });
});

test("a pointer beyond the last page of the space is refused, as any wrong one", () => {
  const { tables, inJavaScript } = new Subject(SPACES["at the start"]!);
  const { free, malloc_usable_size } = fastFunctions(tables, inJavaScript);
  for (const pointer of [2 ** 21 + 4096, 2 ** 31, 2 ** 32 - 16, -16]) {
    expect(outcome(() => free(pointer))).toBe("INVALID_FREE");
    expect(outcome(() => malloc_usable_size(pointer))).toBe("NOT_ALLOCATED");
  }
});

test.each([16, 48, 2 ** 32])("tables in pages of %d bytes are refused", (pageSize) => {
  expect(() => new TableMemory(2 ** 32, pageSize)).toThrow(RangeError);
});
