import { AllocError, Heap } from "kmem";
import { describe, expect, test } from "vitest";
import { CLASS_OF } from "../../src/heap/size-classes.ts";
import { expectSound, PAGE, stateOf, WASM_PAGE, wasmMemory } from "./helpers.ts";

describe("array", () => {
  test.each([
    ["Uint8Array", Uint8Array],
    ["Int16Array", Int16Array],
    ["Uint32Array", Uint32Array],
    ["Float32Array", Float32Array],
    ["Float64Array", Float64Array],
  ])("%s lies in the heap's bytes", (_, type) => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE) });
    const view = heap.array<Uint8Array | Int16Array | Uint32Array | Float32Array | Float64Array>(type, 100);
    expect(view).toBeInstanceOf(type);
    expect(view).toHaveLength(100);
    expect(view.buffer).toBe(heap.buffer);
    expect(heap.owns(view.byteOffset)).toBe(true);
    expect(heap.usableSize(view.byteOffset)).toBeGreaterThanOrEqual(100 * type.BYTES_PER_ELEMENT);
    expectSound(heap, 1);
    heap.freeArray(view);
    expectSound(heap, 0);
  });

  test("BigInt64Array is aligned for its elements", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE) });
    heap.malloc(1);
    const view = heap.array(BigInt64Array, 3);
    view[2] = -(2n ** 63n);
    expect(new BigInt64Array(heap.buffer, view.byteOffset, 3)[2]).toBe(-(2n ** 63n));
  });

  test("may end where the heap ends", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(2 * PAGE) });
    expect(heap.array(Uint8Array, 2 * PAGE)).toHaveLength(2 * PAGE);
    const shifted = new Heap({ buffer: new ArrayBuffer(6 * PAGE), base: 4 * PAGE });
    expect(shifted.array(Uint8Array, 2 * PAGE).byteOffset).toBe(4 * PAGE);
  });

  test.each([
    ["beyond the heap", 16 * PAGE],
    ["over its end", 16 * PAGE - 32],
    ["between two granules", 8],
  ])("is not made of a place %s, which a spoilt magazine gives", (_, place) => {
    const heap = new (class extends Heap {
      get words(): Int32Array {
        return this.pool.words;
      }
    })({ buffer: new ArrayBuffer(16 * PAGE) });
    heap.free(heap.malloc(48));
    const top = heap.words[2 * CLASS_OF[48 / 16]!]!;
    heap.words[top] = place + 1;
    const told = expect.stringContaining(`S1 broken: offset ${place} is no place for 48 bytes`) as string;
    expect(() => heap.array(Uint8Array, 48)).toThrow(
      expect.objectContaining({ name: AllocError.name, code: "CORRUPTED", message: told }),
    );
  });

  test("of no elements is an allocation of its own", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE) });
    const [first, second] = [heap.array(Float64Array, 0), heap.array(Float64Array, 0)];
    expect(first).toHaveLength(0);
    expect(first.byteOffset).not.toBe(second.byteOffset);
    heap.freeArray(first);
    heap.freeArray(second);
    expectSound(heap, 0);
  });

  test("in shared bytes", () => {
    const heap = new Heap({ buffer: new SharedArrayBuffer(16 * PAGE) });
    const view = heap.array(Int32Array, 4);
    Atomics.store(view, 0, 42);
    expect(Atomics.load(new Int32Array(heap.buffer, view.byteOffset, 1), 0)).toBe(42);
  });

  test("two arrays do not share bytes", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE) });
    const [ones, twos] = [heap.array(Uint8Array, 100).fill(1), heap.array(Uint8Array, 100).fill(2)];
    expect([ones.every((byte) => byte === 1), twos.every((byte) => byte === 2)]).toEqual([true, true]);
  });

  test("of a heap without bytes throws NO_BYTES, changing nothing", () => {
    const heap = new Heap({ size: 16 * PAGE });
    const before = stateOf(heap);
    expect(() => heap.array(Float32Array, 4)).toThrow(
      expect.objectContaining({
        code: "NO_BYTES",
        message: "buffer needs a heap with a buffer or a memory",
      }),
    );
    expect(stateOf(heap)).toBe(before);
  });
});

describe("arrays on a WebAssembly memory", () => {
  test("survive growth by refresh, their contents with them", () => {
    const heap = new Heap({ memory: wasmMemory(1, 16) });
    const view = heap.array(Float32Array, 100).fill(1.5);
    const { byteOffset } = view;
    heap.malloc(3 * WASM_PAGE);
    expect(view, "growth detaches").toHaveLength(0);
    const fresh = heap.refresh(view);
    expect(fresh).toBeInstanceOf(Float32Array);
    expect(fresh).toHaveLength(100);
    expect(fresh.byteOffset).toBe(byteOffset);
    expect(fresh.every((value) => value === 1.5)).toBe(true);
    expectSound(heap, 2);
  });

  test("refresh returns the same view while it is not detached", () => {
    const heap = new Heap({ memory: wasmMemory(1, 16) });
    const view = heap.array(Float32Array, 100);
    expect(heap.refresh(view)).toBe(view);
  });

  test("refresh works again after further growth, from the new view and from the old", () => {
    const heap = new Heap({ memory: wasmMemory(1, 32) });
    const view = heap.array(Uint16Array, 10).fill(7);
    heap.grow(2 * WASM_PAGE);
    const second = heap.refresh(view);
    heap.grow(5 * WASM_PAGE);
    expect([...heap.refresh(second)]).toEqual(Array.from({ length: 10 }, () => 7));
    expect([...heap.refresh(view)]).toEqual(Array.from({ length: 10 }, () => 7));
  });

  test("growth by others detaches views too, and refresh helps", () => {
    const memory = wasmMemory(1, 16);
    const heap = new Heap({ memory });
    const view = heap.array(Uint8Array, 10).fill(9);
    memory.grow(1);
    expect([...heap.refresh(view)]).toEqual(Array.from({ length: 10 }, () => 9));
    expect(heap.size).toBe(WASM_PAGE);
    heap.grow(3 * WASM_PAGE);
    expect(memory.buffer.byteLength).toBe(3 * WASM_PAGE);
    expectSound(heap, 1);
  });

  test("freeArray of a detached view frees its array", () => {
    const heap = new Heap({ memory: wasmMemory(1, 16) });
    const view = heap.array(Float32Array, 100);
    const { byteOffset } = view;
    heap.grow(2 * WASM_PAGE);
    heap.freeArray(view);
    expect(heap.owns(byteOffset)).toBe(false);
    expectSound(heap, 0);
  });

  test("freeArray of a refreshed view frees its array", () => {
    const heap = new Heap({ memory: wasmMemory(1, 16) });
    const view = heap.array(Float32Array, 100);
    heap.grow(2 * WASM_PAGE);
    heap.freeArray(heap.refresh(view));
    expectSound(heap, 0);
  });
});

describe("freeArray", () => {
  test("twice is DOUBLE_FREE and changes nothing", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE) });
    const view = heap.array(Float32Array, 10);
    heap.freeArray(view);
    const before = stateOf(heap);
    expect(() => heap.freeArray(view)).toThrow(
      expect.objectContaining({ code: "DOUBLE_FREE", offset: view.byteOffset }),
    );
    expect(stateOf(heap)).toBe(before);
  });

  test("of a view on other bytes is INVALID_FREE and changes nothing", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE) });
    heap.array(Float32Array, 10);
    const before = stateOf(heap);
    expect(() => heap.freeArray(new Float32Array(10))).toThrow(
      expect.objectContaining({
        code: "INVALID_FREE",
        message: "the array is not of this heap",
      }),
    );
    expect(stateOf(heap)).toBe(before);
  });

  test("of a part of an array is INVALID_FREE and changes nothing", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE) });
    const view = heap.array(Float32Array, 10);
    const before = stateOf(heap);
    expect(() => heap.freeArray(view.subarray(1))).toThrow(expect.objectContaining({ code: "INVALID_FREE" }));
    expect(stateOf(heap)).toBe(before);
  });

  test("of a view made by hand on an allocation frees that", () => {
    const heap = new Heap({ buffer: new ArrayBuffer(16 * PAGE) });
    heap.freeArray(new Uint8Array(heap.buffer, heap.malloc(10), 10));
    expectSound(heap, 0);
  });
});
