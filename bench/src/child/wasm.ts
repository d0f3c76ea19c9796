/** Allocators inside Wasm modules, and what such modules are given. */

import { readFileSync } from "node:fs";
import { wasm, type Memory } from "../../../scripts/wasm/webassembly.ts";
import { alignedArgument, KIND_ALIGNED, KIND_REALLOC } from "../stream/layout.ts";
import {
  createOffsetTable,
  type Adapter,
  type AdapterOptions,
  type Allocator,
  type OffsetTable,
} from "./adapter.ts";

const WASM_PAGE_BYTES = 2 ** 16;
const MAX_WASM_PAGES = 2 ** 16;
/** Room for a module's own data and stack, in bytes. */
export const MODULE_BYTES = 2 ** 20;

/** @returns a memory of at least `byteLength` bytes from the start, so that it need not grow on the way */
export function wasmMemory(byteLength: number): Memory {
  const initial = Math.min(MAX_WASM_PAGES, Math.ceil(byteLength / WASM_PAGE_BYTES));
  return new wasm.Memory({ initial, maximum: MAX_WASM_PAGES });
}

/** What a module imports, by module and name. */
export type Imports = Record<string, Record<string, unknown>>;

/** @returns the exports of the module at `path` */
export function instantiate<Exports>(path: string, imports: Imports): Exports {
  return new wasm.Instance(new wasm.Module(readFileSync(path)), imports).exports as Exports;
}

/** @returns what a module with an allocator of emscripten's imports */
export function emscriptenImports(memory: Memory): Imports {
  return { env: { memory, emscripten_notify_memory_growth: () => {} } };
}

/** What the modules with an allocator of emscripten's export. */
interface EmscriptenExports {
  _initialize(): void;
  allocate(byteLength: number): number;
  allocate_zeroed(byteLength: number): number;
  allocate_otherwise(kind: number, old: number, argument: number): number;
  release(offset: number): void;
  claim(byteLength: number): number;
}

/** dlmalloc or emmalloc, called from JavaScript. */
class EmscriptenAdapter implements Adapter, Allocator {
  declare readonly allocator: Allocator;
  declare readonly words: Int32Array;
  declare private readonly exports: EmscriptenExports;
  declare private readonly firstEnd: number;

  constructor(modulePath: string, spaceBytes: number) {
    const memory = wasmMemory(MODULE_BYTES + spaceBytes);
    this.exports = instantiate(modulePath, emscriptenImports(memory));
    this.exports._initialize();
    this.firstEnd = this.exports.claim(0);
    this.words = new Int32Array(memory.buffer);
    this.allocator = this;
  }

  malloc(byteLength: number, align?: number): number {
    if (align === undefined) return this.exports.allocate(byteLength);
    return this.exports.allocate_otherwise(KIND_ALIGNED, 0, alignedArgument(byteLength, align));
  }

  calloc(count: number, byteLength: number): number {
    return this.exports.allocate_zeroed(count * byteLength);
  }

  realloc(old: number, byteLength: number): number {
    return this.exports.allocate_otherwise(KIND_REALLOC, old, byteLength);
  }

  free(offset: number): void {
    this.exports.release(offset);
  }

  createTable(slotCount: number): OffsetTable {
    return createOffsetTable(slotCount, this.words.byteLength);
  }

  footprintBytes(): number {
    return this.exports.claim(0) - this.firstEnd;
  }
}

/** What `wasm/tlsf.as` exports. */
interface TlsfExports {
  allocate(byteLength: number): number;
  reallocate(old: number, byteLength: number): number;
  release(offset: number): void;
  zero(offset: number, byteLength: number): void;
}

/** AssemblyScript's allocator, called from JavaScript. */
class TlsfAdapter implements Adapter, Allocator {
  declare readonly allocator: Allocator;
  declare readonly words: Int32Array;
  declare private readonly exports: TlsfExports;
  declare private readonly memory: Memory;

  /** @param isSmall whether the memory begins small: TLSF takes all there is, so its growth tells what it needs */
  constructor(modulePath: string, spaceBytes: number, isSmall: boolean) {
    this.memory = wasmMemory(isSmall ? WASM_PAGE_BYTES : MODULE_BYTES + spaceBytes);
    this.exports = instantiate(modulePath, { env: { memory: this.memory, abort: () => {} } });
    this.words = new Int32Array(this.memory.buffer);
    this.allocator = this;
  }

  malloc(byteLength: number, align?: number): number {
    if (align !== undefined) throw new Error("AssemblyScript's allocator knows no alignment");
    return this.exports.allocate(byteLength);
  }

  calloc(count: number, byteLength: number): number {
    const offset = this.exports.allocate(count * byteLength);
    this.exports.zero(offset, count * byteLength);
    return offset;
  }

  realloc(old: number, byteLength: number): number {
    return this.exports.reallocate(old, byteLength);
  }

  free(offset: number): void {
    this.exports.release(offset);
  }

  createTable(slotCount: number): OffsetTable {
    return createOffsetTable(slotCount, 2 ** 32);
  }

  /** All of the memory: the module has next to nothing of its own. */
  footprintBytes(): number {
    return this.memory.buffer.byteLength;
  }
}

/** @returns the adapter of the module that the task names */
export function createAdapter({ task }: AdapterOptions): Adapter {
  const { allocator, modulePath, spaceBytes, mode } = task;
  return allocator === "tlsf"
    ? new TlsfAdapter(modulePath, spaceBytes, mode === "memory")
    : new EmscriptenAdapter(modulePath, spaceBytes);
}
