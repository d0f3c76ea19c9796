// What an entry point adds to a program that has the core already, held against its budget.
//
// Two bundles are made and packed, minified: the core alone, and the core with the entry point. The difference is what the
// entry point costs. `.size-limit.json` has the budgets of whole bundles.

import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Bytes that each entry point may add, gzipped. */
const BUDGETS: Readonly<Record<string, number>> = {
  "kmem/wasm": 3000,
  "kmem/webgpu": 6000,
};

/** Bytes of a program that names everything in `entries`, bundled, minified and gzipped. */
async function packedBytes(...entries: string[]): Promise<number> {
  const contents = entries.map((entry) => `export * from "${entry}";`).join("");
  const resolveDir = fileURLToPath(new URL("..", import.meta.url));
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

const coreBytes = await packedBytes("kmem");
for (const [entry, budget] of Object.entries(BUDGETS)) {
  const addedBytes = (await packedBytes("kmem", entry)) - coreBytes;
  const isWithin = addedBytes <= budget;
  console.log(`${entry} adds ${addedBytes} B to the core; at most ${budget}${isWithin ? "" : ": TOO MUCH"}`);
  if (!isWithin) process.exitCode = 1;
}
