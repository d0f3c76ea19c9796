/** What the tests of heaps for debugging share. */
import { AllocError } from "kmem";
import { DebugHeap, type DebugHeapOptions } from "kmem/debug";
import { expect } from "vitest";

export const PAGE = 4096;

/** A heap on 64 pages, and its bytes. */
export function make(options: Partial<DebugHeapOptions> = {}): { heap: DebugHeap; bytes: Uint8Array } {
  const buffer = new ArrayBuffer(64 * PAGE);
  return { heap: DebugHeap.create({ buffer, ...options }), bytes: new Uint8Array(buffer) };
}

/** The `AllocError` that `misuse` throws. */
export function errorOf(misuse: () => unknown): AllocError {
  try {
    misuse();
  } catch (error) {
    expect(error).toBeInstanceOf(AllocError);
    return error as AllocError;
  }
  throw new Error("nothing was thrown");
}

/** The first line of an error's message: what is wrong, without who did what. */
export function firstLine({ message }: Error): string {
  return message.split("\n")[0]!;
}
