import { BuddyAllocator, Heap, SlabCache } from "kmem";
import { describe, expect, test } from "vitest";
import {
  expectArgumentError,
  NO_INTEGERS,
  NO_INTEGERS_NOR_MISSING,
  NO_POWERS_OF_TWO,
  PAGE,
} from "./helpers.ts";

const MOST = Number.MAX_SAFE_INTEGER;
const END = 2 ** 32;

/** One argument of one method: its name, how to give it a value, and what a message says is allowed. */
interface Argument<Subject> {
  method: string;
  name: string;
  allowed: string;
  use: (subject: Subject, value: never) => unknown;
  /** Values to try; without it, everything that is no integer. */
  values?: readonly [string, unknown][];
}

/** A test for each value of each argument. */
function testArguments<Subject>(
  list: readonly Argument<Subject>[],
  make: () => Subject & Parameters<typeof expectArgumentError>[0],
): void {
  for (const { method, name, allowed, use, values = NO_INTEGERS_NOR_MISSING } of list) {
    for (const [shown, value] of values) {
      test(`${method}: ${name} ${shown} (${typeof value})`, () => {
        const subject = make();
        const message = `${name} must be ${allowed}, got ${shown}`;
        expectArgumentError(subject, () => use(subject, value as never), value, message);
      });
    }
  }
}

describe("BuddyAllocator", () => {
  const COUNT = `an integer from 1 to ${2 ** 26}`;
  testArguments<BuddyAllocator>(
    [
      { method: "allocate", name: "order", allowed: "an integer from 0 to 4", use: (b, v) => b.allocate(v) },
      {
        method: "tryAllocate",
        name: "order",
        allowed: "an integer from 0 to 4",
        use: (b, v) => b.tryAllocate(v),
      },
      {
        method: "allocate in a range",
        name: "order",
        allowed: "an integer from 0 to 4",
        use: (b, v) => b.allocate(v, { from: 0 }),
      },
      {
        method: "allocate",
        name: "from",
        allowed: `an integer from 0 to ${MOST}`,
        use: (b, v) => b.allocate(0, { from: v }),
        values: NO_INTEGERS.filter(([, value]) => value !== null),
      },
      {
        method: "allocate",
        name: "to",
        allowed: `an integer from ${PAGE} to ${MOST}`,
        use: (b, v) => b.allocate(0, { from: PAGE, to: v }),
        values: [...NO_INTEGERS.filter(([, value]) => value !== null), ["4095", PAGE - 1]],
      },
      { method: "allocatePages", name: "count", allowed: COUNT, use: (b, v) => b.allocatePages(v) },
      { method: "tryAllocatePages", name: "count", allowed: COUNT, use: (b, v) => b.tryAllocatePages(v) },
      {
        method: "tryAllocatePages",
        name: "count",
        allowed: COUNT,
        use: (b, v) => b.tryAllocatePages(v),
        values: [
          ["0", 0],
          [`${2 ** 26 + 1}`, 2 ** 26 + 1],
        ],
      },
      {
        method: "tryAllocatePages",
        name: "align",
        allowed: "a power of two",
        use: (b, v) => b.tryAllocatePages(1, { align: v }),
        values: NO_POWERS_OF_TWO.filter(([, value]) => value !== null),
      },
      { method: "resizePages", name: "count", allowed: COUNT, use: (b, v) => b.resizePages(0, v) },
      {
        method: "reserve",
        name: "offset",
        allowed: `an integer from 0 to ${16 * PAGE - 1}`,
        use: (b, v) => b.reserve(v, 1),
      },
      {
        method: "reserve",
        name: "byteLength",
        allowed: `an integer from 1 to ${PAGE}`,
        use: (b, v) => b.reserve(15 * PAGE, v),
        values: [...NO_INTEGERS_NOR_MISSING, ["0", 0], ["4097", PAGE + 1]],
      },
      {
        method: "allocateAt",
        name: "offset",
        allowed: `an integer from 0 to ${12 * PAGE}`,
        use: (b, v) => b.allocateAt(v, 2),
      },
      {
        method: "allocateAt",
        name: "order",
        allowed: "an integer from 0 to 4",
        use: (b, v) => b.allocateAt(0, v),
      },
      {
        method: "grow",
        name: "newSize",
        allowed: `an integer from ${16 * PAGE} to ${32 * PAGE}`,
        use: (b, v) => b.grow(v),
        values: [...NO_INTEGERS_NOR_MISSING, [`${15 * PAGE}`, 15 * PAGE], [`${33 * PAGE}`, 33 * PAGE]],
      },
      {
        method: "grow",
        name: "newSize",
        allowed: "a multiple of the page size, 4096",
        use: (b, v) => b.grow(v),
        values: [[`${16 * PAGE + 1}`, 16 * PAGE + 1]],
      },
      {
        method: "shrinkTo",
        name: "newSize",
        allowed: `an integer from ${PAGE} to ${16 * PAGE}`,
        use: (b, v) => b.shrinkTo(v),
        values: [...NO_INTEGERS, ["0", 0], [`${17 * PAGE}`, 17 * PAGE]],
      },
      {
        method: "shrinkTo",
        name: "newSize",
        allowed: "a multiple of the page size, 4096",
        use: (b, v) => b.shrinkTo(v),
        values: [["4097", PAGE + 1]],
      },
    ],
    () => {
      const buddy = new BuddyAllocator({ size: 16 * PAGE, maxSize: 32 * PAGE, maxOrder: 4 });
      buddy.allocate(1);
      return buddy;
    },
  );
});

describe("SlabCache", () => {
  testArguments<{ cache: SlabCache; buddy: BuddyAllocator }>(
    [
      {
        method: "allocateBulk",
        name: "n",
        allowed: "an integer from 0 to 4",
        use: ({ cache }, v) => cache.allocateBulk(new Int32Array(4), v),
        values: [...NO_INTEGERS_NOR_MISSING, ["5", 5]],
      },
      {
        method: "allocateBulk into an array",
        name: "n",
        allowed: `an integer from 0 to ${MOST}`,
        use: ({ cache }, v) => cache.allocateBulk([], v),
      },
      {
        method: "freeBulk",
        name: "n",
        allowed: "an integer from 0 to 2",
        use: ({ cache }, v) => cache.freeBulk([0, 512], v),
        values: [...NO_INTEGERS_NOR_MISSING, ["3", 3]],
      },
    ],
    () => {
      const buddy = new BuddyAllocator({ size: 16 * PAGE });
      const cache = new SlabCache(buddy, { name: "objects", objectSize: 512 });
      cache.allocateBulk([], 5);
      return { cache, buddy };
    },
  );
});

describe("Heap", () => {
  const LENGTH = `an integer from 0 to ${END}`;
  testArguments<Heap>(
    [
      { method: "malloc", name: "byteLength", allowed: LENGTH, use: (h, v) => h.malloc(v) },
      { method: "tryMalloc", name: "byteLength", allowed: LENGTH, use: (h, v) => h.tryMalloc(v) },
      {
        method: "malloc",
        name: "byteLength",
        allowed: LENGTH,
        use: (h, v) => h.malloc(v),
        values: [[`${END + 1}`, END + 1]],
      },
      {
        method: "malloc",
        name: "align",
        allowed: "a power of two",
        use: (h, v) => h.malloc(16, v),
        values: NO_POWERS_OF_TWO,
      },
      {
        method: "tryMalloc",
        name: "align",
        allowed: "a power of two",
        use: (h, v) => h.tryMalloc(16, v),
        values: NO_POWERS_OF_TWO,
      },
      {
        method: "calloc",
        name: "count",
        allowed: `an integer from 0 to ${MOST}`,
        use: (h, v) => h.calloc(v, 1),
      },
      {
        method: "calloc",
        name: "byteLength",
        allowed: `an integer from 0 to ${MOST}`,
        use: (h, v) => h.calloc(1, v),
      },
      { method: "realloc", name: "byteLength", allowed: LENGTH, use: (h, v) => h.realloc(0, v) },
      {
        method: "array",
        name: "length",
        allowed: `an integer from 0 to ${END / 4}`,
        use: (h, v) => h.array(Float32Array, v),
        values: [...NO_INTEGERS_NOR_MISSING, [`${END / 4 + 1}`, END / 4 + 1]],
      },
      {
        method: "grow",
        name: "newSize",
        allowed: `an integer from ${16 * PAGE} to ${32 * PAGE}`,
        use: (h, v) => h.grow(v),
        values: [
          ...NO_INTEGERS_NOR_MISSING,
          [`${16 * PAGE - 1}`, 16 * PAGE - 1],
          [`${32 * PAGE + 1}`, 32 * PAGE + 1],
        ],
      },
      {
        method: "createCache",
        name: "objectSize",
        allowed: `an integer from 1 to ${32 * PAGE}`,
        use: (h, v) => h.createCache({ name: "c", objectSize: v }),
        values: [...NO_INTEGERS_NOR_MISSING, ["0", 0], [`${32 * PAGE + 1}`, 32 * PAGE + 1]],
      },
      {
        method: "createCache",
        name: "align",
        allowed: "a power of two",
        use: (h, v) => h.createCache({ name: "c", objectSize: 8, align: v }),
        values: NO_POWERS_OF_TWO.filter(([, value]) => value !== null),
      },
      {
        method: "createCache",
        name: "align",
        allowed: `an integer from 1 to ${32 * PAGE}`,
        use: (h, v) => h.createCache({ name: "c", objectSize: 8, align: v }),
        values: [[`${64 * PAGE}`, 64 * PAGE]],
      },
      {
        method: "createCache",
        name: "magazineSize",
        allowed: "an integer from 1 to 8191",
        use: (h, v) => h.createCache({ name: "c", objectSize: 8, magazineSize: v }),
        values: [...NO_INTEGERS, ["0", 0], ["8192", 8192]],
      },
      {
        method: "createCache",
        name: "name",
        allowed: "a string",
        use: (h, v) => h.createCache({ name: v, objectSize: 8 }),
        values: [
          ["8", 8],
          ["undefined", undefined],
          ["null", null],
        ],
      },
      {
        method: "createCache",
        name: "construct",
        allowed: "a function",
        use: (h, v) => h.createCache({ name: "c", objectSize: 8, construct: v }),
        values: [
          ["8", 8],
          ["null", null],
        ],
      },
    ],
    () => {
      const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE, { maxByteLength: 32 * PAGE }) });
      expect(heap.malloc(3 * PAGE)).toBe(0);
      heap.malloc(100);
      return heap;
    },
  );
});
