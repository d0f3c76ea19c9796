// Runs a scenario on a real device in Node and prints what came out, as JSON: node main.ts soak|uses|failures.
// In a process of its own, since a driver that crashes takes the process with it.

import { create, globals } from "webgpu";
import { fail } from "./failures.ts";
import { soak } from "./soak.ts";
import { useEverywhere } from "./uses.ts";

Object.assign(globalThis, globals);
// The device lives as long as this does.
const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (adapter === null) throw new Error("no WebGPU adapter");

const scenarios: Record<string, () => Promise<unknown>> = {
  soak: async () => {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM;
    return soak(await adapter.requestDevice(), { seed: 1, operations: 100_000, usage });
  },
  uses: async () => useEverywhere(await adapter.requestDevice()),
  failures: () => fail(adapter),
};

console.log(JSON.stringify(await scenarios[process.argv[2]!]!()));
// Dawn's own threads would keep the process.
process.exit(0);
