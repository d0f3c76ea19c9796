// Compiles cache.c by clang for wasm32-wasi: with kmem's functions, or with the C library's own malloc, which is dlmalloc.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = join(import.meta.dirname, "cache.c");
const glue = fileURLToPath(new URL("wasm/kmem.c", import.meta.resolve("kmem/package.json")));

/** The program as the bytes of a module. Throws when clang is not there, or complains. */
export function compile(allocator: "kmem" | "dlmalloc"): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "kmem-example-"));
  const output = join(folder, "cache.wasm");
  const inputs = allocator === "kmem" ? [source, glue] : [source];
  const flags = ["--target=wasm32-wasi", "-O2", "-mexec-model=reactor"];
  try {
    execFileSync("clang", [...flags, ...inputs, "-o", output], { stdio: ["ignore", "ignore", "pipe"] });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
