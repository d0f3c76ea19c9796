// The page in headless Chromium, on its software GPU: rocks come and go, bytes are moved, and no error is reported.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import type { Progress } from "./page/progress.ts";

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium)
  console.warn(`\n!!! NOT TESTED: gpu-scene, for want of ${CHROMIUM}: npm run setup -- browser\n`);

/** WebGPU on a software GPU; as root, Chromium starts without its sandbox only. */
const FLAGS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--use-vulkan=swiftshader",
  // To present a canvas, the compositor needs a software GPU, too.
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-gpu-sandbox",
  "--disable-background-networking",
];

declare const progress: Progress;

test.skipIf(!hasChromium && process.env["CI"] === undefined)(
  "the page that the program writes runs",
  async () => {
    const printed = execFileSync(process.execPath, [join(import.meta.dirname, "main.ts")], {
      encoding: "utf8",
    });
    const url = /file:\S+/.exec(printed)![0];
    expect(readFileSync(fileURLToPath(url), "utf8")).toContain('<canvas id="heap"');
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    try {
      const page = await browser.newPage({ viewport: { width: 900, height: 500 } });
      await page.goto(url);
      await page.waitForFunction(() => progress.gone > 500 || progress.faults.length > 0, undefined, {
        timeout: 90_000,
      });
      const found = await page.evaluate(() => progress);
      expect(found.faults).toEqual([]);
      expect(found.meshes).toBeGreaterThan(3000);
      expect(found.buffers).toBeLessThan(40);
      expect(found.moves).toBeGreaterThan(0);
      const screenshot = process.env["KMEM_SCREENSHOTS"];
      if (screenshot !== undefined) await page.screenshot({ path: join(screenshot, "gpu-scene.png") });
    } finally {
      await browser.close();
    }
  },
);
