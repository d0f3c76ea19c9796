/**
 * A heap of `kmem/debug` as the loop sees it: the task's allocator is a preset, or names one thread's shared heap, with or without
 * a guard.
 */

import { SharedHeap } from "kmem";
import { DebugHeap, type DebugPreset, DebugSharedHeap } from "kmem/debug";
import type { Adapter, AdapterOptions } from "./adapter.ts";
import { HeapAdapter } from "./kmem.ts";

/** @returns the heap that the task names */
export function createAdapter({ task }: AdapterOptions): Adapter {
  const { spaceBytes, isVariable, allocator } = task;
  if (allocator === "shared" || allocator === "shared full") {
    const buffer = new SharedArrayBuffer(spaceBytes);
    const shared = { maxSize: spaceBytes, maxThreads: 1 };
    return new HeapAdapter(buffer, isVariable, (options) =>
      allocator === "shared"
        ? SharedHeap.create({ ...options, ...shared })
        : DebugSharedHeap.create({ ...options, ...shared, debug: "full" }),
    );
  }
  const debug = allocator as DebugPreset;
  return new HeapAdapter(new ArrayBuffer(spaceBytes), isVariable, (options) =>
    DebugHeap.create({ ...options, debug }),
  );
}
