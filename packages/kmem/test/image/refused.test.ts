import { Heap, type MemoryLike } from "kmem";
import { loadHeap, saveHeap, type LoadOptions } from "kmem/image";
import { describe, expect, test } from "vitest";
import { PAGE, wasmMemory } from "../heap/helpers.ts";
import { reseal } from "./mutate.ts";
import { spoilImages } from "./mutated-images.ts";

/** The words of the head, and the first word behind it. */
const [MAGIC, VERSION, , PAGE_SIZE, BASE_PAGE, PAGE_COUNT, CACHE_COUNT, FIRST] = [0, 1, 2, 3, 4, 5, 6, 7];
/** The words of the only cache, "ab", those of the slab of its two objects, and those of a run of three pages. */
const [OBJECT_SIZE, ALIGN, MAGAZINE, FLAGS, NAME_LENGTH, NAME] = [7, 8, 9, 10, 11, 12];
const [SLAB_PAGE, SLAB_PAGES, SLAB_CACHE, SLAB_BITS] = [14, 15, 16, 17];
const [RUN_PAGE, RUN_PAGES, RUN_CACHE, END] = [25, 26, 27, 28];

function soundHeap(): Heap {
  const heap = new Heap({ size: 16 * PAGE });
  const cache = heap.createCache({ name: "ab", objectSize: 40, align: 16, magazineSize: 20 });
  cache.allocate();
  cache.allocate();
  heap.malloc(3 * PAGE);
  return heap;
}

/** Loads the sound image with `edit` made, and the checksum right again. */
function loadEdited(edit: (words: Uint32Array) => void, options: LoadOptions = {}): Heap {
  const image = saveHeap(soundHeap());
  edit(new Uint32Array(image.buffer));
  return loadHeap(reseal(image), undefined, options);
}

function set(at: number, value: number): (words: Uint32Array) => void {
  return (words) => {
    words[at] = value;
  };
}

function refusal(message: string): unknown {
  return expect.objectContaining({
    name: "AllocError",
    code: "INVALID_IMAGE",
    message: `invalid image: ${message}`,
  });
}

test("the sound image is what the edits take it for", () => {
  const words = new Uint32Array(saveHeap(soundHeap()).buffer);
  expect([...words.subarray(PAGE_SIZE, SLAB_BITS)]).toEqual([
    PAGE,
    0,
    16,
    1,
    40,
    16,
    20,
    0,
    2,
    97,
    98,
    0,
    1,
    34,
  ]);
  expect([...words.subarray(RUN_PAGE)]).toEqual([4, 3, 0]);
  expect(words).toHaveLength(END);
  loadEdited(() => undefined).check();
});

describe("is refused, with what is wrong", () => {
  test.each<[what: string, edit: (words: Uint32Array) => void, message: string]>([
    ["another magic word", set(MAGIC, 1), "the magic word must be 1835363691, got 1"],
    ["another version", set(VERSION, 1), "the version must be 2, got 1"],
    ["another page size", set(PAGE_SIZE, 512), "the page size must be 4096, got 512"],
    ["another base", set(BASE_PAGE, 3), "the base must be 0, got 12288"],
    ["no page", set(PAGE_COUNT, 0), "the size must be an integer from 4096 to 67108864, got 0"],
    [
      "a size that nobody vouches for",
      set(PAGE_COUNT, 2 ** 20),
      "the size must be an integer from 4096 to 67108864, got 4294967296",
    ],
    [
      "a size that ends before a run",
      set(PAGE_COUNT, 6),
      "byteLength must be an integer from 1 to 8192, got 12288",
    ],
    [
      "a size that ends before a block",
      set(PAGE_COUNT, 4),
      "offset must be an integer from 0 to 16383, got 16384",
    ],
    [
      "more caches than there are",
      set(CACHE_COUNT, 2 ** 32 - 1),
      "the flags of a cache must be an integer from 0 to 1, got 9",
    ],
    ["an object of no bytes", set(OBJECT_SIZE, 0), "objectSize must be an integer from 1 to 65536, got 0"],
    [
      "an object that no block holds",
      set(OBJECT_SIZE, 2 ** 31),
      "objectSize must be an integer from 1 to 65536, got 2147483648",
    ],
    ["an alignment that is none", set(ALIGN, 24), "align must be a power of two, got 24"],
    [
      "a magazine that is too large",
      set(MAGAZINE, 8192),
      "magazineSize must be an integer from 1 to 8191, got 8192",
    ],
    ["flags that nobody knows", set(FLAGS, 2), "the flags of a cache must be an integer from 0 to 1, got 2"],
    [
      "a name that is too long",
      set(NAME_LENGTH, 2 ** 32 - 1),
      "the length of a name must be an integer from 0 to 4096, got 4294967295",
    ],
    [
      "a name that goes on where there is none",
      set(NAME_LENGTH, 4096),
      "the number of words left must be an integer from 1 to 28, got 0",
    ],
    [
      "a character that is none",
      set(NAME, 0x10000),
      "a character must be an integer from 0 to 65535, got 65536",
    ],
    [
      "a slab of pages that are no block",
      set(SLAB_PAGES, 3),
      "the pages of a slab must be a power of two, got 3",
    ],
    ["a slab of no page", set(SLAB_PAGES, 0), "the pages of a slab must be a power of two, got 0"],
    [
      "a slab larger than any block",
      set(SLAB_PAGES, 32),
      "the order of a slab must be an integer from 0 to 4, got 5",
    ],
    [
      "a slab that is not aligned",
      (words) => words.set([3, 2], SLAB_PAGE),
      "offset must be a multiple of 8192, got 12288",
    ],
    ["a slab behind the end", set(SLAB_PAGE, 16), "offset must be an integer from 0 to 61440, got 65536"],
    [
      "a slab whose bits pass the end",
      set(SLAB_PAGES, 4),
      "the number of words left must be an integer from 32 to 28, got 11",
    ],
    [
      "a slab of no such cache",
      set(SLAB_CACHE, 35),
      "the number of a cache must be an integer from 0 to 34, got 35",
    ],
    ["a bit inside a slot", set(SLAB_BITS, 2), "S2 broken: word 0 is 2, expected 0"],
    [
      "a bit behind the last slot",
      set(SLAB_BITS + 7, 2 ** 31),
      "S2 broken: word 7 is -2147483648, expected 0",
    ],
    ["a run that overlaps a slab", set(RUN_PAGE, 0), "one of 3 pages from offset 0 is in use"],
    ["a run of no page", set(RUN_PAGES, 0), "byteLength must be an integer from 1 to 49152, got 0"],
    [
      "a run that passes the end",
      set(RUN_PAGES, 13),
      "byteLength must be an integer from 1 to 49152, got 53248",
    ],
    ["a run that is a slab", set(RUN_CACHE, 1), "the pages of a slab must be a power of two, got 3"],
  ])("%s", (_, edit, message) => {
    expect(() => loadEdited(edit)).toThrow(refusal(message));
  });

  test("a slab that is too small for a slot", () => {
    const heap = new Heap({ size: 16 * PAGE });
    heap.malloc(8000);
    const image = saveHeap(heap);
    new Uint32Array(image.buffer)[FIRST + 1] = 1;
    expect(() => loadHeap(reseal(image))).toThrow(
      refusal("the order of a slab must be an integer from 1 to 4, got 0"),
    );
  });

  test("a name that two caches have", () => {
    const heap = new Heap({ size: 16 * PAGE });
    for (const name of ["a", "b"]) heap.createCache({ name, objectSize: 8 });
    const image = saveHeap(heap);
    new Uint32Array(image.buffer)[FIRST + 11] = 97;
    expect(() => loadHeap(reseal(image))).toThrow(refusal('cache "a" exists already'));
  });

  test("more caches than a heap of this size can have", () => {
    const heap = new Heap({ size: 64 * PAGE });
    for (let count = 0; count < 12; count++) heap.createCache({ name: `${count}`, objectSize: 8 });
    const image = saveHeap(heap);
    expect(() => loadHeap(image, undefined, { maxSize: 64 * PAGE })).not.toThrow();
    new Uint32Array(image.buffer)[PAGE_COUNT] = 16;
    expect(() => loadHeap(reseal(image))).toThrow(refusal("a heap has at most 9 named caches"));
  });

  test.each([0, 1, 3, 4, 11, 12, 27])("an image of %i bytes", (length) => {
    expect(() => loadHeap(saveHeap(soundHeap()).subarray(0, length))).toThrow(
      refusal(`the number of words must be an integer from 7 to 1073741824, got ${length / 4}`),
    );
  });

  test("every flipped bit, and every truncation, by the checksum at the latest", () => {
    const image = saveHeap(soundHeap());
    for (let bit = 0; bit < 8 * image.length; bit++) {
      const flipped = image.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      expect(() => loadHeap(flipped)).toThrow(/^invalid image: the (magic word|version|checksum)/);
    }
    for (let length = 0; length < image.length; length++) {
      expect(() => loadHeap(image.subarray(0, length))).toThrow(
        /^invalid image: the (number of words|checksum)/,
      );
    }
  });
});

describe("the arguments", () => {
  const image = saveHeap(soundHeap());

  test.each<
    [what: string, bytes: ArrayBufferLike | MemoryLike | undefined, options: LoadOptions, message: string]
  >([
    [
      "a shorter buffer",
      new ArrayBuffer(8 * PAGE),
      {},
      "the size must be an integer from 4096 to 32768, got 65536",
    ],
    ["a shorter memory", wasmMemory(1), { base: PAGE }, "the base must be 4096, got 0"],
    [
      "a lower limit",
      undefined,
      { maxSize: 8 * PAGE },
      "the size must be an integer from 4096 to 32768, got 65536",
    ],
    ["another page size", undefined, { pageSize: 512 }, "the page size must be 512, got 4096"],
  ])("%s: the image does not fit", (_, bytes, options, message) => {
    expect(() => loadHeap(image, bytes, options)).toThrow(refusal(message));
  });

  test.each<[what: string, load: () => unknown, message: string]>([
    ["an image that is no Uint8Array", () => loadHeap([] as never), "image must be a Uint8Array, got "],
    [
      "a page size",
      () => loadHeap(image, undefined, { pageSize: 3 }),
      "pageSize must be a power of two, got 3",
    ],
    [
      "a limit",
      () => loadHeap(image, undefined, { maxSize: 0 }),
      "maxSize must be an integer from 1 to 4294967296, got 0",
    ],
    [
      "bytes that are none",
      () => loadHeap(image, new Uint8Array(8) as never),
      "memory must be a WebAssembly.Memory, got 0,0,0,0,0,0,0,0",
    ],
    [
      "zeroing without bytes",
      () => loadHeap(image, undefined, { zero: true }),
      "zero needs a heap with a buffer or a memory",
    ],
  ])("%s that is wrong is the caller's fault", (_, load, message) => {
    expect(load).toThrow(message);
    expect(load).not.toThrow(/invalid image/);
  });

  test("a larger heap without bytes is opened when the caller vouches for it", () => {
    const large = saveHeap(new Heap({ size: 2 ** 28 }));
    expect(() => loadHeap(large)).toThrow(
      refusal("the size must be an integer from 4096 to 67108864, got 268435456"),
    );
    expect(loadHeap(large, undefined, { maxSize: 2 ** 28 }).size).toBe(2 ** 28);
  });
});

test("3,000 mutated images: refused with a typed error, or opened to a heap whose check passes", () => {
  const { images, opened, refused, kinds, mostBytesPerByte } = spoilImages(1, 3000);
  expect(images).toBe(3000);
  expect(opened).toBeGreaterThan(100);
  expect(refused.size).toBeGreaterThan(15);
  expect(kinds.size).toBe(7);
  expect(mostBytesPerByte).toBeLessThanOrEqual(2);
});
