import { describe, expect, test } from "vitest";
import { type Backing, bufferBytes, chooseBacking, memoryBytes, noBytes } from "../../src/backing/backing.ts";

const WASM_PAGE = 65536;

/** A memory that grows by copying to a new buffer, as WebAssembly's does, up to `maximum` pages. */
function fakeMemory(initial: number, maximum: number) {
  return {
    buffer: new ArrayBuffer(initial * WASM_PAGE),
    growCalls: [] as number[],
    grow(delta: number) {
      const pages = this.buffer.byteLength / WASM_PAGE;
      this.growCalls.push(delta);
      if (pages + delta > maximum) throw new RangeError("maximum reached");
      this.buffer = this.buffer.transfer((pages + delta) * WASM_PAGE);
      return pages;
    },
  };
}

describe("no bytes", () => {
  test("grow without limit of their own, never shrink, and have no buffer", () => {
    const backing = noBytes(1000, 5000);
    expect(backing).toMatchObject({
      endOffset: 1000,
      maxEndOffset: 5000,
      growthStep: 1,
      detachesViews: false,
    });
    expect(backing.grow(3000)).toBe(true);
    expect(backing.endOffset).toBe(3000);
    expect(backing.grow(2000)).toBe(true);
    expect(backing.endOffset).toBe(3000);
    expect(backing.buffer()).toBeUndefined();
  });
});

describe.each<[string, (maxByteLength?: number) => ArrayBufferLike]>([
  [
    "ArrayBuffer",
    (max) => (max === undefined ? new ArrayBuffer(100) : new ArrayBuffer(100, { maxByteLength: max })),
  ],
  [
    "SharedArrayBuffer",
    (max) =>
      max === undefined ? new SharedArrayBuffer(100) : new SharedArrayBuffer(100, { maxByteLength: max }),
  ],
])("the bytes of an %s", (_, make) => {
  test("of fixed length do not grow", () => {
    const buffer = make();
    const backing = bufferBytes(buffer);
    expect(backing).toMatchObject({ endOffset: 100, maxEndOffset: 100, growthStep: 1, detachesViews: false });
    expect(backing.grow(100)).toBe(true);
    expect(backing.grow(101)).toBe(false);
    expect(backing.buffer()).toBe(buffer);
    expect(buffer.byteLength).toBe(100);
  });

  test("that are resizable grow up to their maximum", () => {
    const buffer = make(300);
    const backing = bufferBytes(buffer);
    expect(backing.maxEndOffset).toBe(300);
    expect(backing.grow(200)).toBe(true);
    expect([backing.endOffset, buffer.byteLength]).toEqual([200, 200]);
    expect(backing.grow(150)).toBe(true);
    expect(backing.endOffset).toBe(200);
    expect(backing.grow(301)).toBe(false);
    expect(backing.endOffset).toBe(200);
    expect(backing.grow(300)).toBe(true);
    expect(backing.buffer()).toBe(buffer);
  });
});

describe("the bytes of a memory", () => {
  test("grow by whole Wasm pages, no more than needed", () => {
    const memory = fakeMemory(1, 10);
    const backing = memoryBytes(memory);
    expect(backing).toMatchObject({ endOffset: WASM_PAGE, growthStep: WASM_PAGE, detachesViews: true });
    expect(backing.grow(WASM_PAGE + 1)).toBe(true);
    expect(backing.grow(5 * WASM_PAGE)).toBe(true);
    expect(memory.growCalls).toEqual([1, 3]);
    expect(backing.endOffset).toBe(5 * WASM_PAGE);
  });

  test("do not grow for what they have already", () => {
    const memory = fakeMemory(3, 10);
    expect(memoryBytes(memory).grow(3 * WASM_PAGE)).toBe(true);
    expect(memory.growCalls).toEqual([]);
  });

  test("stay as they are when the maximum is met", () => {
    const memory = fakeMemory(1, 2);
    const backing = memoryBytes(memory);
    expect(backing.grow(3 * WASM_PAGE)).toBe(false);
    expect(backing.endOffset).toBe(WASM_PAGE);
    expect(backing.grow(2 * WASM_PAGE)).toBe(true);
  });

  test("are asked for anew each time: growth replaces the buffer", () => {
    const memory = fakeMemory(1, 10);
    const backing = memoryBytes(memory);
    const before = backing.buffer();
    backing.grow(2 * WASM_PAGE);
    expect(backing.buffer()).not.toBe(before);
    expect(backing.buffer()).toBe(memory.buffer);
  });
});

test("a memory that another thread has grown is looked at again before it is grown", () => {
  const [seen, grown] = [new SharedArrayBuffer(WASM_PAGE), new SharedArrayBuffer(3 * WASM_PAGE)];
  const growCalls: number[] = [];
  const memory = {
    buffer: seen,
    grow(delta: number) {
      growCalls.push(delta);
      this.buffer = grown;
      return 3;
    },
  };
  const backing = memoryBytes(memory);
  expect(backing.grow(2 * WASM_PAGE)).toBe(true);
  expect(growCalls).toEqual([0]);
  expect(backing.buffer()).toBe(grown);
});

test("a buffer of an engine without resizable ones does not grow", () => {
  const buffer = Object.defineProperty(new ArrayBuffer(100), "maxByteLength", { value: undefined });
  expect(bufferBytes(buffer).maxEndOffset).toBe(100);
});

describe("choosing", () => {
  test.each<[string, Parameters<typeof chooseBacking>[0], Partial<Backing>]>([
    ["a size alone: no bytes", { size: 1000 }, { endOffset: 1500, maxEndOffset: 2500 }],
    ["a buffer", { buffer: new ArrayBuffer(3000) }, { endOffset: 3000, maxEndOffset: 3000 }],
    ["a buffer and a size: the buffer", { buffer: new ArrayBuffer(3000), size: 1000 }, { endOffset: 3000 }],
    ["a memory", { memory: fakeMemory(2, 3) }, { endOffset: 2 * WASM_PAGE, detachesViews: true }],
  ])("%s", (_, options, expected) => {
    expect(chooseBacking(options, 500, 2000)).toMatchObject(expected);
  });

  test("a size alone without a maximum cannot grow", () => {
    expect(chooseBacking({ size: 1000 }, 500, undefined).maxEndOffset).toBe(1500);
  });
});
