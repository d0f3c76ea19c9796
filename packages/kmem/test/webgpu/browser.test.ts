// The GPU heap on a real device in a browser: headless Chromium, on its software GPU.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Scenarios } from "./real/page.ts";

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) {
  console.warn(
    `\n!!! NOT TESTED: no WebGPU in a browser, for want of ${CHROMIUM}: npm run setup -- browser\n`,
  );
}
/** WebGPU on a software GPU; as root, Chromium starts without its sandbox only. */
const FLAGS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--use-vulkan=swiftshader",
  "--disable-background-networking",
];

declare const scenarios: Scenarios;

describe.skipIf(!hasChromium && process.env["CI"] === undefined)("Chromium", () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [join(import.meta.dirname, "real", "page.ts")],
      bundle: true,
      format: "iife",
      write: false,
    });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    page = await browser.newPage();
    // WebGPU is there in a secure context only, which a page of this machine's own is.
    await page.route("http://localhost/", (route) => route.fulfill({ contentType: "text/html", body: "" }));
    await page.goto("http://localhost/");
    await page.addScriptTag({ content: outputFiles[0]!.text });
  });

  afterAll(() => browser?.close());

  test("100,000 allocations and frees of 16 bytes to 4 MiB: all bytes are read back as they were written", async () => {
    const result = await page.evaluate(() => scenarios.soak());
    expect(result.faults).toEqual([]);
    expect(result.allocations + result.frees).toBeGreaterThanOrEqual(100_000);
    expect(result.buffersLeft).toBe(1);
    expect(result.moves).toBeGreaterThan(1000);
    expect(result.comparedBytes).toBeGreaterThan(2 ** 20);
    expect(result.mostBuffers).toBeGreaterThan(3);
  });

  test("uniform, storage, vertex, index and indirect use at the heap's offsets", async () => {
    expect(await page.evaluate(() => scenarios.uses())).toEqual({
      faults: [],
      products: [3, 6, 9, 12, 15, 18, 21, 24],
      pixel: [255, 51, 102, 255],
    });
  });

  test("no memory and loss are typed errors", async () => {
    const { outOfMemory, lost, faults } = await page.evaluate(() => scenarios.failures());
    expect(faults).toEqual([]);
    expect(outOfMemory).toEqual([
      "DEVICE_OUT_OF_MEMORY",
      "DEVICE_OUT_OF_MEMORY of 1",
      "DEVICE_OUT_OF_MEMORY",
    ]);
    expect(lost).toEqual(["DEVICE_LOST", "DEVICE_LOST of 1", "DEVICE_LOST", "DEVICE_LOST"]);
  });
});
