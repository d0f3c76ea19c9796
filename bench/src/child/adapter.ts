/** What the replaying loop knows of an allocator. */

import type { ChildTask } from "../subjects/javascript.ts";

/**
 * What the loop calls: C's functions, by their names. An argument means what the workload's target says: of a buddy allocator
 * the first of `malloc` is an order.
 */
export interface Allocator {
  /** Throws when there is no memory, or for an `align` that it cannot give. */
  malloc(argument: number, align?: number): number;
  calloc(count: number, byteLength: number): number;
  realloc(old: number, byteLength: number): number;
  free(offset: number): void;
}

/** An allocator and what belongs to it. One process makes one, so the loop's calls have one target and can be inlined. */
export interface Adapter {
  /** Where the subject is a class of its own, that: as in a program, no call then lies between it and the loop. */
  readonly allocator: Allocator;
  /** The allocator's bytes as words, for the write of an object's first word; undefined where it has no bytes. */
  readonly words: Int32Array | undefined;
  /** A zeroed table for `slotCount` offsets, of the narrowest kind that holds every offset of this allocator. */
  createTable(slotCount: number): OffsetTable;
  /** As in `Loop`. */
  footprintBytes(): number | undefined;
}

/** Where the replaying program keeps the offsets that it was given. */
export type OffsetTable = Int32Array | Uint32Array | Float64Array;

/** What an adapter is made from. */
export interface AdapterOptions {
  readonly task: ChildTask;
  /** Size of every object, for a slab cache. */
  readonly objectBytes: number;
}

/** Size that a heap of kmem begins with, in bytes: it grows from there, as a program's does. */
export const FIRST_HEAP_BYTES = 2 ** 16;

/** @returns a zeroed table for offsets below `spaceBytes` */
export function createOffsetTable(slotCount: number, spaceBytes: number): OffsetTable {
  if (spaceBytes <= 2 ** 31) return new Int32Array(slotCount);
  if (spaceBytes <= 2 ** 32) return new Uint32Array(slotCount);
  return new Float64Array(slotCount);
}
