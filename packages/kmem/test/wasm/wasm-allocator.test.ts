// The adapter itself, without a compiler: a memory, the functions that a module would import, and words of either sign.

import { describe, expect, test } from "vitest";
import { AllocError, Heap } from "../../src/index.ts";
import { type CAllocator, type CHeap, wasmAllocator } from "../../src/wasm/index.ts";
import { wasmMemory } from "../model/backings.ts";

const PAGE = 65536;

describe("the heap", () => {
  test("begins where the memory ends, unless a base is given", () => {
    const memory = wasmMemory({ initial: 3, maximum: 10 });
    const { heap } = wasmAllocator(memory, { maxMemorySize: 10 * PAGE });
    expect(heap.base).toBe(3 * PAGE);
    expect(heap.maxSize).toBe(7 * PAGE);
    expect(memory.buffer.byteLength).toBeGreaterThan(3 * PAGE);
  });

  test("begins at the base, rounded up to its pages", () => {
    const { heap } = wasmAllocator(wasmMemory({ initial: 3 }), { base: 5000, maxMemorySize: 4 * PAGE });
    expect(heap.base).toBe(8192);
    expect(heap.size).toBe(3 * PAGE - 8192);
  });

  test("has a page when the base is at the memory's very end", () => {
    const { heap } = wasmAllocator(wasmMemory({ initial: 1 }), { base: PAGE - 16, maxMemorySize: 2 * PAGE });
    expect(heap.base).toBe(PAGE);
    expect(heap.size).toBeGreaterThanOrEqual(4096);
  });

  test("is made at the first call, where the memory is given as a function", () => {
    let made = 0;
    const memory = wasmMemory({ initial: 2, maximum: 4 });
    const allocator = wasmAllocator(
      () => {
        made++;
        return memory;
      },
      { base: () => 1024 * made, maxMemorySize: 4 * PAGE },
    );
    expect(made).toBe(0);
    const pointer = allocator.imports.malloc(10);
    allocator.imports.free(pointer);
    expect(allocator.heap.base).toBe(4096);
    expect(made).toBe(1);
  });

  // Whichever comes first makes the heap.
  test.each<[keyof CAllocator, number[]]>([
    ["malloc", [16]],
    ["calloc", [4, 4]],
    ["realloc", [0, 16]],
    ["aligned_alloc", [16, 16]],
    ["memalign", [16, 16]],
    ["posix_memalign", [16, 16, 16]],
    ["malloc_usable_size", [0]],
  ])("is made by a first %s", (name, args) => {
    let made = 0;
    const lazily = (): ReturnType<typeof wasmMemory> => {
      made++;
      return wasmMemory({ initial: 2 });
    };
    const { imports } = wasmAllocator(lazily, { base: 4096, maxMemorySize: 2 * PAGE });
    const call = imports[name] as (...args: number[]) => number | undefined;
    const results = [call(...args), call(...args)];
    expect(made).toBe(1);
    expect(results[0] === results[1]).toBe(["posix_memalign", "malloc_usable_size"].includes(name));
  });
});

describe("words", () => {
  const memory = wasmMemory({ initial: 1, maximum: 65536 });
  const { imports, heap } = wasmAllocator(memory, { base: 2 ** 32 - 2 ** 20 });

  test("a result above 2 GiB is a negative word, and an offset by >>> 0", () => {
    const pointer = imports.malloc(100);
    expect(pointer).toBeLessThan(0);
    expect(heap.owns(pointer >>> 0)).toBe(true);
    expect(imports.malloc_usable_size(pointer)).toBe(112);
    imports.free(pointer);
    expect(heap.owns(pointer >>> 0)).toBe(false);
  });

  test("JavaScript may pass offsets as they are", () => {
    const offset = heap.malloc(100);
    expect(imports.malloc_usable_size(offset)).toBe(112);
    const moved = imports.realloc(offset, 5000) >>> 0;
    expect(heap.owns(moved)).toBe(true);
    imports.free(moved);
    expect(heap.stats().objects).toBe(0);
  });

  test("the last page of 4 GiB is handed out, written and taken back", () => {
    const pointers: number[] = [];
    for (let pointer = imports.malloc(4096); pointer !== 0; pointer = imports.calloc(1, 4096))
      pointers.push(pointer);
    expect(Math.max(...pointers.map((pointer) => pointer >>> 0))).toBe(2 ** 32 - 4096);
    for (const pointer of pointers) imports.free(pointer);
    heap.check();
    expect(heap.stats().objects).toBe(0);
  });
});

describe("growth", () => {
  test("is told with the new buffer, each time, and keeps the bytes", () => {
    const memory = wasmMemory({ initial: 1, maximum: 64 });
    const buffers: ArrayBufferLike[] = [];
    const { imports, heap } = wasmAllocator(memory, {
      base: 1024,
      maxMemorySize: 64 * PAGE,
      onGrow: (buffer) => buffers.push(buffer),
    });
    const first = imports.calloc(1, 1000);
    new Uint8Array(memory.buffer).fill(7, first, first + 1000);
    while (imports.malloc(50_000) !== 0);
    expect(buffers.length).toBeGreaterThan(5);
    // Far fewer times than pages were added: each growth takes an eighth more.
    expect(buffers.length).toBeLessThan(40);
    expect(new Set(buffers).size).toBe(buffers.length);
    expect(buffers.at(-1)).toBe(memory.buffer);
    expect(memory.buffer.byteLength).toBe(64 * PAGE);
    expect(new Uint8Array(memory.buffer, first, 1000).every((byte) => byte === 7)).toBe(true);
    heap.check();
  });

  test("takes what the memory's own maximum allows, where it is less than maxMemorySize", () => {
    const memory = wasmMemory({ initial: 16, maximum: 17 });
    const { imports } = wasmAllocator(memory, { base: 16 * PAGE - 4096 });
    expect(imports.malloc(60_000)).toBeGreaterThan(0);
    expect(imports.malloc(60_000)).toBe(0);
    expect(memory.buffer.byteLength).toBe(17 * PAGE);
  });

  test("calloc, posix_memalign and errno write to the new buffer", () => {
    const memory = wasmMemory({ initial: 1, maximum: 33 });
    const { imports } = wasmAllocator(memory, { base: 1024, maxMemorySize: 33 * PAGE, errno: () => 512 });
    for (let size = 1000; size < 2 ** 20; size *= 2) {
      const pointer = imports.calloc(1, size);
      expect(new Uint8Array(memory.buffer, pointer, size).every((byte) => byte === 0)).toBe(true);
      new Uint8Array(memory.buffer, pointer, size).fill(255);
      expect(imports.posix_memalign(256, 4096, 5)).toBe(0);
      const [aligned] = new Int32Array(memory.buffer, 256, 1);
      expect(imports.malloc_usable_size(aligned!)).toBeGreaterThanOrEqual(5);
      imports.free(pointer);
    }
    expect(imports.malloc(2 ** 22)).toBe(0);
    expect(new Int32Array(memory.buffer, 512, 1)[0]).toBe(48);
  });
});

describe("a given heap", () => {
  test("serves the module, whatever it is", () => {
    const calls: string[] = [];
    const memory = wasmMemory({ initial: 2 });
    const heap: CHeap & { mine: boolean } = {
      base: 16,
      mine: true,
      malloc: (byteLength, align) => calls.push(`malloc ${byteLength} ${align}`) * 32,
      realloc: (offset, byteLength) => calls.push(`realloc ${offset} ${byteLength}`) * 32,
      free: (offset) => calls.push(`free ${offset}`),
      usableSize: (offset) => (calls.push(`usableSize ${offset}`), offset),
    };
    const allocator = wasmAllocator(memory, { heap });
    expect(allocator.heap.mine).toBe(true);
    const { imports } = allocator;
    expect(imports.malloc(5)).toBe(32);
    expect(imports.aligned_alloc(64, 7)).toBe(64);
    expect(imports.realloc(64, 64)).toBe(128);
    expect(imports.realloc(4096, 9000)).toBe(192);
    imports.free(-16);
    expect(imports.malloc_usable_size(96)).toBe(96);
    expect(calls).toEqual([
      "malloc 5 undefined",
      "malloc 7 64",
      "usableSize 64",
      "realloc 64 64",
      "usableSize 4096",
      "realloc 4096 9000",
      "free 4294967280",
      "usableSize 96",
    ]);
  });

  test("is asked for no more than a place when a small object grows, whose bytes the adapter moves", () => {
    const memory = wasmMemory({ initial: 2 });
    const heap = new Heap({ memory, base: 4096, maxSize: 2 * PAGE - 4096 });
    const { imports } = wasmAllocator(memory, { heap });
    for (const [size, grown] of [
      [1, 17],
      [100, 200],
      [112, 2000],
      [2048, 2049],
      [2049, 5000],
    ] as const) {
      const pointer = imports.malloc(size);
      const usable = imports.malloc_usable_size(pointer);
      const bytes = Uint8Array.from({ length: usable }, (_, index) => index * 7);
      new Uint8Array(memory.buffer).set(bytes, pointer);
      const moved = imports.realloc(pointer, grown);
      expect(new Uint8Array(memory.buffer, moved, usable)).toEqual(bytes);
      expect(heap.owns(pointer)).toBe(false);
      imports.free(moved);
    }
    heap.check();
  });

  test("keeps the object where it is when the larger one finds no place", () => {
    const memory = wasmMemory({ initial: 1 });
    const heap = new Heap({ memory, base: 4096, maxSize: PAGE - 4096 });
    const { imports } = wasmAllocator(memory, { heap });
    const pointer = imports.malloc(100);
    expect(imports.realloc(pointer, 2 ** 20)).toBe(0);
    expect(heap.usableSize(pointer)).toBe(112);
  });

  test("may be shared with JavaScript that uses it directly", () => {
    const memory = wasmMemory({ initial: 4 });
    const heap = new Heap({ memory, base: 4096, maxSize: 4 * PAGE - 4096 });
    const { imports } = wasmAllocator(memory, { heap });
    const view = heap.array(Float64Array, 10);
    imports.free(view.byteOffset);
    expect(() => heap.free(view.byteOffset)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
  });

  test("must begin above 0, which is NULL", () => {
    const memory = wasmMemory({ initial: 4 });
    const heap = new Heap({ memory, maxSize: 4 * PAGE });
    expect(() => wasmAllocator(memory, { heap })).toThrow(
      new RangeError("heap.base must be an integer from 1 to 9007199254740991, got 0"),
    );
  });
});

describe("wrong arguments", () => {
  const memory = wasmMemory({ initial: 4, maximum: 4 });
  test.each<[string, () => unknown, string]>([
    [
      "no memory",
      () => wasmAllocator({} as never),
      "memory must be a WebAssembly.Memory, got [object Object]",
    ],
    [
      "base 0",
      () => wasmAllocator(memory, { base: 0 }),
      "base must be an integer from 1 to 4294967295, got 0",
    ],
    [
      "a base beyond the maximum",
      () => wasmAllocator(memory, { base: 2 ** 20, maxMemorySize: 2 ** 20 }),
      "base must be an integer from 1 to 1048575, got 1048576",
    ],
    [
      "a maximum below the memory's size",
      () => wasmAllocator(memory, { base: 16, maxMemorySize: PAGE }),
      "maxMemorySize must be an integer from 262144 to 4294967296, got 65536",
    ],
    [
      "a page size that is no power of two",
      () => wasmAllocator(memory, { base: 16, pageSize: 1000 }),
      "pageSize must be a power of two, got 1000",
    ],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });

  test("come out of the first call, where the memory is given as a function", () => {
    const { imports } = wasmAllocator(() => memory, { base: 0 });
    expect(() => imports.malloc(1)).toThrow(RangeError);
  });

  test("an error that is no misuse is never passed over", () => {
    const heap: CHeap = {
      base: 16,
      malloc: () => 16,
      realloc: () => 16,
      free: () => {
        throw new TypeError("broken");
      },
      usableSize: () => 16,
    };
    const { imports } = wasmAllocator(memory, { heap, onMisuse: () => {} });
    expect(() => imports.free(16)).toThrow("broken");
    expect(() => imports.free(16)).not.toThrow(AllocError);
  });

  test("an error that is not about space is never taken for NULL", () => {
    const heap: CHeap = {
      base: 16,
      malloc: () => {
        throw new AllocError("DETACHED", "gone");
      },
      realloc: () => 16,
      free: () => {},
      usableSize: () => 16,
    };
    const { imports } = wasmAllocator(memory, { heap });
    expect(() => imports.aligned_alloc(16, 16)).toThrow("gone");
    expect(() => imports.posix_memalign(16, 16, 16)).toThrow("gone");
  });
});

describe("a memory that the program grows by itself", () => {
  test("is looked at again", () => {
    const memory = wasmMemory({ initial: 2, maximum: 8 });
    const grown: number[] = [];
    const { imports, heap } = wasmAllocator(memory, {
      maxMemorySize: 8 * PAGE,
      onGrow: (buffer: ArrayBufferLike) => grown.push(buffer.byteLength),
    });
    const pointer = imports.calloc(1, 100);
    memory.grow(2);
    expect(new Uint8Array(memory.buffer, imports.calloc(1, 100), 100).every((byte) => byte === 0)).toBe(true);
    expect(heap.buffer).toBe(memory.buffer);
    expect(new Uint8Array(heap.buffer, pointer, 100).every((byte) => byte === 0)).toBe(true);
  });
});
