/** What the replaying loop knows of an allocator. */

import type { ChildTask } from "../subjects/javascript.ts";

/**
 * One allocator behind the names that the loop calls. One process makes one adapter, so the loop's calls have
 * one target and the compiler can inline them.
 */
export interface Adapter {
  /** Carries out a malloc; `argument` as the workload's target says. Throws when there is no memory. */
  allocate(argument: number): number;
  /** Carries out a calloc, realloc or aligned malloc, as `kind` says; `old` is what the slot holds. */
  allocateOtherwise(kind: number, old: number, argument: number): number;
  /** Frees what was allocated. */
  free(offset: number): void;
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
