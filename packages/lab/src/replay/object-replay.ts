import { Heap, type SlabCache } from "kmem";
import { KMALLOC, type ObjectStream } from "./object-stream.ts";

/** Byte heaps reach this far. */
const MAX_HEAP_BYTES = 2 ** 32;
/** What a heap starts with at least. */
const MIN_HEAP_BYTES = 2 ** 20;

/** Puts the objects of a recording into a `Heap`: kmalloc into its size classes, the rest into caches by name. */
export class ObjectReplay {
  readonly heap: Heap;
  /** One for each of the stream's caches. */
  readonly caches: readonly SlabCache[];
  readonly #stream: ObjectStream;
  /** Where each object lies; meaningless once it is freed. */
  readonly #offsets: Uint32Array;
  #position = 0;

  /** @param options.magazineSize free slots in front of each cache at most; by default, by object size */
  constructor(stream: ObjectStream, options: { pageSize: number; magazineSize?: number | undefined }) {
    this.#stream = stream;
    // The heap starts large enough for the payload and grows where its own waste asks for more.
    const size = Math.min(
      MAX_HEAP_BYTES,
      Math.max(MIN_HEAP_BYTES, options.pageSize, powerOfTwoAtLeast(stream.peak.value)),
    );
    this.heap = new Heap({ size, maxSize: MAX_HEAP_BYTES, pageSize: options.pageSize });
    const magazine = options.magazineSize === undefined ? {} : { magazineSize: options.magazineSize };
    this.caches = stream.caches.map(({ name, objectSize }) =>
      this.heap.createCache({ name, objectSize: Math.max(1, objectSize), ...magazine }),
    );
    this.#offsets = new Uint32Array(stream.cacheOf.length);
  }

  /** Operations applied so far. */
  get position(): number {
    return this.#position;
  }

  /** Operations of the whole stream. */
  get length(): number {
    return this.#stream.operations.length;
  }

  /** Byte position of a live object. */
  offsetOf(object: number): number {
    return this.#offsets[object]!;
  }

  /** Applies the operations up to `position` (exclusive). This loop is what a replay's speed is measured on. */
  advanceTo(position: number): void {
    const { operations, cacheOf, bytesRequested } = this.#stream;
    const { heap, caches } = this;
    const offsets = this.#offsets;
    for (let at = this.#position; at < position; at++) {
      const operation = operations[at]!;
      if (operation >= 0) {
        const cache = cacheOf[operation]!;
        offsets[operation] =
          cache === KMALLOC ? heap.malloc(bytesRequested[operation]!) : caches[cache]!.allocate();
      } else {
        const object = ~operation;
        const cache = cacheOf[object]!;
        if (cache === KMALLOC) heap.free(offsets[object]!);
        else caches[cache]!.free(offsets[object]!);
      }
    }
    this.#position = position;
  }
}

/** The smallest power of two that is not below `value`. */
export function powerOfTwoAtLeast(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}
