// Hashes chunks of the shared heap where they lie, and leaves each digest in the heap.

import { SharedHeap } from "kmem";
import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { DIGEST_BYTES, type Done, type Job, type Start } from "./protocol.ts";

const { handle, threadId } = workerData as Start;
const heap = SharedHeap.attach(handle, { threadId });

parentPort!.on("message", ({ chunk, offset, byteLength, dies }: Job) => {
  const digest = createHash("sha256")
    .update(new Uint8Array(heap.buffer, offset, byteLength))
    .digest();
  const digestOffset = heap.malloc(DIGEST_BYTES);
  new Uint8Array(heap.buffer, digestOffset, DIGEST_BYTES).set(digest);
  // The worst moment: the digest is allocated, the chunk is not freed, and nobody has been told.
  if (dies) process.exit(1);
  heap.free(offset);
  parentPort!.postMessage({ chunk, digestOffset } satisfies Done);
});
