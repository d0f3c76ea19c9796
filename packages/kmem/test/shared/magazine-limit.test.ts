import { expect, test } from "vitest";
import { SharedHeap } from "../../src/index.ts";

test("a magazine that got its limit when the cache was small gives no more back than it holds", () => {
  const one = SharedHeap.create({ size: 2 ** 20, maxThreads: 2 });
  const other = SharedHeap.attach(one.handle);
  // One thread makes the cache large; the other one, which has had nothing of it, frees into a magazine of the least size.
  const offsets = Array.from({ length: 2000 }, () => one.malloc(16));
  for (const offset of offsets) {
    other.free(offset);
    other.check({ quiet: true });
  }
  expect(one.stats().objects).toBe(0);
});
