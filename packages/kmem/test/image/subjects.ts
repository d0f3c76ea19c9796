/** Heaps in the midst of work, whose images the tests save, open and spoil. */
import { Heap, type MemoryLike, NONE, type SlabCache } from "../../src/index.ts";
import type { LoadOptions } from "../../src/image/index.ts";
import { wasmMemory } from "../model/backings.ts";
import { Random } from "../model/random.ts";

const PAGE = 4096;

/** A heap, and what `loadHeap` needs to open its image again. */
export interface Subject {
  readonly heap: Heap;
  readonly bytes?: ArrayBufferLike | MemoryLike;
  readonly options: LoadOptions;
  /** Every allocation that lives. */
  readonly live: number[];
}

/** Makes a heap; its bytes and options are what `loadHeap` is to be told as well. */
type MakeSubject = () => Omit<Subject, "live">;

function onBuffer(buffer: ArrayBufferLike, options: LoadOptions = {}): Omit<Subject, "live"> {
  return { heap: new Heap({ buffer, ...options }), bytes: buffer, options };
}

const MAKERS: Record<string, MakeSubject> = {
  "no bytes": () => ({ heap: new Heap({ size: 64 * PAGE }), options: {} }),
  "no bytes, room to grow": () => {
    const options = { maxSize: 200 * PAGE };
    return { heap: new Heap({ size: 3 * PAGE, ...options }), options };
  },
  "no bytes, the end of 4 GiB": () => {
    const options = { base: 2 ** 32 - 64 * PAGE };
    return { heap: new Heap({ size: 64 * PAGE, ...options }), options };
  },
  "a buffer": () => onBuffer(new ArrayBuffer(77 * PAGE)),
  "a buffer, pages of 512 bytes from an odd base": () =>
    onBuffer(new ArrayBuffer(2 ** 17), { base: 13 * 512, pageSize: 512 }),
  "a buffer, pages of 16 bytes": () => onBuffer(new ArrayBuffer(2 ** 15), { pageSize: 16 }),
  "a buffer, pages of 64 KiB": () => onBuffer(new ArrayBuffer(2 ** 21), { pageSize: 65536 }),
  "a shared buffer that grows": () =>
    onBuffer(new SharedArrayBuffer(4 * PAGE, { maxByteLength: 100 * PAGE })),
  "a memory": () => {
    const options = { base: 3 * PAGE, maxSize: 2 ** 20 };
    const memory = wasmMemory({ initial: 2, maximum: 20 });
    return { heap: new Heap({ memory, ...options }), bytes: memory, options };
  },
};

export const SUBJECT_NAMES = Object.keys(MAKERS);

/** The heap called `name` after `steps` random operations; some named caches are made, and one of them destroyed. */
export function makeSubject(name: string, seed: number, steps: number): Subject {
  const random = new Random(seed, name);
  const subject = MAKERS[name]!();
  const { heap } = subject;
  const live: number[] = [];
  const caches: SlabCache[] = [];
  for (const [cacheName, objectSize, align] of [
    ["dentry", 192],
    ["gone", 24],
    ['näme "\u{1f600}"', 40, 64],
  ] as const) {
    caches.push(heap.createCache({ name: cacheName, objectSize, ...(align === undefined ? {} : { align }) }));
  }
  caches.splice(1, 1)[0]!.destroy();
  for (let step = 0; step < steps; step++) {
    if (random.chance(0.6)) {
      const cache = random.chance(0.3) ? random.pick(caches) : undefined;
      const offset = cache?.tryAllocate() ?? heap.tryMalloc(random.upTo(heap.maxSize >> 2));
      if (offset !== NONE) live.push(offset);
    } else if (live.length > 0) heap.free(live.splice(random.below(live.length), 1)[0]!);
  }
  return { ...subject, live };
}
