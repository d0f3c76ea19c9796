// The process in which one program runs: loads the module that Emscripten made, lets it run `main` with the arguments
// given, and writes to file descriptor 3 as JSON how long that took, by the clock and of its thread's processor time.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

interface EmscriptenModule {
  readonly HEAPU8?: Uint8Array;
  readonly kmem?: { readonly heap: { check(): void; readonly buffer: ArrayBufferLike } };
}
type Factory = (options: object) => Promise<EmscriptenModule>;

const [script, ...args] = process.argv.slice(2) as [string, ...string[]];
const factory = createRequire(import.meta.url)(script) as Factory;

let status = 0;
const startedMs = performance.now();
const startedCpu = process.threadCpuUsage();
const module = await factory({
  // Emscripten of that age takes a Node that has `fetch` for a browser, unless it is handed the module.
  wasmBinary: readFileSync(script.replace(/js$/, "wasm")),
  arguments: args,
  quit: (code: number, unwind: Error) => {
    status = code;
    throw unwind;
  },
});
const totalMs = performance.now() - startedMs;
const cpu = process.threadCpuUsage(startedCpu);
const cpuMs = (cpu.user + cpu.system) / 1000;
module.kmem?.heap.check();
writeFileSync(3, JSON.stringify({ totalMs, cpuMs, memoryBytes: module.HEAPU8?.length }));
process.exitCode = status;
