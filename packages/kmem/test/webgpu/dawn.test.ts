// The GPU heap on a real device in Node: Dawn, on the software GPU that comes with Chromium. On the package as
// `npm run build` last built it.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { Failures } from "./real/failures.ts";
import type { SoakResult } from "./real/soak.ts";
import type { UsesResult } from "./real/uses.ts";

const DRIVER = "/usr/lib/chromium/vk_swiftshader_icd.json";
const hasDriver = existsSync(DRIVER);
if (!hasDriver) {
  console.warn(`\n!!! NOT TESTED: no WebGPU in Node, for want of ${DRIVER}: npm run setup -- browser\n`);
}

/** What a scenario printed. */
async function run<Result>(scenario: string): Promise<Result> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, "real", "main.ts"), scenario],
    { env: { ...process.env, VK_DRIVER_FILES: DRIVER } },
  );
  return JSON.parse(stdout) as Result;
}

describe.skipIf(!hasDriver && process.env["CI"] === undefined)("Dawn in Node", () => {
  test("100,000 allocations and frees of 16 bytes to 4 MiB: all bytes are read back as they were written", async () => {
    const result = await run<SoakResult>("soak");
    expect(result.faults).toEqual([]);
    expect(result.allocations + result.frees).toBeGreaterThanOrEqual(100_000);
    expect(result.buffersLeft).toBe(1);
    expect(result.moves).toBeGreaterThan(1000);
    expect(result.comparedBytes).toBeGreaterThan(2 ** 20);
    expect(result.mostBuffers).toBeGreaterThan(3);
  });

  test("uniform, storage, vertex, index and indirect use at the heap's offsets", async () => {
    expect(await run<UsesResult>("uses")).toEqual({
      faults: [],
      products: [3, 6, 9, 12, 15, 18, 21, 24],
      pixel: [255, 51, 102, 255],
    });
  });

  test("no memory and loss are typed errors", async () => {
    expect(await run<Failures>("failures")).toEqual({
      outOfMemory: ["DEVICE_OUT_OF_MEMORY", "DEVICE_OUT_OF_MEMORY of 1", "DEVICE_OUT_OF_MEMORY"],
      lost: ["DEVICE_LOST", "DEVICE_LOST of 1", "DEVICE_LOST", "DEVICE_LOST"],
      faults: [],
    });
  });
});
