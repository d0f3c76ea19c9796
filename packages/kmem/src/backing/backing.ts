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
  /** The buffer as it is now, with the bytes up to `neededEnd` if there are any; undefined when there are no bytes. */
  buffer(neededEnd?: number): ArrayBufferLike | undefined;
}

const WASM_PAGE = 65536;
/** The end of what 32-bit offsets reach. */
export const MAX_END_OFFSET = 2 ** 32;

/** A backing that ends at `end()` and is extended by `extend`, which throws or does nothing where it must not. */
function growable(
  end: () => number,
  extend: (newEnd: number) => void,
  rest: Omit<Backing, "endOffset" | "grow">,
): Backing {
  return {
    ...rest,
    get endOffset() {
      return end();
    },
    grow(newEnd) {
      try {
        if (newEnd > end()) extend(newEnd);
      } catch {
        return false;
      }
      return newEnd <= end();
    },
  };
}

/** No bytes: the heap hands out offsets in a space that is somebody else's. */
export function noBytes(endOffset: number, maxEndOffset: number): Backing {
  let end = endOffset;
  const extend = (newEnd: number): void => {
    end = newEnd;
  };
  return growable(() => end, extend, {
    maxEndOffset,
    growthStep: 1,
    detachesViews: false,
    buffer: () => undefined,
  });
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
  const extend = (newEnd: number): void => {
    resizable.resize?.(newEnd);
    resizable.grow?.(newEnd);
  };
  return growable(() => buffer.byteLength, extend, {
    maxEndOffset: resizable.maxByteLength ?? buffer.byteLength,
    growthStep: 1,
    detachesViews: false,
    buffer: () => buffer,
  });
}

/**
 * The bytes of a WebAssembly memory. Its maximum cannot be asked for, only met.
 *
 * Where threads share it and another one has grown it, `memory.buffer` may go on having the old length until this
 * thread's engine hears of it; growing by nothing makes it look.
 */
export function memoryBytes(memory: MemoryLike): Backing {
  const end = (neededEnd: number): number => {
    if (memory.buffer.byteLength < neededEnd && isShared(memory.buffer)) memory.grow(0);
    return memory.buffer.byteLength;
  };
  const extend = (newEnd: number): void => {
    const missing = newEnd - end(newEnd);
    if (missing > 0) memory.grow(Math.ceil(missing / WASM_PAGE));
  };
  return growable(() => memory.buffer.byteLength, extend, {
    maxEndOffset: MAX_END_OFFSET,
    growthStep: WASM_PAGE,
    detachesViews: true,
    buffer: (neededEnd = 0) => {
      end(neededEnd);
      return memory.buffer;
    },
  });
}

function isShared(buffer: ArrayBufferLike): boolean {
  return typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
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
