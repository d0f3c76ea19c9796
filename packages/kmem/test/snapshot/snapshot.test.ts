import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Heap, type HeapSnapshot } from "kmem";
import { describe, expect, test } from "vitest";

const PAGE = 4096;
const DOCS = new URL("../../../../docs/", import.meta.url);

/** The schema, as published, and a validator made from it that knows every keyword or refuses. */
const SCHEMA = JSON.parse(readFileSync(new URL("snapshot.schema.json", DOCS), "utf8")) as SchemaNode;
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(SCHEMA);

/** The part of a schema that its own test walks. */
interface SchemaNode {
  description?: string;
  properties?: Record<string, SchemaNode>;
  required?: string[];
  $defs?: Record<string, SchemaNode>;
  [keyword: string]: unknown;
}

/** Expects `snapshot`, as JSON, to follow the schema. */
function expectValid(snapshot: unknown): void {
  validate(JSON.parse(JSON.stringify(snapshot)));
  expect(validate.errors).toBeNull();
}

/** Expects that slabs, large allocations and free blocks cover the space once, and say the same as the heap. */
function expectTiles(heap: Heap, snapshot: HeapSnapshot): void {
  const { base, size, pageSize, slabs, large, free } = snapshot;
  const ranges = [...slabs, ...large, ...free].sort((a, b) => a.offset - b.offset);
  let at = base;
  for (const { offset, byteLength } of ranges) {
    expect(offset, "no gap and no overlap").toBe(at);
    expect(byteLength % pageSize).toBe(0);
    at += byteLength;
  }
  expect(at, "up to the end").toBe(base + size);
  for (const list of [slabs, large, free]) {
    expect(list.map(({ offset }) => offset)).toEqual(
      ranges.filter((range) => list.includes(range as never)).map(({ offset }) => offset),
    );
  }
  for (const { offset, byteLength } of free) {
    expect(Number.isInteger(Math.log2(byteLength / pageSize)), "a free block is 2^k pages").toBe(true);
    expect(offset % byteLength, "and aligned to its size").toBe(0);
  }
  for (const { offset, byteLength } of large) expect(heap.usableSize(offset)).toBe(byteLength);
  for (const { offset, byteLength, slotSize, slots, cache } of slabs) {
    expect(slots).toHaveLength(Math.floor(byteLength / slotSize));
    expect(snapshot.caches.find(({ name }) => name === cache)).toMatchObject({ slotSize });
    const owned = Array.from(slots, (_, slot) => (heap.owns(offset + slot * slotSize) ? "1" : "0"));
    expect(slots).toBe(owned.join(""));
  }
}

/** Expects the sums over a snapshot to be the figures of `stats()`. */
function expectFigures(heap: Heap, snapshot: HeapSnapshot): void {
  const { slabs, large, free } = snapshot;
  const stats = heap.stats();
  const bytes = (ranges: readonly { byteLength: number }[]): number =>
    ranges.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const objects = slabs.reduce((sum, { slots }) => sum + slots.replaceAll("0", "").length, 0);
  expect(snapshot).toMatchObject({ size: stats.size, maxSize: stats.maxSize, pageSize: stats.pageSize });
  expect(large).toHaveLength(stats.largeObjects);
  expect(bytes(large)).toBe(stats.largeBytes);
  expect(bytes(slabs) + bytes(large)).toBe(stats.heldBytes);
  expect(bytes(free)).toBe(stats.buddy.freePages * stats.pageSize);
  expect(objects + large.length).toBe(stats.objects);
  for (const { name, slabs: slabCount, slots } of stats.caches) {
    const own = slabs.filter(({ cache }) => cache === name);
    expect(own).toHaveLength(slabCount);
    expect(own.reduce((sum, slab) => sum + slab.slots.length, 0)).toBe(slots);
  }
}

/** Random numbers from 0 to 1 that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Allocates and frees at random, small and large. */
function mixUp(heap: Heap, seed: number): void {
  const random = seeded(seed);
  const live: number[] = [];
  for (let step = 0; step < 800; step++) {
    if (random() < 0.6) {
      const offset = heap.tryMalloc(Math.floor(random() ** 6 * 40_000));
      if (offset >= 0) live.push(offset);
    } else if (live.length > 0) {
      heap.free(live.splice(Math.floor(random() * live.length), 1)[0]);
    }
  }
}

const HEAPS: [string, () => Heap][] = [
  ["a fresh heap", () => new Heap({ size: 64 * PAGE })],
  ["a single page", () => new Heap({ size: PAGE })],
  ["an odd base and size", () => new Heap({ size: 77 * PAGE, base: 13 * PAGE })],
  ["pages of 512 bytes", () => new Heap({ size: 2 ** 19, pageSize: 512 })],
  ["a buffer", () => new Heap({ buffer: new ArrayBuffer(100 * PAGE) })],
  ["a heap that may grow", () => new Heap({ size: PAGE, maxSize: 500 * PAGE })],
  ["the end of 4 GiB", () => new Heap({ size: 64 * PAGE, base: 2 ** 32 - 64 * PAGE })],
  [
    "named caches",
    () => {
      const heap = new Heap({ size: 300 * PAGE });
      for (const [name, objectSize] of [
        ["inode cache", 600],
        ["dentry", 192],
        ["", 24],
        ['näme "quoted"', 5000],
      ] as const) {
        const cache = heap.createCache({ name, objectSize });
        cache.freeBulk([cache.allocate(), cache.allocate(), cache.allocate()].slice(1), 2);
      }
      return heap;
    },
  ],
];

describe.each(HEAPS)("a snapshot of %s", (_, make) => {
  test("before anything else: valid, tiles the space, agrees with stats()", () => {
    const heap = make();
    const snapshot = heap.snapshot();
    expectValid(snapshot);
    expectTiles(heap, snapshot);
    expectFigures(heap, snapshot);
  });

  test.each([1, 2, 3])("in the midst of work, seed %i: the same", (seed) => {
    const heap = make();
    mixUp(heap, seed);
    const snapshot = heap.snapshot();
    expectValid(snapshot);
    expectTiles(heap, snapshot);
    expectFigures(heap, snapshot);
  });

  test("changes nothing, and is not changed by what comes after", () => {
    const heap = make();
    mixUp(heap, 4);
    const first = heap.snapshot();
    const text = JSON.stringify(first);
    expect(JSON.stringify(heap.snapshot())).toBe(text);
    heap.check();
    mixUp(heap, 5);
    heap.reset();
    expect(JSON.stringify(first)).toBe(text);
    expect(heap.snapshot()).toMatchObject({ slabs: [], large: [] });
  });
});

describe("the schema", () => {
  /** Every object schema in it, with the path to it. */
  function objects(node: SchemaNode, path: string): [string, SchemaNode][] {
    const here: [string, SchemaNode][] = node.properties === undefined ? [] : [[path, node]];
    const below = Object.entries(node.$defs ?? {}).flatMap(([name, child]) =>
      objects(child, `${path}/${name}`),
    );
    return [...here, ...below];
  }

  test.each(objects(SCHEMA, "#"))("%s: every property is required, described and the only one", (_, node) => {
    expect(node.description).toMatch(/\.$/);
    expect(node.required).toEqual(Object.keys(node.properties ?? {}));
    expect(node["additionalProperties"]).toBe(false);
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      expect(property.description, name).toMatch(/\.$/);
    }
  });

  test.each<[string, (snapshot: HeapSnapshot) => void]>([
    ["another format", (snapshot) => Object.assign(snapshot, { format: "kmem-shared-heap" })],
    ["another version", (snapshot) => Object.assign(snapshot, { version: 2 })],
    ["a negative offset", (snapshot) => Object.assign(snapshot.slabs[0], { offset: -1 })],
    ["an offset at 4 GiB", (snapshot) => Object.assign(snapshot.slabs[0], { offset: 2 ** 32 })],
    ["an empty range", (snapshot) => Object.assign(snapshot.free[0], { byteLength: 0 })],
    ["a fraction", (snapshot) => Object.assign(snapshot.large[0], { byteLength: 0.5 })],
    ["a slot that is neither", (snapshot) => Object.assign(snapshot.slabs[0], { slots: "01x" })],
    [
      "a slot size that is no multiple of 16",
      (snapshot) => Object.assign(snapshot.slabs[0], { slotSize: 8 }),
    ],
    ["a slab without its cache", (snapshot) => Object.assign(snapshot.slabs[0], { cache: undefined })],
    ["a property that is not of it", (snapshot) => Object.assign(snapshot, { comment: "" })],
    ["a list that lacks", (snapshot) => Object.assign(snapshot, { free: undefined })],
  ])("refuses %s", (_, spoil) => {
    const heap = new Heap({ size: 64 * PAGE });
    heap.malloc(100);
    heap.malloc(5 * PAGE);
    const snapshot = heap.snapshot();
    expectValid(snapshot);
    spoil(snapshot);
    expect(validate(JSON.parse(JSON.stringify(snapshot)))).toBe(false);
  });
});

describe("docs/snapshot.md", () => {
  const blocks = [...readFileSync(new URL("snapshot.md", DOCS), "utf8").matchAll(/```json\n(.*?)```/gs)];

  test("shows the snapshot that the heap of its example gives, less the caches", () => {
    expect(blocks).toHaveLength(1);
    const shown = JSON.parse(blocks[0][1]) as HeapSnapshot;
    expectValid(shown);
    const heap = new Heap({ size: 65536 });
    heap.malloc(20_000);
    const nodes = heap.createCache({ name: "nodes", objectSize: 1000 });
    const objects = [0, 1, 2, 3].map(() => nodes.allocate()).sort((a, b) => a - b);
    nodes.free(objects[1]);
    const { caches, ...rest } = heap.snapshot();
    const { caches: shownCaches, ...shownRest } = shown;
    expect(shownRest).toEqual(rest);
    for (const cache of shownCaches) expect(caches).toContainEqual(cache);
  });
});
