import {
  BuddyAllocator,
  type BuddyOptions,
  Heap,
  type HeapOptions,
  SlabCache,
  type SlabCacheOptions,
} from "kmem";
import { describe, expect, test } from "vitest";
import { NO_INTEGERS, NO_INTEGERS_NOR_MISSING, NO_POWERS_OF_TWO, PAGE } from "./helpers.ts";

const END = 2 ** 32;

/** Expects a RangeError for a number, a TypeError for anything else. */
function expectRefused(make: () => unknown, value: unknown, message: string): void {
  const expected = typeof value === "number" ? new RangeError(message) : new TypeError(message);
  expect(make).toThrow(expected);
  expect(make).toThrow(expect.objectContaining({ name: expected.name }));
}

type Row = [name: string, allowed: string, shown: string, value: unknown];

/** A row for each of `values`, but for null where an absent option and null are the same. */
function rows(name: string, allowed: string, values: readonly [string, unknown][]): Row[] {
  return values.map(([shown, value]) => [name, allowed, shown, value]);
}

const isNotNull = ([, value]: readonly [string, unknown]): boolean => value !== null;
const BUDDY_MOST = 2 ** 26 * PAGE;

describe("new BuddyAllocator", () => {
  test.each([
    ...rows("size", `an integer from ${PAGE} to ${BUDDY_MOST}`, [
      ...NO_INTEGERS_NOR_MISSING.filter(([shown]) => shown !== "undefined"),
      ["0", 0],
      ["1", 1],
      [`${BUDDY_MOST + PAGE}`, BUDDY_MOST + PAGE],
    ]),
    ...rows("size", "a multiple of the page size, 4096", [["4097", PAGE + 1]]),
    ...rows("maxSize", `an integer from ${16 * PAGE} to ${BUDDY_MOST}`, [
      ...NO_INTEGERS,
      [`${15 * PAGE}`, 15 * PAGE],
    ]),
    ...rows("maxSize", "a multiple of the page size, 4096", [[`${16 * PAGE + 1}`, 16 * PAGE + 1]]),
    ...rows("base", `an integer from 0 to ${2 ** 53 - 16 * PAGE}`, NO_INTEGERS),
    ...rows("base", "a multiple of the page size, 4096", [["100", 100]]),
    ...rows("pageSize", "a power of two", NO_POWERS_OF_TWO),
    ...rows("maxOrder", "an integer from 0 to 26", [...NO_INTEGERS.filter(isNotNull), ["27", 27]]),
  ])("%s is %s: not %s", (name, allowed, shown, value) => {
    const options = { size: 16 * PAGE, [name]: value } as BuddyOptions;
    expectRefused(() => new BuddyAllocator(options), value, `${name} must be ${allowed}, got ${shown}`);
  });

  test("size cannot be left out", () => {
    const options = {} as BuddyOptions;
    const message = `size must be an integer from ${PAGE} to ${BUDDY_MOST}, got undefined`;
    expectRefused(() => new BuddyAllocator(options), undefined, message);
  });
});

describe("new SlabCache", () => {
  test.each([
    ...rows("objectSize", `an integer from 1 to ${16 * PAGE}`, [
      ...NO_INTEGERS_NOR_MISSING,
      ["0", 0],
      [`${16 * PAGE + 1}`, 16 * PAGE + 1],
    ]),
    ...rows("align", "a power of two", NO_POWERS_OF_TWO.filter(isNotNull)),
    ...rows("align", `an integer from 1 to ${16 * PAGE}`, [[`${32 * PAGE}`, 32 * PAGE]]),
    ...rows("magazineSize", "an integer from 1 to 8191", [...NO_INTEGERS, ["0", 0], ["8192", 8192]]),
    ...rows("name", "a string", [
      ["7", 7],
      ["undefined", undefined],
      ["null", null],
    ]),
    ...rows("construct", "a function", [
      ['"f"', "f"],
      ["null", null],
    ]),
  ])("%s is %s: not %s", (name, allowed, shown, value) => {
    const buddy = new BuddyAllocator({ size: 16 * PAGE });
    const options = { name: "objects", objectSize: 64, [name]: value } as SlabCacheOptions;
    expectRefused(() => new SlabCache(buddy, options), value, `${name} must be ${allowed}, got ${shown}`);
    expect(buddy.freeBytes).toBe(16 * PAGE);
  });

  test.each([
    ["undefined", undefined],
    ["null", null],
    ["7", 7],
    ["[object Object]", {}],
  ])("buddy is a BuddyAllocator: not %s", (shown, value) => {
    const make = (): SlabCache => new SlabCache(value as BuddyAllocator, { name: "objects", objectSize: 64 });
    expectRefused(make, value, `buddy must be a BuddyAllocator, got ${shown}`);
  });

  test("an object that fits a block only without its alignment is refused", () => {
    const buddy = new BuddyAllocator({ size: 3 * PAGE, maxOrder: 1 });
    const options = { name: "objects", objectSize: PAGE + 1, align: 2 * PAGE };
    expect(new SlabCache(buddy, options).slotSize).toBe(2 * PAGE);
    expect(() => new SlabCache(buddy, { ...options, objectSize: 2 * PAGE + 1 })).toThrow(RangeError);
  });
});

describe("new Heap", () => {
  const SIZES = `an integer from 1 to ${END}`;
  test.each([
    ...rows("size", SIZES, [...NO_INTEGERS_NOR_MISSING, ["0", 0], [`${END + 1}`, END + 1]]),
    ...rows("maxSize", SIZES, [...NO_INTEGERS, ["0", 0], [`${END + 1}`, END + 1]]),
    ...rows("base", `an integer from 0 to ${END}`, [
      ...NO_INTEGERS.filter(isNotNull),
      [`${END + 1}`, END + 1],
    ]),
    ...rows("pageSize", "a power of two", NO_POWERS_OF_TWO),
    ...rows("pageSize", "an integer from 16 to 2147483648", [
      ["8", 8],
      ["4294967296", END],
    ]),
  ])("%s is %s: not %s", (name, allowed, shown, value) => {
    const options = { size: 16 * PAGE, [name]: value } as HeapOptions;
    expectRefused(() => new Heap(options), value, `${name} must be ${allowed}, got ${shown}`);
  });

  test.each(NO_INTEGERS.filter(isNotNull))(
    "size beside a buffer is an integer too: not %s",
    (shown, value) => {
      const make = (): Heap => new Heap({ buffer: new ArrayBuffer(16 * PAGE), size: value as number });
      const error = typeof value === "number" ? RangeError : TypeError;
      expect(make).toThrow(error);
      expect(make).toThrow(/^size must be an integer from /);
      expect(make).toThrow(`, got ${shown}`);
    },
  );

  test("a fractional size of more than a page beside a buffer is refused, not rounded", () => {
    const make = (): Heap => new Heap({ buffer: new ArrayBuffer(16 * PAGE), size: 8 * PAGE + 0.5 });
    expect(make).toThrow(RangeError);
    expect(make).toThrow(`, got ${8 * PAGE + 0.5}`);
  });

  test("a size as text beside a buffer is refused, not converted", () => {
    const make = (): Heap =>
      new Heap({ buffer: new ArrayBuffer(16 * PAGE), size: "32768" as unknown as number });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(', got "32768"');
  });

  test("a size below a page is told as it was given", () => {
    expect(() => new Heap({ size: 100 })).toThrow(RangeError);
    expect(() => new Heap({ size: 100 })).toThrow(/^size must be .*4096.*, got 100$/);
  });

  test("a buffer below a page is refused", () => {
    expect(() => new Heap({ buffer: new ArrayBuffer(100) })).toThrow(RangeError);
  });

  test("a size beyond the buffer is refused and told as it was given", () => {
    const make = (): Heap => new Heap({ buffer: new ArrayBuffer(4 * PAGE), size: 5 * PAGE });
    expect(make).toThrow(
      new RangeError(`size must be an integer from ${PAGE} to ${4 * PAGE}, got ${5 * PAGE}`),
    );
  });

  test("a base that leaves no room in the buffer is refused", () => {
    expect(() => new Heap({ buffer: new ArrayBuffer(4 * PAGE), base: 4 * PAGE })).toThrow(RangeError);
  });

  test("an end beyond 4 GiB is refused", () => {
    const make = (): Heap => new Heap({ size: 2 * PAGE, base: END - PAGE });
    expect(make).toThrow(new RangeError(`size must be an integer from 1 to ${PAGE}, got ${2 * PAGE}`));
  });

  test("a maximum below the size is refused", () => {
    const make = (): Heap => new Heap({ size: 4 * PAGE, maxSize: 3 * PAGE });
    expect(make).toThrow(new RangeError(`maxSize must be at least the size, ${4 * PAGE}, got ${3 * PAGE}`));
  });

  test("a cache whose slab no block can hold is refused, where the heap is smaller than any slab", () => {
    const heap = new Heap({ size: 256, pageSize: 16 });
    const message = "objectSize must be one whose slab fits a block of 256 bytes, got 16";
    expect(() => heap.createCache({ name: "objects", objectSize: 16 })).toThrow(new RangeError(message));
    expect(heap.stats().caches).toEqual([]);
  });

  test("a buffer and a memory at once are refused", () => {
    const memory = { buffer: new ArrayBuffer(65536), grow: () => 0 };
    const make = (): Heap => new Heap({ buffer: new ArrayBuffer(65536), memory });
    expect(make).toThrow(new TypeError("give buffer or memory, not both"));
  });

  test.each([
    ["null", null],
    ["7", 7],
    ['"bytes"', "bytes"],
    ["[object Object]", {}],
    ["1,2", new Uint8Array([1, 2])],
  ])("buffer is an ArrayBuffer or SharedArrayBuffer: not %s", (shown, value) => {
    const make = (): Heap => new Heap({ buffer: value as unknown as ArrayBuffer });
    expectRefused(make, value, `buffer must be an ArrayBuffer or SharedArrayBuffer, got ${shown}`);
  });

  test.each([
    ["null", null],
    ["7", 7],
    ["[object Object]", {}],
  ])("memory is a WebAssembly.Memory: not %s", (shown, value) => {
    const make = (): Heap => new Heap({ memory: value as never });
    expectRefused(make, value, `memory must be a WebAssembly.Memory, got ${shown}`);
  });
});
