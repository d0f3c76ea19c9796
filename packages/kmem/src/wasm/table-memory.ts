/**
 * The words of a heap's slab pool in a WebAssembly memory of their own, so that Wasm can work on them too.
 *
 * Where everything lies follows from what the heap may grow to and from its page size, not from where it begins: so the
 * memory can be made before the heap is. Only what is written of it takes real memory.
 *
 *     pool         as `slab/layout.ts` says, for a space from 0 to `endOffset`; but page words up to 4 GiB
 *     classes      1 byte a granule      the size class of a request of so many granules: CLASS_OF
 */
import { MAX_END_OFFSET } from "../backing/backing.ts";
import { roundDown } from "../bits/integers.ts";
import { BuddyAllocator } from "../buddy/buddy-allocator.ts";
import { requireInteger, requirePowerOfTwo } from "../errors.ts";
import { addSizeClasses, type HeapParts, type MakeHeapParts } from "../heap/parts.ts";
import { CLASS_OF, GRANULE, SLOT_SIZES } from "../heap/size-classes.ts";
import { MAX_DEEP_WORDS, type PoolLayout, poolLayout } from "../slab/layout.ts";
import { TablePool } from "./table-pool.ts";
import { webAssembly } from "./webassembly.ts";

const WASM_PAGE = 65536;
const MIN_PAGE_SIZE = 32;
/** Named caches are few in a program that allocates by itself, and each has words to be set at the start. */
const MAX_NAMED_CACHES = 32;
/** As many as a magazine takes: the call from Wasm costs as much as ten slots. */
const MAX_BATCH = 64;
/** As deep as there is room for: what finds no room in a magazine does not come to JavaScript. */
const MAGAZINE_DEPTH = MAX_DEEP_WORDS;
/** The most caches. */
const CACHE_LIMIT = SLOT_SIZES.length + MAX_NAMED_CACHES;

export class TableMemory {
  /** The end of the space, in bytes, exclusive. */
  readonly endOffset: number;
  /** log2 of the page size. */
  readonly pageShift: number;
  readonly layout: PoolLayout;
  /** Address of the class table, in bytes. */
  readonly classes: number;
  readonly memory: { readonly buffer: ArrayBuffer };

  /**
   * Tables for a heap that ends at or below `maxEndOffset`, in pages of `pageSize` bytes. Throws RangeError for a page
   * size that is no power of two, or below 32: tables for 4 GiB in such pages would be too long for a memory.
   */
  constructor(maxEndOffset: number, pageSize: number) {
    requireInteger("pageSize", requirePowerOfTwo("pageSize", pageSize), MIN_PAGE_SIZE, MAX_END_OFFSET / 2);
    this.endOffset = roundDown(maxEndOffset, pageSize);
    this.pageShift = Math.log2(pageSize);
    this.layout = poolLayout({
      cacheLimit: CACHE_LIMIT,
      endOffset: this.endOffset,
      granule: GRANULE,
      pageSize,
      threadCount: 1,
    });
    // A page beyond the space has a word here too, which is 0.
    this.classes = 4 * (this.layout.pages + MAX_END_OFFSET / pageSize);
    const pages = Math.ceil((this.classes + CLASS_OF.length) / WASM_PAGE);
    const { Memory } = webAssembly();
    this.memory = new Memory({ initial: pages, maximum: pages });
    new Uint8Array(this.memory.buffer).set(CLASS_OF, this.classes);
  }

  /** Makes the parts of a heap whose pool lies here. */
  makeParts(...[space, makeRoom]: Parameters<MakeHeapParts>): HeapParts {
    const buddy = new BuddyAllocator(space);
    const words = new Int32Array(this.memory.buffer, 0, this.layout.wordCount);
    const place = {
      endOffset: this.endOffset,
      threadCount: 1,
      thread: 0,
      minSlabBytes: 0,
      maxBatch: MAX_BATCH,
      magazineDepth: MAGAZINE_DEPTH,
      words,
    };
    const pool = new TablePool(buddy, GRANULE, CACHE_LIMIT, makeRoom, place);
    addSizeClasses(pool);
    return { buddy, pool };
  }
}
