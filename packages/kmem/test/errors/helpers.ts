/** What the tests of misuse share. */
import { type AllocErrorCode, type BuddyAllocator, Heap, type SlabCache } from "kmem";
import { expect } from "vitest";

export const PAGE = 4096;

/** Anything whose state can be told. */
type Allocator = BuddyAllocator | Heap | CacheOnBuddy;

/** A cache and the allocator below it. */
export interface CacheOnBuddy {
  cache: SlabCache;
  buddy: BuddyAllocator;
}

/** The whole state of an allocator as plain data. */
function stateOf(allocator: Allocator): unknown {
  if (allocator instanceof Heap) return [allocator.snapshot(), allocator.stats()];
  const { cache, buddy } = "cache" in allocator ? allocator : { cache: undefined, buddy: allocator };
  return [[...buddy.blocks()], buddy.stats(), cache?.stats()];
}

function checkAll(allocator: Allocator): void {
  if ("cache" in allocator) {
    allocator.cache.check();
    allocator.buddy.check();
  } else allocator.check();
}

/** What `misuse` throws; the state of `allocator` must be the same before and after, and pass its checks. */
function errorOf(allocator: Allocator, misuse: () => unknown): Error {
  const before = stateOf(allocator);
  let thrown: unknown;
  try {
    misuse();
  } catch (error) {
    thrown = error;
  }
  expect(stateOf(allocator), "the allocator is as it was").toEqual(before);
  checkAll(allocator);
  expect(thrown, "an error is thrown").toBeInstanceOf(Error);
  return thrown as Error;
}

/** Expects an `AllocError` with just this code, message and offset, and the allocator unchanged. */
export function expectAllocError(
  allocator: Allocator,
  misuse: () => unknown,
  expected: { code: AllocErrorCode; message: string; offset: unknown },
): void {
  const error = errorOf(allocator, misuse);
  expect(error).toMatchObject({ name: "AllocError", ...expected });
}

/** Expects a RangeError for a number or a TypeError for anything else with just this message. */
export function expectArgumentError(
  allocator: Allocator,
  misuse: () => unknown,
  value: unknown,
  message: string,
): void {
  const error = errorOf(allocator, misuse);
  expect(error.message).toBe(message);
  expect(error.name).toBe(typeof value === "number" ? "RangeError" : "TypeError");
}

/** Values that are no integer within reach of any argument, each with how a message shows it. */
export const NO_INTEGERS: readonly [string, unknown][] = [
  ["NaN", NaN],
  ["-1", -1],
  ["1.5", 1.5],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["9007199254740992", 2 ** 53],
  ['"8"', "8"],
  ["null", null],
  ["true", true],
  ["8", 8n],
  ["8", [8]],
];

/** `NO_INTEGERS` and undefined, for an argument that has no default. */
export const NO_INTEGERS_NOR_MISSING: readonly [string, unknown][] = [
  ...NO_INTEGERS,
  ["undefined", undefined],
];

/** Values that are no power of two, each with how a message shows it. */
export const NO_POWERS_OF_TWO: readonly [string, unknown][] = [
  ["0", 0],
  ["3", 3],
  ["24", 24],
  ["0.5", 0.5],
  ["NaN", NaN],
  ["-16", -16],
  ["Infinity", Infinity],
  ['"16"', "16"],
  ["null", null],
  ["16", 16n],
];
