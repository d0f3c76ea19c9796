/**
 * What holds the bytes that a heap hands out, if anything: nothing, an array buffer, or a WebAssembly memory.
 *
 * A backing knows how long it is, how long it may get, and how to grow. Whoever needs the bytes asks for the
 * buffer each time: growth may have replaced it.
 */
import { argumentError, requireInteger } from "../errors.ts";

/** The part of `WebAssembly.Memory` that a heap uses. */
export interface MemoryLike {
  /** The bytes; another object after each growth. */
  readonly buffer: ArrayBufferLike;
  /** Grows by `delta` Wasm pages of 64 KiB; throws when the memory's maximum does not allow it. */
  grow(delta: number): number;
}

/** Where a heap's bytes are. */
export interface Backing {
  /** The end of the bytes there are, as an offset. */
  readonly endOffset: number;
  /** The end of the bytes there may be. */
  readonly maxEndOffset: number;
  /** Growth takes place in multiples of this many bytes. */
  readonly growthStep: number;
  /** True when growing makes views on the buffer useless. */
  readonly detachesViews: boolean;
  /** Makes the bytes up to `endOffset`, exclusive, available; false when that is refused. */
  grow(endOffset: number): boolean;
  /** The buffer as it is now; undefined when there are no bytes. */
  buffer(): ArrayBufferLike | undefined;
}

const WASM_PAGE = 65536;
/** The end of what 32-bit offsets reach. */
export const MAX_END_OFFSET = 2 ** 32;

/** No bytes: the heap hands out offsets in a space that is somebody else's. */
export function noBytes(endOffset: number, maxEndOffset: number): Backing {
  let end = endOffset;
  return {
    get endOffset() {
      return end;
    },
    maxEndOffset,
    growthStep: 1,
    detachesViews: false,
    grow(newEnd) {
      end = Math.max(end, newEnd);
      return true;
    },
    buffer: () => undefined,
  };
}

/** A buffer whose length may change; both kinds have one of the two methods. */
interface ResizableBuffer {
  readonly byteLength: number;
  readonly maxByteLength?: number;
  resize?(byteLength: number): void;
  grow?(byteLength: number): void;
}

/** The bytes of an array buffer, shared or not, that may be resizable. */
export function bufferBytes(buffer: ArrayBufferLike): Backing {
  const resizable: ResizableBuffer = buffer;
  return {
    get endOffset() {
      return buffer.byteLength;
    },
    maxEndOffset: resizable.maxByteLength ?? buffer.byteLength,
    growthStep: 1,
    detachesViews: false,
    grow(newEnd) {
      if (newEnd <= buffer.byteLength) return true;
      try {
        if (resizable.grow !== undefined) resizable.grow(newEnd);
        else resizable.resize?.(newEnd);
      } catch {
        return false;
      }
      return newEnd <= buffer.byteLength;
    },
    buffer: () => buffer,
  };
}

/** The bytes of a WebAssembly memory. Its maximum cannot be asked for, only met. */
export function memoryBytes(memory: MemoryLike): Backing {
  return {
    get endOffset() {
      return memory.buffer.byteLength;
    },
    maxEndOffset: MAX_END_OFFSET,
    growthStep: WASM_PAGE,
    detachesViews: true,
    grow(newEnd) {
      const missing = newEnd - memory.buffer.byteLength;
      if (missing <= 0) return true;
      try {
        memory.grow(Math.ceil(missing / WASM_PAGE));
        return true;
      } catch {
        return false;
      }
    },
    buffer: () => memory.buffer,
  };
}

/** Which bytes a heap is to manage: just one of the three sources. */
export interface BytesOptions {
  size?: number | undefined;
  buffer?: ArrayBufferLike | undefined;
  memory?: MemoryLike | undefined;
}

/** The backing that heap options name, for a space that begins at `base`. Throws a TypeError or RangeError. */
export function chooseBacking(options: BytesOptions, base: number, maxSize: number | undefined): Backing {
  const { size, buffer, memory } = options;
  if (buffer !== undefined && memory !== undefined) throw new TypeError("give buffer or memory, not both");
  if (memory !== undefined) {
    if (typeof memory?.grow !== "function") throw argumentError("memory", "a WebAssembly.Memory", memory);
    return memoryBytes(memory);
  }
  if (buffer !== undefined) {
    if (typeof buffer?.byteLength !== "number" || ArrayBuffer.isView(buffer)) {
      throw argumentError("buffer", "an ArrayBuffer or SharedArrayBuffer", buffer);
    }
    return bufferBytes(buffer);
  }
  requireInteger("size", size, 1, MAX_END_OFFSET - base);
  return noBytes(base + (size as number), base + (maxSize ?? (size as number)));
}
