// An instance of exchange.c for one thread, on a shared heap in the memory that all instances have.

import type { SharedHeap, SharedHeapHandle } from "../../../src/index.ts";
import { wasmAllocator } from "../../../src/wasm/index.ts";
import { type Memory, type Module, wasm } from "../../../../../scripts/wasm/webassembly.ts";

/** What the program exports. */
export interface Exchange {
  exchange(maker: number, rounds: number, threads: number): number;
  count_foreign(): number;
  clear(): void;
}

/** What a worker is told. */
export interface ExchangeOrders {
  readonly module: Module;
  readonly memory: Memory;
  readonly handle: SharedHeapHandle;
  readonly maker: number;
  readonly rounds: number;
  readonly threads: number;
}

/** What it answers: the rounds in which all was well. */
export interface ExchangeAnswer {
  readonly rounds: number;
}

const STACK_BYTES = 65536;

/** The module for this thread: on its heap, with a stack of its own. */
export function instantiate(module: Module, memory: Memory, heap: SharedHeap): Exchange {
  const { imports } = wasmAllocator(memory, { heap });
  const instance = new wasm.Instance(module, { env: { memory }, kmem: { ...imports } });
  const exports = instance.exports as Exchange & { __stack_pointer: { value: number } };
  exports.__stack_pointer.value = heap.malloc(STACK_BYTES) + STACK_BYTES;
  return exports;
}
