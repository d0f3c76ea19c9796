/**
 * A memory as 32-bit words, on the buffer that it has at the time: growth of a memory replaces its buffer, and
 * leaves a view on the old one without length (or, where it is shared, too short).
 *
 * Cost: O(1); `clear` O(bytes).
 */
import type { MemoryLike } from "../backing/backing.ts";

const WORD_BYTES = 4;
/** Up to here a loop is faster than the call of `fill`. */
const SHORT_WORDS = 32;

/** Reads nothing: an allocator writes only what C's rules demand. */
export class MemoryWords {
  private readonly memory: MemoryLike;
  private words: Int32Array;

  constructor(memory: MemoryLike) {
    this.memory = memory;
    this.words = new Int32Array(memory.buffer);
  }

  /** Stores a word at `offset`, a multiple of 4. */
  store(offset: number, word: number): void {
    this.upTo(offset + WORD_BYTES)[offset >>> 2] = word;
  }

  /** Sets to zero the whole words that `byteLength` bytes from `offset`, a multiple of 4, touch. */
  clear(offset: number, byteLength: number): void {
    const end = Math.ceil((offset + byteLength) / WORD_BYTES);
    const words = this.upTo(end * WORD_BYTES);
    const start = offset >>> 2;
    if (end - start > SHORT_WORDS) words.fill(0, start, end);
    else for (let index = start; index < end; index++) words[index] = 0;
  }

  /** Copies whole words that hold `byteLength` bytes; both offsets are multiples of 4, and the two places lie apart. */
  copy(to: number, from: number, byteLength: number): void {
    const count = Math.ceil(byteLength / WORD_BYTES);
    const words = this.upTo(Math.max(to, from) + count * WORD_BYTES);
    const target = to >>> 2;
    const source = from >>> 2;
    if (count > SHORT_WORDS) words.copyWithin(target, source, source + count);
    else for (let index = 0; index < count; index++) words[target + index] = words[source + index];
  }

  /** The words, at least those up to `endOffset`, exclusive. */
  private upTo(endOffset: number): Int32Array {
    if (this.words.length * WORD_BYTES < endOffset) {
      // Another thread may have grown the memory, and this one not have heard of it: growing by nothing makes it look.
      if (this.memory.buffer.byteLength < endOffset) this.memory.grow(0);
      this.words = new Int32Array(this.memory.buffer);
    }
    return this.words;
  }
}
