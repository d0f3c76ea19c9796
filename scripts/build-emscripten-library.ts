// Makes dist/emscripten-library.js of the package: its template with the compiled allocator put in, as one expression
// whose value is `wasmAllocator`. Emscripten cannot import modules into what it makes, so the library holds all it needs.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { transformSync } from "@swc/core";
import { buildSync } from "esbuild";

const packageFolder = join(import.meta.dirname, "..", "packages", "kmem");
const outputFile = join(packageFolder, "dist", "emscripten-library.js");
const PLACEHOLDER = '"=KMEM_BUNDLE"';

/** `wasmAllocator` as an expression, without a comment or a line of its own. */
function bundledAllocator(): string {
  const { outputFiles } = buildSync({
    stdin: {
      contents: 'export { wasmAllocator } from "./dist/wasm/index.js";',
      resolveDir: packageFolder,
    },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "kmem",
    // What the parser of Emscripten 3.1.6 takes.
    target: "es2017",
  });
  // Its optimizer drops the names in `for (const [name, value] of …)`: it is given none of the kind.
  const { code } = transformSync(outputFiles[0]!.text, {
    env: { targets: "node 20", include: ["transform-destructuring"] },
    minify: true,
    jsc: { minify: { compress: false, mangle: true } },
    isModule: false,
  });
  return `(()=>{${code.trim()}return kmem.wasmAllocator})()`;
}

const code = bundledAllocator();
if (code.includes("{{{"))
  throw new Error("the compiled allocator holds triple braces, which Emscripten takes for its own");
const template = readFileSync(join(packageFolder, "wasm", "emscripten-library.js"), "utf8");
if (!template.includes(PLACEHOLDER))
  throw new Error(`wasm/emscripten-library.js has no ${PLACEHOLDER} to replace`);
mkdirSync(dirname(outputFile), { recursive: true });
writeFileSync(
  outputFile,
  template.replace(PLACEHOLDER, () => JSON.stringify(`=${code}`)),
);
