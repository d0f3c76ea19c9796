/** The Wasm modules of subjects: how each is compiled. All take their memory from outside, so that it can be seen. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compiled, missingTools, type Compilation } from "../../../scripts/wasm/compile.ts";
import { tryProgram } from "./process.ts";
import type { Availability } from "./subject.ts";

/** A module that some subject runs in. */
export type ModuleName = "dlmalloc" | "emmalloc" | "kmem" | "tlsf";

const SOURCE = fileURLToPath(new URL("../../wasm/replay.c", import.meta.url));
/** What a C program is compiled with to have kmem behind its malloc. */
const GLUE = fileURLToPath(new URL("wasm/kmem.c", import.meta.resolve("kmem/package.json")));
const TLSF_SOURCE = fileURLToPath(new URL("../../wasm/tlsf.as", import.meta.url));
const TLSF_SCRIPT = fileURLToPath(new URL("../../wasm/compile-tlsf.sh", import.meta.url));
/** All that 32-bit pointers reach, in bytes. */
const MAX_MEMORY_BYTES = 2 ** 32;

const EMCC =
  "emcc -O3 -mbulk-memory -fno-builtin --no-entry -sSTANDALONE_WASM -sIMPORTED_MEMORY -sALLOW_MEMORY_GROWTH";
const CLANG =
  "clang --target=wasm32-wasi -mexec-model=reactor -O3 -mbulk-memory -ftls-model=local-exec -Wl,--import-memory";

/** @returns the command's words, with what its module is called and made from */
function compilation(name: ModuleName, command: string, sources: readonly string[] = [SOURCE]): Compilation {
  return { name, command: [...command.split(" "), "-o", `${name}.wasm`, ...sources], inputs: sources };
}

const COMPILATIONS: Readonly<Record<ModuleName, Compilation>> = {
  dlmalloc: compilation("dlmalloc", `${EMCC} -sMAXIMUM_MEMORY=${MAX_MEMORY_BYTES} -sMALLOC=dlmalloc`),
  emmalloc: compilation("emmalloc", `${EMCC} -sMAXIMUM_MEMORY=${MAX_MEMORY_BYTES} -sMALLOC=emmalloc`),
  kmem: compilation("kmem", `${CLANG} -Wl,--max-memory=${MAX_MEMORY_BYTES} -DKMEM`, [SOURCE, GLUE]),
  tlsf: { name: "tlsf", command: ["bash", TLSF_SCRIPT], inputs: [TLSF_SCRIPT, TLSF_SOURCE] },
};

/** @returns the path of the compiled module; compiles it where it is not in the cache. Throws when that fails. */
export function modulePath(name: ModuleName): string {
  return join(compiled(COMPILATIONS[name]), `${name}.wasm`);
}

/** Looks for the compiler and compiles; the version is the compiler's. */
export async function locateModule(name: ModuleName): Promise<Availability> {
  const [compiler = ""] = COMPILATIONS[name].command;
  const missing = missingTools("wasm", [compiler]);
  if (missing !== undefined) return { available: false, reason: missing };
  try {
    modulePath(name);
  } catch (error) {
    return { available: false, reason: `cannot be compiled: ${String(error).split("\n")[0] ?? ""}` };
  }
  const version = /[\d.]+\.\d+/.exec((await tryProgram(compiler, "--version")) ?? "")?.[0] ?? "unknown";
  return { available: true, version: `${compiler} ${version}` };
}
