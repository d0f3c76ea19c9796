/**
 * The measured loop over an allocator that is called from JavaScript and hands out offsets.
 *
 * The loops are the twins of those in `native/replay.c`: the same reads, tests and writes in the same order. Keep them
 * alike: what one loop does more than the other shows up as a difference between allocators. A C compiler keeps a
 * number in a register by itself; for V8 a bound is `| 0`, and the result of a rare call does not meet that of `malloc`.
 *
 * What they work on are constants of this module, and not arguments: a JavaScript program keeps its heap in such
 * a constant as a C program has its one malloc, and V8 then knows where the allocator's arrays lie. How much
 * that brings is shown by the subject that hides from V8 that its heap is a constant.
 */

import * as layout from "../stream/layout.ts";
import type { Column } from "../subjects/sample.ts";
import type { Adapter, AdapterOptions } from "./adapter.ts";
import type { Loop } from "./loop.ts";
import { stream, task } from "./task.ts";

/** What each module of an allocator exports. */
interface AdapterModule {
  createAdapter(options: AdapterOptions): Adapter;
}

/** The stream's layout as constants of this module: V8 reads an imported name from memory each time it is used. */
const { KIND_BITS, KIND_CALLOC, KIND_FREE, KIND_MALLOC, KIND_MASK, KIND_REALLOC, OPERATION_WORDS } = layout;
const { alignedSizeOf, alignmentOf } = layout;

/**
 * Words that one call of a loop takes on, of 4096 operations: V8 compiles a function with its best compiler
 * after many calls, and a loop entered once could stay with the middle one for the whole run.
 */
const BATCH_WORDS = 4096 * OPERATION_WORDS;

const operations = stream.words;
const { createAdapter } = (await import(`./${task.adapter}.ts`)) as AdapterModule;
const adapter = createAdapter({ task, objectBytes: stream.words[1] ?? 0 });
const live = adapter.createTable(stream.slotCount);
const bytes = adapter.words ?? new Int32Array(0);

/** The calls that are rare: hardly one in thirty. */
function allocateOtherwise(kind: number, old: number, argument: number): number {
  return kind === KIND_REALLOC ? adapter.allocator.realloc(old, argument) : allocateAligned(argument);
}

/** Apart: it then takes no room in the loop where a stream has no such request. */
function allocateAligned(argument: number): number {
  return adapter.allocator.malloc(alignedSizeOf(argument), alignmentOf(argument));
}

/**
 * Operations `begin` to `end` (exclusive), both in words; each new object's first word is written. (What the calls return is made
 * a word at once, as in C: where V8 keeps one of them a call, it would tag what all of them return.)
 */
function runWrite(begin: number, end: number): void {
  for (let at = begin | 0; at < (end | 0); at += OPERATION_WORDS) {
    const head = operations[at] as number;
    const slot = head >>> KIND_BITS;
    const kind = head & KIND_MASK;
    if (kind === KIND_FREE) {
      adapter.allocator.free(live[slot] as number);
    } else {
      const argument = operations[at + 1] as number;
      if (kind === KIND_MALLOC || kind === KIND_CALLOC) {
        const offset =
          kind === KIND_MALLOC
            ? adapter.allocator.malloc(argument) >>> 0
            : adapter.allocator.calloc(1, argument) >>> 0;
        bytes[offset >>> 2] = slot;
        live[slot] = offset;
      } else {
        const offset = allocateOtherwise(kind, live[slot] as number, argument);
        bytes[offset >>> 2] = slot;
        live[slot] = offset;
      }
    }
  }
}

/** The same without the write. */
function runPlain(begin: number, end: number): void {
  for (let at = begin | 0; at < (end | 0); at += OPERATION_WORDS) {
    const head = operations[at] as number;
    const slot = head >>> KIND_BITS;
    const kind = head & KIND_MASK;
    if (kind === KIND_FREE) {
      adapter.allocator.free(live[slot] as number);
    } else {
      const argument = operations[at + 1] as number;
      if (kind === KIND_MALLOC || kind === KIND_CALLOC) {
        live[slot] =
          kind === KIND_MALLOC
            ? adapter.allocator.malloc(argument) >>> 0
            : adapter.allocator.calloc(1, argument) >>> 0;
      } else {
        live[slot] = allocateOtherwise(kind, live[slot] as number, argument);
      }
    }
  }
}

/** The same for offsets that are no words: those of a buddy allocator alone, of which nothing else is asked. */
function runWide(begin: number, end: number): void {
  for (let at = begin | 0; at < (end | 0); at += OPERATION_WORDS) {
    const head = operations[at] as number;
    const slot = head >>> KIND_BITS;
    if ((head & KIND_MASK) === KIND_FREE) adapter.allocator.free(live[slot] as number);
    else live[slot] = adapter.allocator.malloc(operations[at + 1] as number);
  }
}

function loopOf(column: Column): (begin: number, end: number) => void {
  if (task.spaceBytes > 2 ** 32) return runWide;
  return column === "write" ? runWrite : runPlain;
}

/** The loop of this process. */
export const loop: Loop = {
  run(column: Column, begin: number, end: number): void {
    const runBatch = loopOf(column);
    for (let at = begin; at < end; at += BATCH_WORDS) runBatch(at, Math.min(at + BATCH_WORDS, end));
  },
  footprintBytes: () => adapter.footprintBytes(),
};
