/** Random operations on a heap that was misused, with the bytes of each allocation verified: it goes on as before. */
import type { Heap } from "kmem";
import { NONE } from "kmem";
import { Random } from "../model/random.ts";
import { fillPayload, verifyPayload } from "../model/payload.ts";

/** Does `count` of them, frees what it allocated, and checks the heap. Throws when anything is wrong. */
export function operate(heap: Heap, count: number, seed: number): void {
  const random = new Random(seed);
  const live: { offset: number; byteLength: number; id: number }[] = [];
  const cache = heap.createCache({ name: "operations", objectSize: 56 });
  const objects: number[] = [];
  for (let id = 1; id <= count; id++) {
    const kind = random.weighted({ malloc: 40, free: 30, realloc: 15, allocate: 8, release: 7 });
    const byteLength = random.upTo(12_000);
    const index = random.below(live.length);
    if (kind === "malloc") {
      const offset = heap.tryMalloc(byteLength, random.chance(0.2) ? 64 : undefined);
      if (offset === NONE) continue;
      fillPayload(heap.buffer, offset, byteLength, id);
      live.push({ offset, byteLength, id });
    } else if (kind === "allocate") {
      const offset = cache.tryAllocate();
      if (offset !== NONE) objects.push(offset);
    } else if (kind === "release") {
      const offset = objects.pop();
      if (offset !== undefined) cache.free(offset);
    } else if (live.length > 0) {
      const object = live[index]!;
      verifyPayload(heap.buffer, object.offset, object.byteLength, object.id);
      if (kind === "free") {
        heap.free(object.offset);
        live.splice(index, 1);
      } else if (object.byteLength > 0) {
        const smaller = random.upTo(object.byteLength);
        object.offset = heap.realloc(object.offset, smaller);
        object.byteLength = smaller;
      }
    }
  }
  for (const { offset, byteLength, id } of live) {
    verifyPayload(heap.buffer, offset, byteLength, id);
    heap.free(offset);
  }
  for (const offset of objects) cache.free(offset);
  cache.destroy();
  heap.check();
}
