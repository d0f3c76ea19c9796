/**
 * A memory that tells when it grows, and grows ahead of what is asked.
 *
 * Each growth costs microseconds and makes every view on the memory useless, so it is worth a few pages more: an eighth
 * of the present size, where that is allowed.
 */
import type { MemoryLike } from "../backing/backing.ts";

const WASM_PAGE = 65536;
const GROWTH_SHARE = 8;

/**
 * `memory` as a heap is to see it: growth of at least an eighth, but not beyond `maxSize` bytes, and `onGrow` called
 * after each with the new buffer. Growth throws, as that of a `WebAssembly.Memory` does, when the memory's maximum does
 * not allow it.
 */
export function growingMemory(
  memory: MemoryLike,
  maxSize: number,
  onGrow: ((buffer: ArrayBufferLike) => void) | undefined,
): MemoryLike {
  // A memory's own getter takes 25 ns.
  let buffer = memory.buffer;
  return {
    get buffer() {
      // Detached: the program has grown the memory by itself.
      if (buffer.byteLength === 0) buffer = memory.buffer;
      return buffer;
    },
    grow(delta) {
      const size = memory.buffer.byteLength;
      const ahead = Math.floor(Math.min(size / GROWTH_SHARE, maxSize - size) / WASM_PAGE);
      const oldPages = ahead > delta ? growEither(memory, ahead, delta) : memory.grow(delta);
      buffer = memory.buffer;
      onGrow?.(buffer);
      return oldPages;
    },
  };
}

/** Grows by `wanted` pages or, when that is refused, by `needed`. */
function growEither(memory: MemoryLike, wanted: number, needed: number): number {
  try {
    return memory.grow(wanted);
  } catch {
    return memory.grow(needed);
  }
}
