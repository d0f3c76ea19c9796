// A C module in two workers and the main thread, on one memory and one SharedHeap: each frees what others allocated.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { SharedHeap } from "../../../src/index.ts";
import { wasmAllocator } from "../../../src/wasm/index.ts";
import { canTest } from "../../../../../scripts/wasm/compile.ts";
import { wasm } from "../../../../../scripts/wasm/webassembly.ts";
import { compileSharedC, missingClang } from "../toolchain.ts";
import { type ExchangeOrders, instantiate } from "./instance.ts";

const WASM_PAGE = 65536;
/** Where the heap begins: behind the program's data. */
const BASE = 2 * WASM_PAGE;
const MAX_PAGES = 256;
const ROUNDS = 100_000;

const ready = canTest("a C module that workers share", missingClang());

test.runIf(ready)("two workers that run one C module free each other's objects", async () => {
  const module = compileSharedC("exchange.c", MAX_PAGES * WASM_PAGE);
  const memory = new wasm.Memory({ initial: 4, maximum: MAX_PAGES, shared: true });
  const maxSize = MAX_PAGES * WASM_PAGE - BASE;
  const heap = SharedHeap.create({ memory, base: BASE, maxSize });
  const { clear, count_foreign } = instantiate(module, memory, heap);

  const workers = [1, 2].map((maker) => {
    const orders: ExchangeOrders = { module, memory, handle: heap.handle, maker, rounds: ROUNDS, threads: 2 };
    return new Worker(new URL("worker.ts", import.meta.url), { workerData: orders, execArgv: [] });
  });
  const ends = workers.map((worker) => once(worker, "exit"));
  const answers = await Promise.all(workers.map((worker) => once(worker, "message")));
  await Promise.all(ends);

  expect(answers).toEqual([[{ rounds: ROUNDS }], [{ rounds: ROUNDS }]]);
  expect(count_foreign()).toBeGreaterThan(1000);
  clear();
  heap.check({ quiet: true });
  // The stacks of three instances.
  expect(heap.stats().objects).toBe(3);
  expect(memory.buffer.byteLength).toBeGreaterThan(4 * WASM_PAGE);
});

test("C's functions reach what another thread has made of a shared memory", () => {
  const memory = new wasm.Memory({ initial: 2, maximum: 64, shared: true });
  const one = SharedHeap.create({ memory, base: WASM_PAGE, maxSize: 63 * WASM_PAGE, maxThreads: 2 });
  const other = SharedHeap.attach(one.handle);
  const [mine, theirs] = [one, other].map((heap) => wasmAllocator(memory, { heap }).imports);
  const pointer = mine!.malloc(20 * WASM_PAGE);
  theirs!.free(pointer);
  const cleared = theirs!.calloc(30, WASM_PAGE);
  const bytes = new Uint8Array(memory.buffer as ArrayBuffer, cleared, 30 * WASM_PAGE);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  expect(() => mine!.free(cleared + 16)).toThrow(expect.objectContaining({ code: "INVALID_FREE" }));
  mine!.free(cleared);
  expect(() => theirs!.free(cleared)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
  one.check({ quiet: true });
});
