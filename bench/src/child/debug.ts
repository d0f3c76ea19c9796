/** A heap of `kmem/debug` as the loop sees it: the preset is the task's allocator. */

import { DebugHeap, type DebugPreset } from "kmem/debug";
import type { Adapter, AdapterOptions } from "./adapter.ts";
import { HeapAdapter } from "./kmem.ts";

/** @returns a heap with the preset that the task names */
export function createAdapter({ task }: AdapterOptions): Adapter {
  const debug = task.allocator as DebugPreset;
  return new HeapAdapter(task.spaceBytes, task.isVariable, (options) =>
    DebugHeap.create({ ...options, debug }),
  );
}
