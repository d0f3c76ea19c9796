import { BuddyAllocator, Heap, NONE } from "kmem";
import { expect, test } from "vitest";
import { saveHeap } from "../../src/image/index.ts";
import { Random } from "../model/random.ts";

const PAGE = 4096;
const STEPS = 2000;
const SEEDS = [1, 2, 3];

/** The answers of an allocator to a script that the seed decides; `look` is called after each operation. */
function offsetsOf(
  seed: number,
  allocate: (size: number) => number,
  free: (offset: number) => void,
  look: () => void,
): number[] {
  const random = new Random(seed, "looking");
  const live: number[] = [];
  const answers: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    if (live.length === 0 || random.chance(0.52)) {
      const offset = allocate(random.upTo(random.pick([1, 3, 20])));
      answers.push(offset);
      if (offset !== NONE) live.push(offset);
    } else free(live.splice(random.below(live.length), 1)[0]!);
    look();
  }
  return answers;
}

// A recording may so be played with snapshots at any moment, and comes to the same as without.
test.each(SEEDS)("to look at a heap changes nothing of what it answers next (seed %i)", (seed) => {
  const answers = (look: (heap: Heap) => void): number[] => {
    const heap = new Heap({ buffer: new ArrayBuffer(256 * PAGE), size: 8 * PAGE });
    return offsetsOf(
      seed,
      (size) => heap.tryMalloc(size * 1000),
      (offset) => heap.free(offset),
      () => look(heap),
    );
  };
  const looked = answers((heap) => {
    heap.stats();
    heap.snapshot();
    heap.check();
    saveHeap(heap);
    heap.owns(PAGE);
  });
  expect(looked).toEqual(answers(() => undefined));
});

test.each(SEEDS)("to look at a buddy allocator changes nothing of what it answers next (seed %i)", (seed) => {
  const answers = (look: (buddy: BuddyAllocator) => void): number[] => {
    const buddy = new BuddyAllocator({ size: 128 * PAGE });
    return offsetsOf(
      seed,
      (count) => (count === 4 ? buddy.tryAllocate(2) : buddy.tryAllocatePages(count)),
      (offset) => buddy.freePages(offset),
      () => look(buddy),
    );
  };
  const looked = answers((buddy) => {
    const { freeBlocks } = buddy.stats();
    buddy.check();
    let [freeBytes, tail] = [0, 0];
    const counts = freeBlocks.map(() => 0);
    for (const { offset, byteLength, order, free } of buddy.blocks()) {
      if (free) {
        freeBytes += byteLength;
        counts[order]!++;
      } else tail = offset + byteLength;
    }
    expect(freeBlocks).toEqual(counts);
    expect(buddy.freeBytes).toBe(freeBytes);
    expect(buddy.freeTailOffset).toBe(tail);
    expect(() => buddy.free(1)).toThrow(expect.objectContaining({ code: "INVALID_FREE" }));
  });
  expect(looked).toEqual(answers(() => undefined));
});
