/**
 * The measured loop inside a Wasm module, `wasm/replay.c`: with the allocator in the same module, or with kmem's
 * heap behind the module's imports. The stream and the table of live objects lie in the module's memory, before
 * the heap.
 */

import { wasmAllocator } from "kmem/wasm";
import { OPERATION_WORDS } from "../stream/layout.ts";
import type { Column } from "../subjects/sample.ts";
import type { Loop } from "./loop.ts";
import { stream, task } from "./task.ts";
import { PAGE_BYTES } from "../workloads/workload.ts";
import { FIRST_HEAP_BYTES } from "./adapter.ts";
import { emscriptenImports, instantiate, MODULE_BYTES, wasmMemory } from "./wasm.ts";

/** What the modules export, as far as it is used here. */
interface Exports {
  _initialize?(): void;
  /** Of the modules with an allocator: moves the end of what it has taken, returns where that was. */
  claim?(byteLength: number): number;
  run_write(operations: number, count: number, live: number): void;
  run_plain(operations: number, count: number, live: number): void;
}

const BYTES_PER_WORD = 4;
const tableBytes = stream.words.byteLength + BYTES_PER_WORD * stream.slotCount;
/** Where kmem's heap begins, a whole page. */
const heapBase = MODULE_BYTES + Math.ceil(tableBytes / PAGE_BYTES) * PAGE_BYTES;
const end = heapBase + task.spaceBytes;
const isKmem = task.allocator === "kmem";
/** A heap of kmem's begins small, and grows its memory; the others' memory need not grow on the way. */
const memory = wasmMemory(isKmem ? heapBase + FIRST_HEAP_BYTES : end);
const kmem = isKmem ? wasmAllocator(memory, { base: heapBase, maxMemorySize: end }) : undefined;
const imports =
  kmem === undefined ? emscriptenImports(memory) : { env: { memory }, kmem: { ...kmem.imports } };
const exports: Exports = instantiate(task.modulePath, imports);
exports._initialize?.();
const operationsAt = exports.claim?.(tableBytes) ?? MODULE_BYTES;
const liveAt = operationsAt + stream.words.byteLength;
new Int32Array(memory.buffer, operationsAt, stream.words.length).set(stream.words);
const firstEnd = exports.claim?.(0) ?? 0;

/** The loop of this process. */
export const loop: Loop = {
  run(column: Column, begin: number, end: number): void {
    const run = column === "write" ? exports.run_write : exports.run_plain;
    run(operationsAt + BYTES_PER_WORD * begin, (end - begin) / OPERATION_WORDS, liveAt);
  },
  footprintBytes(): number {
    if (kmem === undefined) return (exports.claim?.(0) ?? 0) - firstEnd;
    const { heldBytes, metadataBytes } = kmem.heap.stats();
    return heldBytes + metadataBytes;
  },
};
