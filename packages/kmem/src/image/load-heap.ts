/**
 * A heap opened from its image.
 *
 * An image is not believed. Magic word, version, checksum and geometry come first. Then the heap is built anew by the
 * methods that any caller uses, which refuse what no heap could have done: a block that overlaps another or the end, a
 * slab too small for its slots, a name taken twice. So either a heap comes out whose `check()` passes, or an error.
 *
 * No memory is allocated by what an image says. The tables are those of the space that the caller names; the list of
 * allocations is read where it lies. There is one copy of the image, for its words to be aligned.
 */
import { MAX_END_OFFSET, type MemoryLike } from "../backing/backing.ts";
import type { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { AllocError, argumentError, requireInteger, requirePowerOfTwo, requireSameWords } from "../errors.ts";
import { Heap } from "../heap/heap.ts";
import { type HeapOptions, heapSpace, type HeapSpace } from "../heap/space.ts";
import { GRANULE } from "../heap/size-classes.ts";
import type { SlabPool } from "../slab/slab-pool.ts";
import * as F from "./format.ts";

/** What a heap is opened with, beside its image and its bytes: as it was made. */
export type LoadOptions = Pick<HeapOptions, "base" | "pageSize" | "maxSize" | "zero">;

/** Bytes that a heap may have when nobody but its image says so: its tables then take 1.4 MiB at most. */
const TRUSTED_SIZE = 2 ** 26;

/** Fails unless `found`, which the image says of `what`, is as it must be. */
function demand(what: string, found: number, expected: number): void {
  if (found !== expected) throw argumentError(what, String(expected), found);
}

/** Runs what reads an image: what it finds wrong is the image's fault. */
function reading<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof AllocError)) throw error;
    throw new AllocError("INVALID_IMAGE", `invalid image: ${error.message}`);
  }
}

/** Bytes of the heap that an image is of. */
function sizeIn(words: Int32Array): number {
  return (words[F.HEAD_PAGE_COUNT] >>> 0) * (words[F.HEAD_PAGE_SIZE] >>> 0);
}

/** The words of an image of a heap of this base and page size, and of at most `maxSize` bytes. O(bytes). */
function wordsOf(image: Uint8Array, { base, pageSize }: HeapSpace, maxSize: number): Int32Array {
  requireInteger("the number of words", image.length / 4, F.HEAD_WORDS, 2 ** 30);
  const words = new Int32Array(image.length / 4);
  new Uint8Array(words.buffer).set(image);
  demand("the magic word", words[F.HEAD_MAGIC], F.MAGIC);
  demand("the version", words[F.HEAD_VERSION], F.VERSION);
  demand("the checksum", words[F.HEAD_CHECKSUM], F.checksumOf(words));
  demand("the page size", words[F.HEAD_PAGE_SIZE] >>> 0, pageSize);
  demand("the base", (words[F.HEAD_BASE_PAGE] >>> 0) * pageSize, base);
  requireInteger("the size", sizeIn(words), pageSize, maxSize);
  return words;
}

/** Reads the caches and allocations of an image into a heap that has none. */
class ImageReader {
  private readonly heap: Heap;
  private readonly buddy: BuddyAllocator;
  private readonly pool: SlabPool;
  private readonly words: Int32Array;
  private at = F.HEAD_WORDS;

  constructor(words: Int32Array, heap: Heap) {
    this.words = words;
    this.heap = heap;
    this.buddy = heap["buddy"];
    this.pool = heap["pool"];
  }

  /** Reads all there is. Throws RangeError or AllocError for what no heap could have done. O(size). */
  readAll(): void {
    for (let left = this.words[F.HEAD_CACHE_COUNT] >>> 0; left > 0; left--) this.readCache();
    while (this.at < this.words.length) this.readAllocation();
  }

  /** The next `count` words. */
  private take(count: number): Int32Array {
    const { words, at } = this;
    requireInteger("the number of words left", words.length - at, count, words.length);
    this.at += count;
    return words.subarray(at, this.at);
  }

  private next(): number {
    return this.take(1)[0] >>> 0;
  }

  private readCache(): void {
    const [objectSize, align, magazineSize] = [this.next(), this.next(), this.next()];
    const flags = requireInteger("the flags of a cache", this.next(), 0, F.CONSTRUCTED);
    const length = requireInteger("the length of a name", this.next(), 0, F.MAX_NAME_LENGTH);
    let name = "";
    while (name.length < length) {
      name += String.fromCharCode(requireInteger("a character", this.next(), 0, 0xffff));
    }
    const construct = (): never => {
      throw new AllocError("DETACHED", `open cache "${name}" with the construct that it was made with`);
    };
    this.heap.createCache({ name, objectSize, align, magazineSize, ...(flags === 0 ? {} : { construct }) });
  }

  private readAllocation(): void {
    const { buddy, pool } = this;
    const [page, pageCount, number] = [this.next(), this.next(), this.next()];
    const offset = page * buddy.pageSize;
    const byteLength = pageCount * buddy.pageSize;
    requireInteger("the number of a cache", number, 0, pool.cacheCount);
    if (number !== 0) this.readSlab(number, offset, byteLength);
    else {
      buddy.reserve(offset, byteLength);
      pool.markLarge(offset);
    }
  }

  private readSlab(number: number, offset: number, byteLength: number): void {
    const { buddy, pool } = this;
    const { pageSize, maxOrder } = buddy;
    const slotSize = pool.slotSize(number);
    const order = Math.log2(requirePowerOfTwo("the pages of a slab", byteLength / pageSize));
    requireInteger("the order of a slab", order, pool.minSlabOrder(slotSize), maxOrder);
    buddy.allocateAt(offset, order);
    const inUse = this.take(byteLength / F.BYTES_PER_WORD);
    pool.adoptSlab(number, offset / pageSize, byteLength / pageSize);
    for (let at = 0; at + slotSize <= byteLength; at += slotSize) {
      const granule = at / GRANULE;
      if ((inUse[granule >>> 5] & (1 << granule)) === 0) continue;
      pool.takeFromDepot(number, offset + at);
      pool.setInUse(offset + at);
    }
    // Bits that are set and were not taken over stand where no slot begins.
    requireSameWords("S2", "word", inUse, pool.inUseWords(offset, byteLength));
  }
}

/**
 * Opens an image that `saveHeap` made. `bytes` is the buffer or memory with the heap's bytes; without, the heap hands out
 * offsets only. `options` are as for a new heap: `base` and `pageSize` must be those of the heap that was saved, `maxSize`
 * is for the caller to say anew.
 *
 * What was allocated is where it was. Named caches are got by `openCache`. Forgotten is what lay free in magazines, and
 * which runs were freed before.
 *
 * Nothing in the image is believed, and no memory allocated by it: without `bytes` and `maxSize` it may be of a heap of up
 * to 64 MiB. Throws `AllocError` `INVALID_IMAGE` that says what is wrong in it;
 * RangeError or TypeError for the other arguments, as `new Heap` does. O(size).
 */
export function loadHeap(
  image: Uint8Array,
  bytes?: ArrayBufferLike | MemoryLike,
  options: LoadOptions = {},
): Heap {
  if (!(image instanceof Uint8Array)) throw argumentError("image", "a Uint8Array", image);
  const source = bytes === undefined ? {} : "buffer" in bytes ? { memory: bytes } : { buffer: bytes };
  // A heap of one page tells what the arguments alone come to.
  const { backing, space } = heapSpace({ ...options, ...source, size: options.pageSize ?? 4096 });
  let most = space.maxSize;
  if (bytes !== undefined) most = Math.min(most, backing.endOffset - space.base);
  else if (options.maxSize === undefined) most = Math.min(TRUSTED_SIZE, MAX_END_OFFSET - space.base);
  const words = reading(() => wordsOf(image, space, most));
  const heap = new Heap({ ...options, ...source, size: sizeIn(words) });
  reading(() => new ImageReader(words, heap).readAll());
  return heap;
}
