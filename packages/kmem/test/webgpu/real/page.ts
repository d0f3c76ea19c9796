/// <reference types="@webgpu/types" />
// The scenarios for a page in a browser: a global for the test to call, bundled by it.

import { fail } from "./failures.ts";
import { soak } from "./soak.ts";
import { useEverywhere } from "./uses.ts";

declare const navigator: { readonly gpu: GPU };

async function requestAdapter(): Promise<GPUAdapter> {
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) throw new Error("no WebGPU adapter");
  return adapter;
}

/** What the test calls. */
export interface Scenarios {
  soak(): ReturnType<typeof soak>;
  uses(): ReturnType<typeof useEverywhere>;
  failures(): ReturnType<typeof fail>;
}

const scenarios: Scenarios = {
  soak: async () => {
    const device = await (await requestAdapter()).requestDevice();
    return soak(device, {
      seed: 2,
      operations: 100_000,
      usage: GPUBufferUsage.VERTEX | GPUBufferUsage.INDEX,
    });
  },
  uses: async () => useEverywhere(await (await requestAdapter()).requestDevice()),
  failures: async () => fail(await requestAdapter()),
};
Object.assign(globalThis, { scenarios });
