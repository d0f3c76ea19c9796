/** What the tests of the heap share. */
import type { Heap, MemoryLike, SlabCacheStats } from "kmem";
import { expect } from "vitest";

export const PAGE = 4096;
export const WASM_PAGE = 65536;

/** The largest request that a size class serves, in bytes; larger ones are runs of pages. */
export const MAX_SMALL = 8192;

/** The part of the platform's WebAssembly that a test needs; Node's types leave it out. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Memory: new (limits: { initial: number; maximum?: number }) => MemoryLike };
};

/** A WebAssembly memory; sizes in its pages of 64 KiB. */
export function wasmMemory(initial: number, maximum?: number): MemoryLike {
  return new WebAssembly.Memory(maximum === undefined ? { initial } : { initial, maximum });
}

/** The bytes of an allocation. */
export function bytesAt(heap: Heap, offset: number, byteLength: number): Uint8Array {
  return new Uint8Array(heap.buffer, offset, byteLength);
}

/** Fills an allocation with a pattern that is told from others by `seed`. */
export function writePattern(heap: Heap, offset: number, byteLength: number, seed: number): void {
  const bytes = bytesAt(heap, offset, byteLength);
  for (let index = 0; index < byteLength; index++) bytes[index] = patternByte(index, seed);
}

/** Expects the first `byteLength` bytes of the pattern that `writePattern` wrote. */
export function expectPattern(heap: Heap, offset: number, byteLength: number, seed: number): void {
  const expected = Uint8Array.from({ length: byteLength }, (_, index) => patternByte(index, seed));
  expect(bytesAt(heap, offset, byteLength)).toEqual(expected);
}

function patternByte(index: number, seed: number): number {
  return (index * 31 + seed * 17 + (index >> 8)) & 0xff;
}

/** Checks a heap, and that every figure of `stats()` is the sum it is described as, with `objects` allocations. */
export function expectSound(heap: Heap, objects: number): void {
  heap.check();
  const stats = heap.stats();
  const { buddy, caches, pageSize } = stats;
  const sum = (figure: (cache: SlabCacheStats) => number): number =>
    caches.reduce((total, cache) => total + figure(cache), 0);
  expect(stats).toMatchObject({ size: heap.size, maxSize: heap.maxSize, pageSize: heap.pageSize, objects });
  expect(buddy).toMatchObject({ base: heap.base, size: heap.size, pageSize });
  expect(sum((cache) => cache.objects) + stats.largeObjects).toBe(objects);
  expect(sum((cache) => cache.pages) * pageSize + stats.largeBytes).toBe(stats.heldBytes);
  expect(sum((cache) => cache.objects * cache.slotSize) + stats.largeBytes).toBe(stats.usedBytes);
  expect(buddy.allocatedPages * pageSize).toBe(stats.heldBytes);
  expect(stats.heldBytes + buddy.freePages * pageSize).toBe(stats.size);
  expect(stats.usedBytes).toBeLessThanOrEqual(stats.heldBytes);
}

/** Everything that can be asked of a heap, to be compared before and after. */
export function stateOf(heap: Heap): string {
  return JSON.stringify({ snapshot: heap.snapshot(), stats: heap.stats() });
}

/** Allocates `byteLength` bytes until there is no space, and returns the offsets. */
export function exhaust(heap: Heap, byteLength: number): number[] {
  const offsets: number[] = [];
  for (let at = heap.tryMalloc(byteLength); at >= 0; at = heap.tryMalloc(byteLength)) offsets.push(at);
  return offsets;
}
