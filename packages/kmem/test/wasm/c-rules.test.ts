// C's rules for malloc and its family, asked from inside Wasm: c-rules.c has a function for each.

import { beforeEach, describe, expect, test } from "vitest";
import { AllocError, type AllocErrorCode } from "../../src/index.ts";
import { type WasmAllocator, wasmAllocator, type WasmHeapOptions } from "../../src/wasm/index.ts";
import { canTest } from "../../../../scripts/wasm/compile.ts";
import { type Memory, wasm } from "../../../../scripts/wasm/webassembly.ts";
import { compileC, missingClang } from "./toolchain.ts";

interface Program {
  readonly memory: Memory;
  _initialize(): void;
  kmem_errno(): number;
  kmem_heap_base(): number;
  [test: string]: unknown;
}

/** Bytes that the heap may have; the rules ask for more where they expect ENOMEM. */
const HEAP_BYTES = 16 * 2 ** 20;

/** Where the heap begins; by itself, behind the program's data. In Wasm, a pointer above 2 GiB is negative. */
const BASES: Record<string, number | undefined> = {
  "behind the program's data": undefined,
  "across 2 GiB": 2 ** 31 - 32768,
  "at the end of 4 GiB": 2 ** 32 - HEAP_BYTES,
};

const MISUSES: Record<string, AllocErrorCode> = {
  double_free: "DOUBLE_FREE",
  free_inside_an_object: "INVALID_FREE",
  free_of_static_data: "INVALID_FREE",
  free_of_nonsense: "INVALID_FREE",
  realloc_after_free: "NOT_ALLOCATED",
  usable_size_after_free: "NOT_ALLOCATED",
};
const PLUMBING = new Set(["_initialize", "kmem_errno", "kmem_heap_base"]);

const ready = canTest("C's rules in Wasm", missingClang());
const module = ready ? compileC("c-rules.c", { flags: ["-Wl,--max-memory=4294967296"] }) : undefined;
const names = (module === undefined ? [] : wasm.Module.exports(module))
  .filter(({ kind, name }) => kind === "function" && !PLUMBING.has(name))
  .map(({ name }) => name);

describe.runIf(ready)("C's rules", () => {
  test("every misuse of the program is expected here", () => {
    expect(names).toEqual(expect.arrayContaining(Object.keys(MISUSES)));
    expect(names.length).toBeGreaterThan(25);
  });

  describe.each(Object.entries(BASES))("in a heap %s", (_, base) => {
    let program: Program;
    let allocator: WasmAllocator;
    const start = (options: WasmHeapOptions = {}): void => {
      allocator = wasmAllocator(() => program.memory, {
        base: () => base ?? program.kmem_heap_base(),
        maxMemorySize: (base ?? 0) + HEAP_BYTES,
        errno: () => program.kmem_errno(),
        ...options,
      });
      const instance = new wasm.Instance(module!, { kmem: { ...allocator.imports } });
      program = instance.exports as unknown as Program;
      program._initialize();
    };
    const call = (name: string): number => (program[name] as () => number)();

    beforeEach(() => start());

    test.each(names.filter((name) => !(name in MISUSES)))("%s", (name) => {
      expect(call(name), "a line of c-rules.c").toBe(0);
      expect(allocator.heap.stats()).toMatchObject({ objects: 0 });
      allocator.heap.check();
    });

    describe.each(Object.entries(MISUSES))("%s", (name, code) => {
      test("throws out of the Wasm call, and changes nothing else", () => {
        expect(() => call(name)).toThrow(expect.objectContaining({ code }));
        allocator.heap.check();
        expect(call("malloc_aligns_and_does_not_overlap")).toBe(0);
      });

      test("is told and passed over, where the owner wants that", () => {
        const told: AllocError[] = [];
        start({ onMisuse: (error) => told.push(error) });
        expect(call(name), "a line of c-rules.c").toBe(0);
        expect(told.map((error) => error.code)).toEqual([code]);
        expect(told[0]).toBeInstanceOf(AllocError);
        allocator.heap.check();
      });
    });
  });
});
