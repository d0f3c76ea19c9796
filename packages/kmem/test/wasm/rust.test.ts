// A Rust program on kmem's allocator, by the recipe of docs/wasm.md: the same output as on Rust's own.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { wasmAllocator } from "../../src/wasm/index.ts";
import { canTest, compiled } from "../../../../scripts/wasm/compile.ts";
import { type Memory, wasm } from "../../../../scripts/wasm/webassembly.ts";
import { missingRust, RUSTC } from "./toolchain.ts";

interface Program {
  readonly memory: Memory;
  kmem_heap_base(): number;
  report(): number;
  start_of(text: number): number;
  length_of(text: number): number;
  forget(text: number): void;
}

const source = join(import.meta.dirname, "collections.rs");
const glue = join(import.meta.dirname, "../../wasm/kmem.rs");

/** The program as a module, on kmem's allocator or on Rust's. */
function compileRust(allocator: "kmem" | "rust"): InstanceType<typeof wasm.Module> {
  const flags = [
    "--target=wasm32-unknown-unknown",
    "--edition=2021",
    "--crate-type=cdylib",
    "-O",
    "-Cstrip=debuginfo",
  ];
  const cfg = allocator === "kmem" ? ["--cfg=kmem"] : [];
  const folder = compiled({
    name: `collections-${allocator}`,
    command: [RUSTC, ...flags, ...cfg, source, "-o", "program.wasm"],
    inputs: [source, glue],
  });
  return new wasm.Module(readFileSync(join(folder, "program.wasm")));
}

/** What one run says. */
function run({ memory, report, start_of, length_of, forget }: Program): string {
  const text = report();
  const start = start_of(text) >>> 0;
  const said = Buffer.from(memory.buffer, start, length_of(text)).toString();
  forget(text);
  return said;
}

test.runIf(canTest("Rust on kmem's malloc", missingRust()))(
  "a Rust program says the same on kmem's allocator",
  () => {
    const own = new wasm.Instance(compileRust("rust"), {}).exports as Program;
    const allocator = wasmAllocator(() => program.memory, { base: () => program.kmem_heap_base() });
    const imports = { kmem: { ...allocator.imports } };
    const program = new wasm.Instance(compileRust("kmem"), imports).exports as Program;

    const said = run(program);
    expect(said).toMatch(/^tree \d{7}$/m);
    expect(said).toMatch(/^lines 0 astray, \d+$/m);
    expect(said).toBe(run(own));

    // Rust keeps a little for the program's life; a second run leaves no more.
    const { objects } = allocator.heap.stats();
    expect(run(program)).toBe(said);
    expect(allocator.heap.stats().objects).toBe(objects);
    allocator.heap.check();
  },
);
