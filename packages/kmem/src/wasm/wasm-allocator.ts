/**
 * A heap in the memory of a Wasm module, as the functions that the module imports.
 *
 * A module that defines its own memory has none before it is instantiated, and the functions are needed for just that.
 * So the memory may be given as a function: the heap is then made by the first call that comes out of the module.
 *
 * Assumes that nothing but the heap grows the memory, and that what lies at and above `base` is the heap's alone.
 */
import { MAX_END_OFFSET, type MemoryLike } from "../backing/backing.ts";
import { roundUp } from "../bits/integers.ts";
import { argumentError, requireInteger } from "../errors.ts";
import { Heap } from "../heap/heap.ts";
import type { HeapOptions } from "../heap/space.ts";
import { type CAllocator, cAllocator, type CAllocatorOptions, type CHeap } from "./c-allocator.ts";
import { fastFunctions } from "./fast-path.ts";
import { growingMemory } from "./growing-memory.ts";
import { MemoryWords } from "./memory-words.ts";
import { TableMemory } from "./table-memory.ts";

const WASM_PAGE = 65536;

/** Options for an allocator that makes its own heap. Sizes in bytes. */
export interface WasmHeapOptions extends CAllocatorOptions, Pick<HeapOptions, "pageSize"> {
  /**
   * Where the heap begins: the module's `__heap_base`, above 0, or a function that tells it at the first call. Default:
   * where the memory ends at that time, so that all there is belongs to the module.
   */
  base?: number | (() => number) | undefined;
  /**
   * Bytes that the memory may grow to: its maximum, which a memory does not tell. Default 4 GiB. The heap lays out its
   * tables for it.
   */
  maxMemorySize?: number | undefined;
  /** Called after the heap has grown the memory: views on the old buffer are useless now. */
  onGrow?: ((buffer: ArrayBufferLike) => void) | undefined;
}

/** Options for an allocator on a heap that exists. */
export interface GivenHeapOptions<GivenHeap extends CHeap> extends CAllocatorOptions {
  /** A heap in the same memory, above offset 0. */
  heap: GivenHeap;
}

/** A heap, and the functions through which a Wasm module uses it. */
export interface WasmAllocator<UsedHeap extends CHeap = Heap> {
  /** What the module imports; the functions may be handed over one by one. */
  readonly imports: CAllocator;
  /** The heap. With a memory that is given as a function, the first use makes it. */
  readonly heap: UsedHeap;
}

/**
 * Makes malloc and its family for a Wasm module with `memory`, or with the memory that `memory` returns at the first
 * call.
 *
 * On a heap of its own, in the memory from `base` on, which grows with the memory; or on a given heap. Throws as the
 * constructor of `Heap` does, at once or at that first call; RangeError for a heap that begins at offset 0.
 */
export function wasmAllocator(
  memory: MemoryLike | (() => MemoryLike),
  options?: WasmHeapOptions,
): WasmAllocator;
/** The same on a heap that exists. */
export function wasmAllocator<GivenHeap extends CHeap>(
  memory: MemoryLike | (() => MemoryLike),
  options: GivenHeapOptions<GivenHeap>,
): WasmAllocator<GivenHeap>;
export function wasmAllocator(
  memory: MemoryLike | (() => MemoryLike),
  options: WasmHeapOptions | GivenHeapOptions<CHeap> = {},
): WasmAllocator<CHeap> {
  if ("heap" in options) return allocatorIn(memory, options, () => options.heap);
  const { maxMemorySize = MAX_END_OFFSET, pageSize = 4096 } = options;
  requireInteger("maxMemorySize", maxMemorySize, 1, MAX_END_OFFSET);
  const tables = new TableMemory(maxMemorySize, pageSize);
  const allocator = allocatorIn(memory, options, (memory) => heapIn(memory, options, tables));
  const imports = { ...allocator.imports, ...fastFunctions(tables, allocator.imports) };
  return {
    get heap() {
      return allocator.heap;
    },
    imports,
  };
}

/** The functions in JavaScript, on the heap that `heapOn` makes or finds: now, or once `memory` can be asked for. */
function allocatorIn(
  memory: MemoryLike | (() => MemoryLike),
  options: CAllocatorOptions,
  heapOn: (memory: MemoryLike) => CHeap,
): WasmAllocator<CHeap> {
  if (typeof memory === "function") return lazyAllocator(() => allocatorIn(memory(), options, heapOn));
  if (typeof memory?.grow !== "function") throw argumentError("memory", "a WebAssembly.Memory", memory);
  const heap = heapOn(memory);
  // 0 is C's NULL, so no object may lie there.
  requireInteger("heap.base", heap.base, 1, Number.MAX_SAFE_INTEGER);
  return { heap, imports: cAllocator(heap, new MemoryWords(memory), options) };
}

/** A heap of its own in `memory`, from the base on, with its slabs' words in `tables`. */
function heapIn(memory: MemoryLike, options: WasmHeapOptions, tables: TableMemory): Heap {
  const { base, maxMemorySize = MAX_END_OFFSET, pageSize = 4096, onGrow } = options;
  const end = memory.buffer.byteLength;
  requireInteger("maxMemorySize", maxMemorySize, end, MAX_END_OFFSET);
  const growing = growingMemory(memory, maxMemorySize, onGrow);
  const start = (typeof base === "function" ? base() : base) ?? end;
  requireInteger("base", start, 1, maxMemorySize - 1);
  const first = roundUp(start, pageSize);
  // A heap has a page at least.
  if (first + pageSize > end) growing.grow(Math.ceil((first + pageSize - end) / WASM_PAGE));
  const maxSize = maxMemorySize - first;
  return new Heap({ memory: growing, base: first, pageSize, maxSize }, (...space) =>
    tables.makeParts(...space),
  );
}

/**
 * An allocator that `make` makes when it is first needed.
 *
 * Each function calls the real one from a place of its own, and the first call goes another way: so V8 sees one callee
 * at each place and inlines it. It costs 1 ns.
 */
function lazyAllocator(make: () => WasmAllocator<CHeap>): WasmAllocator<CHeap> {
  let made: WasmAllocator<CHeap> | undefined;
  let real: CAllocator | undefined;
  const allocator = (): WasmAllocator<CHeap> => (made ??= make());
  const start = (): CAllocator => (real = allocator().imports);
  return {
    get heap() {
      return allocator().heap;
    },
    imports: {
      malloc: (size) => (real === undefined ? start().malloc(size) : real.malloc(size)),
      free: (pointer) => (real === undefined ? start().free(pointer) : real.free(pointer)),
      calloc: (count, size) => (real ?? start()).calloc(count, size),
      realloc: (pointer, size) =>
        real === undefined ? start().realloc(pointer, size) : real.realloc(pointer, size),
      aligned_alloc: (align, size) => (real ?? start()).aligned_alloc(align, size),
      memalign: (align, size) => (real ?? start()).memalign(align, size),
      posix_memalign: (result, align, size) => (real ?? start()).posix_memalign(result, align, size),
      malloc_usable_size: (pointer) => (real ?? start()).malloc_usable_size(pointer),
    },
  };
}
