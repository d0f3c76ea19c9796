/**
 * Allocators of others that the benchmarks install, as guests of a comparison: Wasm modules that `npm run bench:setup` has
 * compiled, and packages. What is not there is named, and not a fault.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Guest } from "../compare/compare.ts";
import { NO_ROOM, type Contender, type ContenderSpace } from "../compare/contender.ts";
import type { AbsentReport } from "../compare/report.ts";

const MODULES = fileURLToPath(new URL("../../../../bench/build/", import.meta.url));
const WASM_PAGE_BYTES = 2 ** 16;
const MAX_WASM_PAGES = 2 ** 16;
/** What emscripten declares. */
const INITIAL_WASM_PAGES = 256;
const ALIGNMENT = 16;
const WASM_SETUP = "npm run bench:setup compiles it";

/** What the modules export. AssemblyScript's has no `claim`, and nothing to initialize. */
interface WasmExports {
  _initialize?(): void;
  allocate(byteLength: number): number;
  release(offset: number): void;
  /** The end of what the allocator has taken from the memory. */
  claim?(byteLength: number): number;
}

/** An allocator inside a Wasm module; held is what it has taken from its memory. */
class WasmGuest implements Contender {
  readonly #exports: WasmExports;
  readonly #memory: WebAssembly.Memory;
  readonly #ownBytes: number;

  constructor(module: WebAssembly.Module, initialPages: number) {
    this.#memory = new WebAssembly.Memory({ initial: initialPages, maximum: MAX_WASM_PAGES });
    const env = { memory: this.#memory, emscripten_notify_memory_growth: () => {}, abort: () => {} };
    this.#exports = new WebAssembly.Instance(module, { env }).exports as unknown as WasmExports;
    this.#exports._initialize?.();
    this.#ownBytes = this.#exports.claim?.(0) ?? 0;
  }

  allocate(size: number): number {
    const offset = this.#exports.allocate(Math.max(1, size));
    return offset === 0 ? NO_ROOM : offset;
  }

  free(offset: number): void {
    this.#exports.release(offset);
  }

  heldUnits(): number {
    return (this.#exports.claim?.(0) ?? this.#memory.buffer.byteLength) - this.#ownBytes;
  }

  usedUnits(): null {
    return null;
  }

  tableBytes(): number {
    return 0;
  }
}

/** The part of `@thi.ng/malloc` that is used. */
interface MemPool {
  malloc(byteLength: number): number;
  free(offset: number): boolean;
  stats(): { readonly top: number };
}

/** The package `@thi.ng/malloc`; held is up to the end of its last block. */
class MemPoolGuest implements Contender {
  readonly #pool: MemPool;

  constructor(pool: MemPool) {
    this.#pool = pool;
  }

  allocate(size: number): number {
    const offset = this.#pool.malloc(Math.max(1, size));
    return offset === 0 ? NO_ROOM : offset;
  }

  free(offset: number): void {
    this.#pool.free(offset);
  }

  heldUnits(): number {
    return this.#pool.stats().top;
  }

  usedUnits(): null {
    return null;
  }

  tableBytes(): number {
    return 0;
  }
}

/** The guests that are there, and those that are not. */
export async function findGuests(): Promise<{ guests: Guest[]; missing: AbsentReport[] }> {
  const found = [
    wasmGuest("dlmalloc (Wasm)", "dlmalloc.wasm", INITIAL_WASM_PAGES),
    wasmGuest("emmalloc (Wasm)", "emmalloc.wasm", INITIAL_WASM_PAGES),
    // It takes all the memory there is, so it starts with one page.
    wasmGuest("AssemblyScript TLSF (Wasm)", "tlsf.wasm", 1),
    await memPoolGuest(),
  ];
  return {
    guests: found.filter((entry): entry is Guest => "make" in entry),
    missing: found.filter((entry): entry is AbsentReport => "why" in entry),
  };
}

function wasmGuest(name: string, file: string, initialPages: number): Guest | AbsentReport {
  const path = MODULES + file;
  if (!existsSync(path)) return { name, why: `not installed: ${WASM_SETUP}` };
  const module = new WebAssembly.Module(readFileSync(path));
  return { name, make: () => new WasmGuest(module, initialPages) };
}

async function memPoolGuest(): Promise<Guest | AbsentReport> {
  const name = "@thi.ng/malloc (npm)";
  // Not a dependency: it is there where the benchmarks are installed.
  const specifier = "@thi.ng/malloc";
  try {
    const { MemPool: Pool } = (await import(specifier)) as {
      MemPool: new (options: { buf: ArrayBuffer; align: number }) => MemPool;
    };
    const make = ({ limit }: ContenderSpace): Contender => {
      const byteLength = Math.min(2 ** 31, Math.ceil(limit / WASM_PAGE_BYTES) * WASM_PAGE_BYTES);
      return new MemPoolGuest(new Pool({ buf: new ArrayBuffer(byteLength), align: ALIGNMENT }));
    };
    return { name, make };
  } catch {
    return { name, why: "not installed: the benchmarks' package has it" };
  }
}
