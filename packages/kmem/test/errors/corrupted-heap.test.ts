/** A heap's own check looks at its pages, at its slabs, and at what lies between them. */
import { Heap } from "kmem";
import { expect, test } from "vitest";
import { POOL_LARGE_OBJECTS } from "../../src/slab/layout.ts";

const PAGE = 4096;

test.each<[invariant: string, message: RegExp, breakIt: (heap: Heap, large: number) => void]>([
  ["B2", /^B2 broken: the count of order 0/, (heap) => heap["buddy"]["lists"].insert(15, 0)],
  [
    "S3",
    /^S3 broken: summary bit 20 /,
    (heap) => (heap["pool"]["words"][heap["pool"].layout.summary]! ^= 1 << 20),
  ],
  [
    "H1",
    /^H1 broken: the mark of the block at \d+ is false, expected true$/,
    (heap) => heap["buddy"].allocate(0),
  ],
  [
    "H2",
    /^H2 broken: the count of large allocations is 2, expected 1$/,
    (heap) => heap["pool"]["words"][heap["pool"].layout.caches + POOL_LARGE_OBJECTS]++,
  ],
])("check() names %s", (_, message, breakIt) => {
  const heap = new Heap({ size: 16 * PAGE });
  heap.malloc(100);
  const large = heap.malloc(3 * PAGE);
  heap.check();
  breakIt(heap, large);
  expect(() => heap.check()).toThrow(message);
  expect(() => heap.check()).toThrow(expect.objectContaining({ code: "CORRUPTED" }));
});
