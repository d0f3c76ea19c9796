/** Questions about what is no allocation, and sizes that cannot be. */
import { allowed, PAGE, type Row, throws } from "../row.ts";

const notAllocated = (letter: string) => throws("NOT_ALLOCATED", `no allocation begins at offset ${letter}`);

/** A row that is the same by default and in debug mode. */
function same(group: string, name: string, outcome: Row["byDefault"], misuse: Row["misuse"]): Row {
  return { group, name, misuse, byDefault: outcome, inDebug: outcome };
}

const USABLE_SIZES: readonly Row[] = [
  same("`usableSize` of what is no allocation", "freed", notAllocated("A"), (scene) => {
    const offset = scene.malloc("A", 100);
    scene.heap.free(offset);
    return scene.heap.usableSize(offset);
  }),
  same("`usableSize` of what is no allocation", "freed, large", notAllocated("A"), (scene) => {
    const offset = scene.malloc("A", 20_000);
    scene.heap.free(offset);
    return scene.heap.usableSize(offset);
  }),
  same("`usableSize` of what is no allocation", "inside one", notAllocated("B"), (scene) =>
    scene.heap.usableSize(scene.mark("B", scene.malloc("A", 100) + 16)),
  ),
  same("`usableSize` of what is no allocation", "never allocated", notAllocated("A"), (scene) =>
    scene.heap.usableSize(scene.mark("A", 100 * PAGE)),
  ),
  same("`usableSize` of what is no allocation", "outside the heap", notAllocated("-1"), (scene) =>
    scene.heap.usableSize(-1),
  ),
];

const REALLOCS: readonly Row[] = [
  same("`realloc`", "of what was freed", notAllocated("A"), (scene) => {
    const offset = scene.malloc("A", 100);
    scene.heap.free(offset);
    scene.heap.realloc(offset, 200);
  }),
  same("`realloc`", "of the old offset of what `realloc` moved", notAllocated("A"), (scene) => {
    const offset = scene.malloc("A", 100);
    scene.heap.realloc(offset, 5000);
    scene.heap.realloc(offset, 200);
  }),
  same("`realloc`", "from inside an allocation", notAllocated("B"), (scene) =>
    scene.heap.realloc(scene.mark("B", scene.malloc("A", 100) + 16), 200),
  ),
  same("`realloc`", "from a page inside a large allocation", notAllocated("B"), (scene) =>
    scene.heap.realloc(scene.mark("B", scene.malloc("A", 20_000) + PAGE), 200),
  ),
  same("`realloc`", "of what was never allocated", notAllocated("A"), (scene) =>
    scene.heap.realloc(scene.mark("A", 100 * PAGE), 200),
  ),
  same(
    "`realloc`",
    "to a negative size",
    throws("RangeError", "byteLength must be an integer from 0 to 4294967296, got -1"),
    (scene) => scene.heap.realloc(scene.malloc("A", 100), -1),
  ),
  {
    group: "`realloc`",
    name: "to more than there is: the old allocation stays",
    misuse: (scene) => scene.heap.realloc(scene.malloc("A", 100), 2 ** 30),
    byDefault: throws(
      "OUT_OF_MEMORY",
      "out of memory: asked for 1073741824 bytes, 585728 are free, 262144 in the largest block, fragmentation index 858",
    ),
    inDebug: throws(
      "OUT_OF_MEMORY",
      "out of memory: asked for 1073741824 bytes, 585728 are free, 262144 in the largest block, fragmentation index 858",
    ),
    inSharedDebug: throws(
      "OUT_OF_MEMORY",
      "out of memory: asked for 1073741824 bytes, 581632 are free, 262144 in the largest block, fragmentation index 834",
    ),
  },
];

const SIZES: readonly Row[] = [
  same(
    "Size arithmetic",
    "`calloc` whose product overflows 32 bits",
    throws(
      "OUT_OF_MEMORY",
      "out of memory: asked for 4295032832 bytes, 589824 are free, 262144 in the largest block, fragmentation index 750",
    ),
    (scene) => scene.heap.calloc(65537, 65536),
  ),
  same(
    "Size arithmetic",
    "`calloc` whose product overflows 53 bits",
    throws(
      "OUT_OF_MEMORY",
      "out of memory: asked for 1.2089258196146292e+24 bytes, 589824 are free, 262144 in the largest block, fragmentation index 750",
    ),
    (scene) => scene.heap.calloc(2 ** 40, 2 ** 40),
  ),
  same(
    "Size arithmetic",
    "`calloc` of a negative count",
    throws("RangeError", "count must be an integer from 0 to 9007199254740991, got -1"),
    (scene) => scene.heap.calloc(-1, 8),
  ),
  same(
    "Size arithmetic",
    "`array` whose bytes overflow",
    throws("RangeError", "length must be an integer from 0 to 536870912, got 4294967296"),
    (scene) => scene.heap.array(Float64Array, 2 ** 32),
  ),
  same(
    "Impossible sizes",
    "negative",
    throws("RangeError", "byteLength must be an integer from 0 to 4294967296, got -1"),
    (scene) => scene.heap.malloc(-1),
  ),
  same(
    "Impossible sizes",
    "a fraction",
    throws("RangeError", "byteLength must be an integer from 0 to 4294967296, got 1.5"),
    (scene) => scene.heap.malloc(1.5),
  ),
  same(
    "Impossible sizes",
    "NaN",
    throws("RangeError", "byteLength must be an integer from 0 to 4294967296, got NaN"),
    (scene) => scene.heap.malloc(NaN),
  ),
  same(
    "Impossible sizes",
    "beyond 4 GiB",
    throws("RangeError", "byteLength must be an integer from 0 to 4294967296, got 9007199254740992"),
    (scene) => scene.heap.malloc(2 ** 53),
  ),
  same(
    "Impossible sizes",
    "text",
    throws("TypeError", 'byteLength must be an integer from 0 to 4294967296, got "8"'),
    (scene) => scene.heap.malloc("8" as unknown as number),
  ),
  same(
    "Impossible sizes",
    "larger than the heap",
    throws(
      "OUT_OF_MEMORY",
      "out of memory: asked for 1048576 bytes, 589824 are free, 262144 in the largest block, fragmentation index 610",
    ),
    (scene) => scene.heap.malloc(2 ** 20),
  ),
  same(
    "Impossible sizes",
    "an object that no slab can hold",
    throws("RangeError", "objectSize must be an integer from 1 to 524288, got 1073741824"),
    (scene) => scene.heap.createCache({ name: "giants", objectSize: 2 ** 30 }),
  ),
  same("Impossible sizes", "0", allowed("an allocation of its own, of no bytes or a few"), (scene) => {
    if (scene.heap.malloc(0) === scene.heap.malloc(0)) throw new Error("two allocations at one offset");
  }),
];

export const SIZE_ROWS: readonly Row[] = [...USABLE_SIZES, ...REALLOCS, ...SIZES];
