// Writes the page into out/ and says how to look at it.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildPage } from "./build.ts";

const file = join(import.meta.dirname, "out", "gpu-scene.html");
mkdirSync(join(import.meta.dirname, "out"), { recursive: true });
writeFileSync(file, await buildPage());
console.log(`open this in a browser with WebGPU: ${pathToFileURL(file).href}`);
