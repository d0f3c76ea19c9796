/** The backings that a heap may have, each of a random shape. */
import { roundUp } from "../../src/bits/integers.ts";
import type { HeapOptions, MemoryLike } from "../../src/index.ts";
import type { Random } from "./random.ts";

const WASM_PAGE = 65536;

/** A WebAssembly memory; sizes in its pages of 64 KiB. */
export interface MemoryDescriptor {
  initial: number;
  maximum?: number;
  shared?: boolean;
}

/** Makes a WebAssembly memory. Node's types know only the names of the types in `WebAssembly`. */
export function wasmMemory(descriptor: MemoryDescriptor): MemoryLike {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (descriptor: MemoryDescriptor) => MemoryLike };
  };
  return new WebAssembly.Memory(descriptor);
}

/** What holds the bytes of a heap. */
export type BackingKind =
  | "size"
  | "buffer"
  | "resizable"
  | "shared"
  | "growable"
  | "memory"
  | "shared-memory";

/** Every kind of backing. */
export const BACKING_KINDS: readonly BackingKind[] = [
  "size",
  "buffer",
  "resizable",
  "shared",
  "growable",
  "memory",
  "shared-memory",
];

/** A heap's options, and what the backing will bear. */
export interface BackedOptions {
  options: HeapOptions;
  /** The end of the bytes that there can be, as an offset. */
  endLimit: number;
  /** The options as they are written in a program. */
  code: string;
}

/** Options for a heap on a backing of `kind` with at most about `byteLimit` bytes. */
export function randomBacking(random: Random, kind: BackingKind, byteLimit: number): BackedOptions {
  const pageSize = 2 ** random.between(4, Math.min(16, Math.log2(byteLimit) - 3));
  const initial = Math.max(random.upTo(byteLimit), 2 * pageSize);
  const most = random.chance(0.3) ? initial : initial + random.upTo(byteLimit);
  // The base is rounded up to a page, and leaves at least one.
  const base = random.chance(0.5) ? 0 : random.below(Math.min(initial - 2 * pageSize, 4 * pageSize) + 1);
  const options: HeapOptions = { pageSize, base };
  const endLimit = Math.max(most, initial + base);
  const text = `pageSize: ${pageSize}, base: ${base}`;
  const resizable = { maxByteLength: endLimit };
  switch (kind) {
    case "size": {
      const code = `${text}, size: ${initial}, maxSize: ${most}`;
      return { options: { ...options, size: initial, maxSize: most }, endLimit: Infinity, code };
    }
    case "buffer": {
      const code = `${text}, buffer: new ArrayBuffer(${initial})`;
      return { options: { ...options, buffer: new ArrayBuffer(initial) }, endLimit: initial, code };
    }
    case "shared": {
      const code = `${text}, buffer: new SharedArrayBuffer(${initial})`;
      return { options: { ...options, buffer: new SharedArrayBuffer(initial) }, endLimit: initial, code };
    }
    case "resizable": {
      const code = `${text}, buffer: new ArrayBuffer(${initial}, { maxByteLength: ${endLimit} })`;
      return { options: { ...options, buffer: new ArrayBuffer(initial, resizable) }, endLimit, code };
    }
    case "growable": {
      const code = `${text}, buffer: new SharedArrayBuffer(${initial}, { maxByteLength: ${endLimit} })`;
      return { options: { ...options, buffer: new SharedArrayBuffer(initial, resizable) }, endLimit, code };
    }
    default:
      return randomMemory(random, options, kind === "shared-memory", byteLimit);
  }
}

/** The heap may be told of more than the memory's maximum, or of less; the memory has room for the base and a page at least. */
function randomMemory(
  random: Random,
  options: HeapOptions,
  shared: boolean,
  byteLimit: number,
): BackedOptions {
  const { base = 0, pageSize = WASM_PAGE } = options;
  const least = Math.ceil((roundUp(base, pageSize) + pageSize) / WASM_PAGE);
  const most = Math.max(2, least, Math.ceil(byteLimit / WASM_PAGE));
  const initial = random.between(least, most);
  const maximum = random.between(initial, most + 1);
  const memory = wasmMemory({ initial, maximum, shared });
  const maxSize = initial * WASM_PAGE + random.below(2 * byteLimit);
  const code =
    `pageSize: ${options.pageSize}, base: ${options.base}, maxSize: ${maxSize}, ` +
    `memory: new WebAssembly.Memory({ initial: ${initial}, maximum: ${maximum}, shared: ${shared} })`;
  return { options: { ...options, memory, maxSize }, endLimit: maximum * WASM_PAGE, code };
}
