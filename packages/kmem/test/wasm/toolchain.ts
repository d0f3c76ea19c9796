// C programs for tests of `kmem/wasm`, compiled with clang for wasm32-wasi; where Rust's compiler is.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compiled, missingTools } from "../../../../scripts/wasm/compile.ts";
import { type Module, wasm } from "../../../../scripts/wasm/webassembly.ts";

/** The file through which C reaches the imported functions. */
const GLUE = join(import.meta.dirname, "../../wasm/kmem.c");

/** Why clang cannot compile for wasm32-wasi here; undefined when it can. */
export function missingClang(): string | undefined {
  return missingTools("wasm", ["clang", "wasm-ld"], ["/usr/lib/wasm32-wasi/libc.a"]);
}

/** A C file of this folder with kmem's functions, or the C library's own, as a module that imports its memory or not. */
export function compileC(file: string, options: { glue?: boolean; flags?: readonly string[] } = {}): Module {
  const { glue = true, flags = [] } = options;
  const source = join(import.meta.dirname, file);
  const inputs = glue ? [source, GLUE] : [source];
  const clang = ["clang", "--target=wasm32-wasi", "-O2", "-mexec-model=reactor", "-fno-builtin"];
  const command = [...clang, ...flags, ...inputs, "-o", "program.wasm"];
  const folder = compiled({ name: file.replace(/[.]c$/, ""), command, inputs });
  return new wasm.Module(readFileSync(join(folder, "program.wasm")));
}

/** A C file of this folder without a C library, as a module that imports a memory which threads share. */
export function compileSharedC(file: string, maxMemoryBytes: number): Module {
  const source = join(import.meta.dirname, file);
  const target = ["--target=wasm32", "-O2", "-matomics", "-mbulk-memory", "-mmutable-globals", "-nostdlib"];
  const linked = ["--no-entry", "--import-memory", "--shared-memory", `--max-memory=${maxMemoryBytes}`];
  const exported = ["--export=__stack_pointer", "--export=__heap_base"];
  const flags = [...linked, ...exported].map((flag) => `-Wl,${flag}`);
  const command = ["clang", ...target, ...flags, source, "-o", "program.wasm"];
  const folder = compiled({ name: file.replace(/[.]c$/, ""), command, inputs: [source] });
  return new wasm.Module(readFileSync(join(folder, "program.wasm")));
}

/** Debian's compiler: another one on the PATH may lack the target. */
export const RUSTC = "/usr/bin/rustc";

/** Why Rust cannot be compiled for wasm32 here; undefined when it can. */
export function missingRust(): string | undefined {
  return missingTools("rust", [RUSTC], ["/usr/lib/rustlib/wasm32-unknown-unknown/lib"]);
}
