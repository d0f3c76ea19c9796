/** Frees of what is free, and of what never was an allocation. */
import { Heap } from "kmem";
import { DebugHeap } from "kmem/debug";
import { not, PAGE, type Row, type Scene, throws } from "../row.ts";

const SMALL = 100;
const LARGE = 20_000;

const SLOT_IS_FREE = throws("DOUBLE_FREE", "cannot free offset A: the slot is free already");
const RUN_IS_FREE = throws("DOUBLE_FREE", "cannot free offset A: it is free already");

/** What the debug mode says of a second free. */
const freedBefore = (byteLength: number) =>
  throws("DOUBLE_FREE", `cannot free offset A: its ${byteLength} bytes are free already`);

const invalid = (reason: string) => throws("INVALID_FREE", `cannot free offset A: ${reason}`);

/** Another heap of the same kind, whose first byte is at `base`. */
function otherHeap({ isDebug }: Scene, base: number): Heap {
  const place = { base, buffer: new ArrayBuffer(base + 160 * PAGE) };
  return isDebug ? DebugHeap.create(place) : new Heap(place);
}

const DOUBLE_FREES: readonly Row[] = [
  {
    group: "Double free",
    name: "a small allocation",
    misuse: (scene) => {
      const offset = scene.malloc("A", SMALL);
      scene.heap.free(offset);
      scene.heap.free(offset);
    },
    byDefault: SLOT_IS_FREE,
    inDebug: freedBefore(SMALL),
  },
  {
    group: "Double free",
    name: "a large allocation",
    misuse: (scene) => {
      const offset = scene.malloc("A", LARGE);
      scene.heap.free(offset);
      scene.heap.free(offset);
    },
    byDefault: RUN_IS_FREE,
    inDebug: freedBefore(LARGE),
  },
  {
    group: "Double free",
    name: "delayed: other allocations and frees in between, its place not used again",
    misuse: (scene) => {
      const offset = scene.malloc("A", SMALL);
      scene.heap.free(offset);
      for (let count = 0; count < 50; count++) scene.heap.free(scene.heap.malloc(2000));
      scene.heap.free(offset);
    },
    byDefault: SLOT_IS_FREE,
    inDebug: freedBefore(SMALL),
  },
  {
    group: "Double free",
    name: "after reuse: a small allocation whose place is another's",
    misuse: (scene) => {
      const offset = scene.malloc("A", SMALL);
      scene.heap.free(offset);
      scene.mallocAgain("B", SMALL, offset);
      scene.heap.free(offset);
    },
    byDefault: not("the new owner's object is freed"),
    inDebug: freedBefore(SMALL),
  },
  {
    group: "Double free",
    name: "after reuse: a large allocation whose place is another's",
    misuse: (scene) => {
      // So that the slab which is used meanwhile takes no other place.
      scene.heap.malloc(2000);
      const offset = scene.malloc("A", LARGE);
      scene.heap.free(offset);
      scene.mallocAgain("B", LARGE, offset);
      scene.heap.free(offset);
    },
    byDefault: not("the new owner's object is freed"),
    inDebug: freedBefore(LARGE),
  },
  {
    group: "Double free",
    name: "its slab given back in between",
    misuse: (scene) => {
      const offset = scene.mallocInPage("A", SMALL);
      scene.heap.free(offset);
      scene.heap.shrink();
      scene.heap.free(offset);
    },
    byDefault: invalid("no page from 65536 to 655360 begins there"),
    inDebug: freedBefore(SMALL),
  },
  {
    group: "Double free",
    name: "the old offset of what `realloc` moved",
    misuse: (scene) => {
      const offset = scene.malloc("A", SMALL);
      scene.malloc("B", SMALL);
      scene.heap.realloc(offset, 1000);
      scene.heap.free(offset);
    },
    byDefault: SLOT_IS_FREE,
    inDebug: freedBefore(SMALL),
  },
  {
    group: "Double free",
    name: "an array",
    misuse: (scene) => {
      const array = scene.heap.array(Float64Array, 10);
      scene.mark("A", array.byteOffset);
      scene.heap.freeArray(array);
      scene.heap.freeArray(array);
    },
    byDefault: SLOT_IS_FREE,
    inDebug: freedBefore(80),
  },
  {
    group: "Double free",
    name: "an object of a cache",
    misuse: (scene) => {
      const cache = scene.heap.createCache({ name: "nodes", objectSize: 40 });
      const offset = scene.mark("A", cache.allocate());
      cache.free(offset);
      cache.free(offset);
    },
    byDefault: SLOT_IS_FREE,
    inDebug: freedBefore(40),
  },
  {
    group: "Double free",
    name: "the same object twice in one `freeBulk`",
    misuse: (scene) => {
      const cache = scene.heap.createCache({ name: "nodes", objectSize: 40 });
      const offset = scene.mark("A", cache.allocate());
      cache.freeBulk([offset, cache.allocate(), offset], 3);
    },
    byDefault: SLOT_IS_FREE,
    inDebug: freedBefore(40),
  },
];

const INVALID_FREES: readonly Row[] = [
  {
    group: "Invalid free",
    name: "never allocated: a free page",
    misuse: (scene) => {
      scene.malloc("B", SMALL);
      scene.heap.free(scene.mark("A", 100 * PAGE));
    },
    byDefault: invalid("nothing was allocated there"),
    inDebug: invalid("nothing was allocated there"),
  },
  {
    group: "Invalid free",
    name: "never allocated: a slot that was not handed out",
    misuse: (scene) => {
      scene.malloc("B", SMALL);
      const { offset, slotSize, slots } = scene.heap.snapshot().slabs[0]!;
      scene.heap.free(scene.mark("A", offset + slots.indexOf("0") * slotSize));
    },
    byDefault: SLOT_IS_FREE,
    inDebug: SLOT_IS_FREE,
  },
  {
    group: "Invalid free",
    name: "inside a small allocation",
    misuse: (scene) => scene.heap.free(scene.mark("B", scene.malloc("A", SMALL) + 32)),
    byDefault: throws("INVALID_FREE", "cannot free offset B: it lies 32 bytes inside a slot of 112 bytes"),
    inDebug: throws("INVALID_FREE", "cannot free offset B: it lies 32 bytes into the 100 bytes at offset A"),
  },
  {
    group: "Invalid free",
    name: "inside a large allocation",
    misuse: (scene) => scene.heap.free(scene.mark("B", scene.malloc("A", LARGE) + PAGE)),
    byDefault: throws("INVALID_FREE", "cannot free offset B: it lies inside a block or run"),
    inDebug: throws(
      "INVALID_FREE",
      "cannot free offset B: it lies 4096 bytes into the 20000 bytes at offset A",
    ),
  },
  {
    group: "Invalid free",
    name: "before a small allocation",
    misuse: (scene) => scene.heap.free(scene.mark("B", scene.mallocInPage("A", SMALL) - 16)),
    byDefault: throws("INVALID_FREE", "cannot free offset B: it lies 96 bytes inside a slot of 112 bytes"),
    inDebug: throws(
      "INVALID_FREE",
      "cannot free offset B: it lies 16 bytes before the 100 bytes at offset A",
    ),
  },
  {
    group: "Invalid free",
    name: "misaligned, in a small allocation",
    misuse: (scene) => scene.heap.free(scene.mark("B", scene.malloc("A", SMALL) + 1)),
    byDefault: throws("INVALID_FREE", "cannot free offset B: it lies 1 bytes inside a slot of 112 bytes"),
    inDebug: throws("INVALID_FREE", "cannot free offset B: it lies 1 bytes into the 100 bytes at offset A"),
  },
  {
    group: "Invalid free",
    name: "misaligned, in a large allocation",
    misuse: (scene) => scene.heap.free(scene.mark("B", scene.malloc("A", LARGE) + 8)),
    byDefault: throws("INVALID_FREE", "cannot free offset B: no page from 65536 to 655360 begins there"),
    inDebug: throws("INVALID_FREE", "cannot free offset B: it lies 8 bytes into the 20000 bytes at offset A"),
  },
  {
    group: "Invalid free",
    name: "a page of a slab, but no slot: behind the last one",
    misuse: (scene) => {
      const { offset, byteLength, slotSize } = (scene.heap.malloc(SMALL), scene.heap.snapshot().slabs[0]!);
      scene.heap.free(scene.mark("A", offset + byteLength - (byteLength % slotSize)));
    },
    byDefault: invalid("it lies behind the last slot of its slab"),
    inDebug: invalid("it lies behind the last slot of its slab"),
  },
  {
    group: "Invalid free",
    name: "another heap's offset, outside this heap",
    misuse: (scene) => scene.heap.free(scene.mark("A", otherHeap(scene, 256 * PAGE).malloc(SMALL))),
    byDefault: invalid("no page from 65536 to 655360 begins there"),
    inDebug: invalid("no page from 65536 to 655360 begins there"),
  },
  {
    group: "Invalid free",
    name: "another heap's offset, where this heap has nothing",
    misuse: (scene) => {
      const other = otherHeap(scene, 16 * PAGE);
      other.malloc(SMALL);
      scene.heap.free(scene.mark("A", other.malloc(SMALL)));
    },
    byDefault: invalid("no page from 65536 to 655360 begins there"),
    inDebug: invalid("no page from 65536 to 655360 begins there"),
  },
  {
    group: "Invalid free",
    name: "another heap's offset, where this heap has an allocation too",
    misuse: (scene) => {
      scene.malloc("B", SMALL);
      scene.heap.free(scene.mark("A", otherHeap(scene, 16 * PAGE).malloc(SMALL)));
    },
    byDefault: not(
      "an offset is a number, and a right one here; heaps with different `base`s have no offset in common",
    ),
    inDebug: not("as by default"),
  },
  {
    group: "Invalid free",
    name: "far outside",
    misuse: (scene) => scene.heap.free(scene.mark("A", 2 ** 31)),
    byDefault: invalid("no page from 65536 to 655360 begins there"),
    inDebug: invalid("no page from 65536 to 655360 begins there"),
  },
  {
    group: "Invalid free",
    name: "beyond all offsets",
    misuse: (scene) => scene.heap.free(2 ** 53),
    byDefault: throws(
      "INVALID_FREE",
      "cannot free offset 9007199254740992: no page from 65536 to 655360 begins there",
    ),
    inDebug: throws(
      "INVALID_FREE",
      "cannot free offset 9007199254740992: no page from 65536 to 655360 begins there",
    ),
  },
  {
    group: "Invalid free",
    name: "what `tryMalloc` returns when there is no space",
    misuse: (scene) => scene.heap.free(scene.heap.tryMalloc(2 ** 30)),
    byDefault: throws("INVALID_FREE", "cannot free offset -1: no page from 65536 to 655360 begins there"),
    inDebug: throws("INVALID_FREE", "cannot free offset -1: no page from 65536 to 655360 begins there"),
  },
  {
    group: "Invalid free",
    name: "no whole number: NaN",
    misuse: (scene) => scene.heap.free(NaN),
    byDefault: throws("INVALID_FREE", "cannot free offset NaN: no page from 65536 to 655360 begins there"),
    inDebug: throws("INVALID_FREE", "cannot free offset NaN: no page from 65536 to 655360 begins there"),
  },
  {
    group: "Invalid free",
    name: "no number: undefined",
    misuse: (scene) => scene.heap.free(undefined as unknown as number),
    byDefault: throws("TypeError", "offset must be a number, got undefined"),
    inDebug: throws("TypeError", "offset must be a number, got undefined"),
  },
  {
    group: "Invalid free",
    name: "in a cache, an object of another",
    misuse: (scene) => {
      const nodes = scene.heap.createCache({ name: "nodes", objectSize: 40 });
      const leaves = scene.heap.createCache({ name: "leaves", objectSize: 24 });
      nodes.free(scene.mark("A", leaves.allocate()));
    },
    byDefault: invalid('it lies in no slab of cache "nodes"'),
    inDebug: invalid('it lies in no slab of cache "nodes"'),
  },
  {
    group: "Invalid free",
    name: "in a cache, what `malloc` gave",
    misuse: (scene) => {
      const nodes = scene.heap.createCache({ name: "nodes", objectSize: 40 });
      nodes.free(scene.malloc("A", 40));
    },
    byDefault: invalid('it lies in no slab of cache "nodes"'),
    inDebug: invalid('it lies in no slab of cache "nodes"'),
  },
  {
    group: "Invalid free",
    name: "an array that is not of this heap",
    misuse: (scene) => scene.heap.freeArray(new Float64Array(4)),
    byDefault: throws("INVALID_FREE", "the array is not of this heap"),
    inDebug: throws("INVALID_FREE", "the array is not of this heap"),
  },
];

const SIZED_AND_ALIGNED: readonly Row[] = [
  {
    group: "Sized and aligned misuse",
    name: "a part of an array freed in place of the whole",
    misuse: (scene) => {
      const array = scene.heap.array(Float64Array, 10);
      scene.mark("A", array.byteOffset);
      scene.heap.freeArray(array.subarray(0, 5));
    },
    byDefault: not("the array that begins there is freed"),
    inDebug: throws("INVALID_FREE", "cannot free an array of 40 bytes: the allocation at offset A has 80"),
  },
  {
    group: "Sized and aligned misuse",
    name: "a part of an array from its middle freed",
    misuse: (scene) => {
      const array = scene.heap.array(Float64Array, 10);
      scene.mark("A", array.byteOffset);
      scene.mark("B", array.byteOffset + 32);
      scene.heap.freeArray(array.subarray(4));
    },
    byDefault: throws("INVALID_FREE", "cannot free offset B: it lies 32 bytes inside a slot of 80 bytes"),
    inDebug: throws("INVALID_FREE", "cannot free offset B: it lies 32 bytes into the 80 bytes at offset A"),
  },
  {
    group: "Sized and aligned misuse",
    name: "an alignment that is no power of two",
    misuse: (scene) => scene.heap.malloc(SMALL, 48),
    byDefault: throws("RangeError", "align must be a power of two, got 48"),
    inDebug: throws("RangeError", "align must be a power of two, got 48"),
  },
  {
    group: "Sized and aligned misuse",
    name: "an alignment of 0",
    misuse: (scene) => scene.heap.malloc(SMALL, 0),
    byDefault: throws("RangeError", "align must be a power of two, got 0"),
    inDebug: throws("RangeError", "align must be a power of two, got 0"),
  },
];

export const FREE_ROWS: readonly Row[] = [...DOUBLE_FREES, ...INVALID_FREES, ...SIZED_AND_ALIGNED];
