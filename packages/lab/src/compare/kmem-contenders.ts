/** kmem's heap as a contender, in two ways. */
import { Heap, NONE, type SlabCache } from "kmem";
import { KMALLOC, type ObjectStream } from "../replay/object-stream.ts";
import { NO_ROOM, type Contender, type ContenderSpace } from "./contender.ts";

/** Byte heaps reach this far. */
const MAX_HEAP_BYTES = 2 ** 32;
const PAGE_BYTES = 4096;
/** What a heap starts with; it grows as a program's does. */
const INITIAL_HEAP_BYTES = 2 ** 16;

/** A heap that grows up to the space's limit. */
function heapOf({ limit }: ContenderSpace): Heap {
  const maxSize = Math.min(MAX_HEAP_BYTES, Math.ceil(limit / PAGE_BYTES) * PAGE_BYTES);
  return new Heap({ size: Math.min(INITIAL_HEAP_BYTES, maxSize), maxSize, pageSize: PAGE_BYTES });
}

/** A `Heap`, every object by `malloc`. */
export class HeapContender implements Contender {
  readonly #heap: Heap;

  constructor(space: ContenderSpace) {
    this.#heap = heapOf(space);
  }

  allocate(size: number): number {
    const offset = this.#heap.tryMalloc(size);
    return offset === NONE ? NO_ROOM : offset;
  }

  free(offset: number): void {
    this.#heap.free(offset);
  }

  heldUnits(): number {
    return this.#heap.stats().heldBytes;
  }

  usedUnits(): number {
    return this.#heap.stats().usedBytes;
  }

  tableBytes(): number {
    return this.#heap.stats().metadataBytes;
  }
}

/** A `Heap` with a cache for each of the recorded ones; the rest by `malloc`. */
export class CachesContender implements Contender {
  readonly #heap: Heap;
  readonly #cacheOf: Int32Array;
  readonly #caches: readonly SlabCache[];

  constructor(space: ContenderSpace, { caches, cacheOf }: Pick<ObjectStream, "caches" | "cacheOf">) {
    this.#heap = heapOf(space);
    this.#cacheOf = cacheOf;
    this.#caches = caches.map(({ name, objectSize }) =>
      this.#heap.createCache({ name, objectSize: Math.max(1, objectSize) }),
    );
  }

  allocate(size: number, piece: number): number {
    const cache = this.#cacheOf[piece]!;
    const offset = cache === KMALLOC ? this.#heap.tryMalloc(size) : this.#caches[cache]!.tryAllocate();
    return offset === NONE ? NO_ROOM : offset;
  }

  free(offset: number, _size: number, piece: number): void {
    const cache = this.#cacheOf[piece]!;
    if (cache === KMALLOC) this.#heap.free(offset);
    else this.#caches[cache]!.free(offset);
  }

  heldUnits(): number {
    return this.#heap.stats().heldBytes;
  }

  usedUnits(): number {
    return this.#heap.stats().usedBytes;
  }

  tableBytes(): number {
    return this.#heap.stats().metadataBytes;
  }
}
