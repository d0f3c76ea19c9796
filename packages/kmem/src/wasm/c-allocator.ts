/**
 * malloc and its family as C knows them, on a heap: functions to be imported by a Wasm module.
 *
 * Wasm hands a 32-bit word to JavaScript as a signed number and takes one back modulo 2^32. So each argument is made
 * unsigned where it comes in, and a result is returned as a signed word, which V8 passes on without a float.
 *
 * Assumes that the heap begins above offset 0: 0 is NULL.
 *
 * Cost: that of the heap, and about 5 ns for the call from Wasm to JavaScript, which V8 does not inline.
 */
import { AllocError, OutOfMemoryError } from "../errors.ts";
import type { MemoryWords } from "./memory-words.ts";

/** The C library's error numbers: those of WASI, which Emscripten has too. */
const EINVAL = 28;
const ENOMEM = 48;

/** The largest object of C: two pointers into one are no further apart than a `ptrdiff_t` can say. */
const MAX_OBJECT_BYTES = 2 ** 31 - 1;

/**
 * A small object that grows is moved here, not by the heap, which makes a view for it each time: 25 ns against 200. Where
 * the heap keeps larger objects in place, it still may.
 */
const MOVED_AT_ONCE_BYTES = 2048;

/** `posix_memalign` takes multiples of a pointer's size only. */
const POINTER_BYTES = 4;

/** What a heap needs to have for a C program to run on it; `Heap` does. */
export interface CHeap {
  /** Offset of the heap's first byte; above 0. */
  readonly base: number;
  /** As `Heap.malloc`. */
  malloc(byteLength: number, align?: number): number;
  /** As `Heap.realloc`. */
  realloc(offset: number, byteLength: number): number;
  /** As `Heap.free`. */
  free(offset: number): void;
  /** As `Heap.usableSize`. */
  usableSize(offset: number): number;
}

/**
 * The functions that a Wasm module imports, named and used as in C. Pointers and sizes are 32-bit words of either sign;
 * results are signed. JavaScript that calls them makes a result an offset with `>>> 0`.
 *
 * NULL is 0. A pointer that is to be freed or resized and is not allocated is misuse: see `onMisuse`.
 */
export interface CAllocator {
  /** `size` bytes, aligned to 16. NULL and ENOMEM when there is no space. `malloc(0)` is an object of its own. */
  malloc(size: number): number;
  /** Frees an object; nothing for NULL. */
  free(pointer: number): void;
  /** `count` times `size` bytes, all 0. NULL and ENOMEM when there is no space or the product overflows. */
  calloc(count: number, size: number): number;
  /**
   * Resizes an object and returns where it is now. `malloc` for NULL. For size 0 the smallest object, not a free. NULL
   * and ENOMEM when there is no space; the object is then as it was.
   */
  realloc(pointer: number, size: number): number;
  /** `size` bytes, aligned to `align`. NULL and EINVAL when that is no power of two, NULL and ENOMEM without space. */
  aligned_alloc(align: number, size: number): number;
  /** `aligned_alloc` under its older name. */
  memalign(align: number, size: number): number;
  /**
   * Stores at `result` a pointer to `size` bytes, aligned to `align`, and returns 0. Returns EINVAL when that is no
   * power of two or below 4, ENOMEM without space; then nothing is stored, and errno stays as it is in any case.
   */
  posix_memalign(result: number, align: number, size: number): number;
  /** Bytes that may be used at `pointer`; 0 for NULL. */
  malloc_usable_size(pointer: number): number;
}

/** What a C allocator does beside allocating. */
export interface CAllocatorOptions {
  /**
   * Where C's `errno` lies, as an offset; asked when a call fails. Default: errno is not set.
   */
  errno?: (() => number) | undefined;
  /**
   * Called with what is thrown by a wrong free or realloc, which then does nothing. Default: it is thrown, through the
   * Wasm functions that are running, to whoever called them from JavaScript.
   */
  onMisuse?: ((error: AllocError) => void) | undefined;
}

/** C's functions on `heap`, whose bytes are `words`. */
export function cAllocator(heap: CHeap, words: MemoryWords, options: CAllocatorOptions): CAllocator {
  const { errno, onMisuse } = options;

  /** NULL, and the reason where C looks for it. */
  const fail = (code: number): number => {
    if (errno !== undefined) words.store(errno() >>> 0, code);
    return 0;
  };
  /** What C is told when the heap has thrown. */
  const refuse = (error: unknown): number => {
    if (error instanceof OutOfMemoryError) return fail(ENOMEM);
    if (onMisuse === undefined || !(error instanceof AllocError)) throw error;
    onMisuse(error);
    return 0;
  };
  /** NULL without an errno when there is no space. */
  const tryAligned = (align: number, size: number): number => {
    if (size > MAX_OBJECT_BYTES) return 0;
    try {
      return heap.malloc(size, align) | 0;
    } catch (error) {
      if (error instanceof OutOfMemoryError) return 0;
      throw error;
    }
  };

  // `malloc` and `free` are what V8 is to compile well. The throwing form of the heap's malloc is the faster one here:
  // its result is never mixed with -1 (18.5 against 20 ns a pair).
  const malloc = (size: number): number => {
    if (size < 0) return fail(ENOMEM);
    try {
      return heap.malloc(size) | 0;
    } catch (error) {
      return refuse(error);
    }
  };
  const free = (pointer: number): void => {
    if (pointer === 0) return;
    try {
      heap.free(pointer >>> 0);
    } catch (error) {
      refuse(error);
    }
  };
  const alignedAlloc = (align: number, size: number): number => {
    if (!isPowerOfTwoWord(align)) return fail(EINVAL);
    return tryAligned(align >>> 0, size >>> 0) || fail(ENOMEM);
  };

  return {
    malloc,
    free,
    calloc(count, size) {
      const total = (count >>> 0) * (size >>> 0);
      if (total > MAX_OBJECT_BYTES) return fail(ENOMEM);
      const pointer = malloc(total);
      if (pointer !== 0) words.clear(pointer >>> 0, total);
      return pointer;
    },
    realloc(pointer, size) {
      if (pointer === 0) return malloc(size);
      if (size < 0) return fail(ENOMEM);
      try {
        const usable = heap.usableSize(pointer >>> 0);
        // What is larger may grow where it is, and what gets smaller may stay: that is for the heap to say.
        if (size <= usable || usable > MOVED_AT_ONCE_BYTES) return heap.realloc(pointer >>> 0, size) | 0;
        const moved = heap.malloc(size);
        words.copy(moved, pointer >>> 0, usable);
        heap.free(pointer >>> 0);
        return moved | 0;
      } catch (error) {
        return refuse(error);
      }
    },
    aligned_alloc: alignedAlloc,
    memalign: alignedAlloc,
    posix_memalign(result, align, size) {
      if (!isPowerOfTwoWord(align) || align >>> 0 < POINTER_BYTES) return EINVAL;
      const pointer = tryAligned(align >>> 0, size >>> 0);
      if (pointer === 0) return ENOMEM;
      words.store(result >>> 0, pointer);
      return 0;
    },
    malloc_usable_size(pointer) {
      if (pointer === 0) return 0;
      try {
        return heap.usableSize(pointer >>> 0) | 0;
      } catch (error) {
        return refuse(error);
      }
    },
  };
}

/** True for a word with just one bit set. */
function isPowerOfTwoWord(word: number): boolean {
  return word !== 0 && (word & (word - 1)) === 0;
}
