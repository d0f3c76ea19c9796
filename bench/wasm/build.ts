// Builds one program once for each allocator, with the same compiler and flags: the objects are the same files, only
// what they are linked with differs.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compiled, missingTools } from "../../scripts/wasm/compile.ts";

/** Whose malloc a program is linked with. */
export type Allocator = "kmem" | "dlmalloc" | "emmalloc";

/** All of them; the first is ours, the second what the others are measured against. */
export const ALLOCATORS: readonly Allocator[] = ["kmem", "dlmalloc", "emmalloc"];

const inPackage = (file: string): string =>
  fileURLToPath(new URL(file, import.meta.resolve("kmem/package.json")));
const glue = inPackage("wasm/kmem.c");
const library = inPackage("dist/emscripten-library.js");

const LINK_FLAGS: Record<Allocator, readonly string[]> = {
  kmem: [glue, "-sMALLOC=none", "--js-library", library],
  dlmalloc: ["-sMALLOC=dlmalloc"],
  emmalloc: ["-sMALLOC=emmalloc"],
};

const COMMON_FLAGS = [
  "-sMODULARIZE",
  "-sENVIRONMENT=node",
  "-sALLOW_MEMORY_GROWTH",
  "-sMAXIMUM_MEMORY=4GB",
  "-sNODERAWFS",
  "-sEXIT_RUNTIME",
];

/** Why nothing can be built here; undefined when it can. */
export function missingEmscripten(): string | undefined {
  return missingTools("wasm", ["emcc"]);
}

/** Compiles C files and links them with an allocator. Returns the path of the JavaScript that loads the module. */
export function build(
  name: string,
  files: readonly string[],
  flags: readonly string[],
  allocator: Allocator,
): string {
  const objects = compiled({
    name: `${name}-objects`,
    command: ["emcc", "-O2", "-c", ...flags, ...files],
    inputs: files,
  });
  const objectFiles = readdirSync(objects).map((file) => join(objects, file));
  const linked = compiled({
    name: `${name}-${allocator}`,
    command: ["emcc", "-O2", ...COMMON_FLAGS, ...LINK_FLAGS[allocator], ...objectFiles, "-o", "program.js"],
    inputs: allocator === "kmem" ? [...objectFiles, glue, library] : objectFiles,
  });
  return join(linked, "program.js");
}
