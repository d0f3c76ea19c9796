// Hashes chunks in a pool of workers, one of which is killed on purpose, and ends with a clean heap.
//
//   npm run example -- hash-pool [chunks]      2,000 chunks unless told otherwise

import { SharedHeap } from "kmem";
import { createHash } from "node:crypto";
import { HashPool } from "./pool.ts";

const WORKER_COUNT = 3;
const chunkCount = Number(process.argv[2] ?? 2000);

/** Chunk number `index`: 1 to 64 KiB that are the same in every run. */
function chunkOf(index: number): Uint8Array {
  const bytes = new Uint8Array(1024 + ((index * 7919) % 64_512));
  for (let at = 0; at < bytes.length; at++) bytes[at] = Math.imul(index + 1, at + 0x9e37) >>> 8;
  return bytes;
}

function* chunks(): Generator<Uint8Array> {
  for (let index = 0; index < chunkCount; index++) yield chunkOf(index);
}

const heap = SharedHeap.create({
  size: 2 ** 20,
  maxSize: 2 ** 24,
  maxThreads: WORKER_COUNT + 1,
  trackOwners: true,
});
const pool = new HashPool(heap, chunks(), WORKER_COUNT, Math.floor(chunkCount / 2));
await pool.run();

for (const { chunk, report, freed } of pool.deaths) {
  console.log(`a worker died at chunk ${chunk}, thread ${report.threadId} of the heap`);
  console.log(`  free slots that it held   ${report.slots}, back in the heap`);
  console.log(`  objects that it had made  ${report.owned?.objects}, of which ${freed} freed`);
}
let wrong = 0;
for (let index = 0; index < chunkCount; index++) {
  const expected = createHash("sha256").update(chunkOf(index)).digest("hex");
  if (pool.digests.get(index) !== expected) wrong++;
}
heap.shrink();
heap.check({ quiet: true });
const { objects, heldBytes } = heap.stats();
console.log(`${pool.digests.size} chunks hashed by ${WORKER_COUNT} workers, ${wrong} digests wrong`);
console.log(`the heap holds ${objects} objects in ${heldBytes} bytes, and every table is right`);
if (wrong > 0 || objects > 0) process.exitCode = 1;
