/** A heap of `kmem/debug` as the loop sees it: the preset is the task's allocator. */

import { DebugHeap, type DebugPreset } from "kmem/debug";
import type { Adapter, AdapterOptions } from "./adapter.ts";
import { HeapAdapter } from "./kmem.ts";

/** The loop writes a whole word into each object, which no red zone lets pass in a smaller one. */
const WORD_BYTES = 4;

/** As its base, but with a word at least for each object. */
class DebugHeapAdapter extends HeapAdapter {
  override allocate(byteLength: number): number {
    return super.allocate(Math.max(byteLength, WORD_BYTES));
  }

  override allocateOtherwise(kind: number, old: number, argument: number): number {
    return super.allocateOtherwise(kind, old, Math.max(argument, WORD_BYTES));
  }
}

/** @returns a heap with the preset that the task names */
export function createAdapter({ task }: AdapterOptions): Adapter {
  const debug = task.allocator as DebugPreset;
  return new DebugHeapAdapter(task.spaceBytes, task.isVariable, (options) =>
    DebugHeap.create({ ...options, debug }),
  );
}
