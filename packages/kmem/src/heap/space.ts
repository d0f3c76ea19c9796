/**
 * The space of a heap: what its options come to, and what holds its bytes.
 */
import {
  type Backing,
  type BytesOptions,
  chooseBacking,
  MAX_END_OFFSET,
  type MemoryLike,
} from "../backing/backing.ts";
import { roundDown, roundUp } from "../bits/integers.ts";
import { argumentError, requireInteger, requirePowerOfTwo } from "../errors.ts";
import { GRANULE } from "./size-classes.ts";

/** The largest page whose number 32-bit shifts find. */
const MAX_PAGE_SIZE = 2 ** 31;

/** What a heap manages: `size` bytes of nothing, the bytes of `buffer`, or those of `memory`. */
export interface HeapOptions extends BytesOptions {
  /** Bytes in the heap. Without `buffer` or `memory` it hands out offsets only; with one, it defaults to its length. */
  size?: number;
  /** An `ArrayBuffer` or `SharedArrayBuffer`, resizable or not. */
  buffer?: ArrayBufferLike;
  /** A `WebAssembly.Memory`; it grows by its pages of 64 KiB, within its maximum. */
  memory?: MemoryLike;
  /** Bytes that the heap may grow to when it runs out. Default: what the buffer or memory allows; else `size`. */
  maxSize?: number;
  /** The offset of the heap's first byte, rounded up to a whole page. Default 0. */
  base?: number;
  /** Bytes in a page; a power of two from 16 to 2^31. Default 4096. */
  pageSize?: number;
  /** Set every allocation's bytes to zero. Needs a buffer or memory. Default false. */
  zero?: boolean;
}

/** The space of a heap, in bytes. */
export interface HeapSpace {
  readonly base: number;
  readonly size: number;
  readonly pageSize: number;
  readonly maxSize: number;
}

/** The space that options come to, and what holds its bytes. Throws as the constructor of `Heap` does. */
export function heapSpace(options: HeapOptions): { backing: Backing; space: HeapSpace } {
  const { pageSize = 4096 } = options;
  requireInteger("pageSize", requirePowerOfTwo("pageSize", pageSize), GRANULE, MAX_PAGE_SIZE);
  const base = roundUp(requireInteger("base", options.base ?? 0, 0, MAX_END_OFFSET), pageSize);
  if (options.maxSize !== undefined) requireInteger("maxSize", options.maxSize, 1, MAX_END_OFFSET - base);
  const backing = chooseBacking(options, base, options.maxSize);
  const available = backing.endOffset - base;
  const size = roundDown(requireInteger("size", options.size ?? available, pageSize, available), pageSize);
  const most = Math.min(backing.maxEndOffset, MAX_END_OFFSET) - base;
  const maxSize = roundDown(Math.min(options.maxSize ?? most, most), pageSize);
  if (maxSize < size) throw argumentError("maxSize", `at least the size, ${size}`, options.maxSize);
  return { backing, space: { base, size, pageSize, maxSize } };
}
