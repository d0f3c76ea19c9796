// A worker of the page: attaches to the shared heap, and does what it is told. Bundled by the test.

import { SharedHeap, type SharedHeapHandle } from "../../../src/index.ts";

/** What a worker is told to do. */
export type Command =
  | { readonly name: "attach"; readonly handle: SharedHeapHandle }
  /** Allocate so many objects of 100 bytes, each filled with its number. */
  | { readonly name: "allocate"; readonly count: number }
  | { readonly name: "free"; readonly offsets: readonly number[] }
  /** Allocate and free, counting the rounds in word 0, until word 1 says so. */
  | { readonly name: "hammer"; readonly counter: SharedArrayBuffer };

interface Scope {
  addEventListener(type: "message", listener: (event: { data: Command }) => void): void;
  postMessage(message: unknown): void;
}
const scope = globalThis as unknown as Scope;
let heap: SharedHeap;

function obey(command: Command): unknown {
  switch (command.name) {
    case "attach":
      heap = SharedHeap.attach(command.handle);
      return heap.threadId;
    case "allocate":
      return Array.from({ length: command.count }, (_, index) => {
        const offset = heap.malloc(100);
        new Uint8Array(heap.buffer, offset, 100).fill(index);
        return offset;
      });
    case "free":
      for (const offset of command.offsets) heap.free(offset);
      return heap.size;
    case "hammer": {
      const counter = new Int32Array(command.counter);
      while (Atomics.load(counter, 1) === 0) {
        const offsets = Array.from({ length: 200 }, () => heap.malloc(64));
        for (const offset of offsets) heap.free(offset);
        Atomics.add(counter, 0, 1);
      }
      return heap.threadId;
    }
  }
}

scope.addEventListener("message", ({ data }) => scope.postMessage(obey(data)));
