import { SharedHeap } from "kmem";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { readmeOutput, runExample, shapeOf } from "../shared/readme-output.ts";
import { HashPool } from "./pool.ts";

test("prints what its README shows: a worker dies, and the heap ends empty", () => {
  const output = runExample("hash-pool", "300");
  expect(shapeOf(output)).toEqual(shapeOf(readmeOutput("hash-pool")));
  expect(output).toContain("a worker died at chunk 150");
  expect(output).toContain("of which 1 freed");
  expect(output).toContain("300 chunks hashed by 3 workers, 0 digests wrong");
  expect(output).toContain("the heap holds 0 objects in 0 bytes");
});

test("hashes every chunk in a heap that holds few of them at a time, the first one's worker killed", async () => {
  const chunks = Array.from({ length: 40 }, (_, index) => new Uint8Array(30_000).fill(index));
  const heap = SharedHeap.create({ size: 262_144, maxThreads: 3, trackOwners: true });
  const pool = new HashPool(heap, chunks, 2, 0);
  await pool.run();
  expect(pool.deaths.map(({ chunk, freed }) => ({ chunk, freed }))).toEqual([{ chunk: 0, freed: 1 }]);
  for (const [index, chunk] of chunks.entries()) {
    expect(pool.digests.get(index)).toBe(createHash("sha256").update(chunk).digest("hex"));
  }
  heap.shrink();
  heap.check({ quiet: true });
  expect(heap.stats()).toMatchObject({ objects: 0, heldBytes: 0 });
});
