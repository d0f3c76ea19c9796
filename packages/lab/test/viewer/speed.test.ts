// How fast it is at full size: a trace file of a million events is dropped, jumped through and played, and a space of a million
// pages is moved and zoomed. Times are medians and percentiles and each test may be run again. Frames also depend on what else
// the machine does: where other tests run beside, the limit is what frames of the idle page take, twice and a half. `npm run
// bench:viewer` measures undisturbed, holds frames to 20 ms, and prints the figures.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomNumbers } from "../../viewer/src/film/synthetic.ts";
import { hasBrowser, ViewerBrowser } from "./browser.ts";
import {
  beginFrames,
  dropAndTime,
  endFrames,
  jumpTimes,
  millionEvents,
  percentile,
  report,
} from "./speed.ts";

/** Undisturbed, nothing but the limit itself will do. */
const IS_STRICT = process.env["KMEM_FIGURES"] !== undefined;
const FRAME_MS = 20;

describe.runIf(hasBrowser())("at a million events", () => {
  let viewer: ViewerBrowser;
  let trace: Uint8Array;
  beforeAll(async () => {
    trace = millionEvents();
    viewer = await ViewerBrowser.start();
  });
  afterAll(async () => {
    await viewer.stop();
    expect(viewer.faults).toEqual([]);
  });

  /** What 95 % of the frames have to stay under now, in milliseconds. */
  const frameLimit = async (): Promise<number> => {
    if (IS_STRICT) return FRAME_MS;
    await beginFrames(viewer);
    await viewer.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1000)));
    const idle = await endFrames(viewer);
    return Math.max(FRAME_MS, 2.5 * percentile(idle.gapsMs, 0.95));
  };

  test("the first picture stands within 3 seconds of dropping the file", { retry: 2 }, async () => {
    const { firstMs, wholeMs } = await dropAndTime(viewer, "million.parquet", trace);
    report("first picture after the drop", firstMs, "ms");
    report("whole film after the drop", wholeMs, "ms");
    expect(await viewer.page.evaluate(() => window.kmemViewer!.length())).toBe(1_000_000);
    expect(firstMs).toBeLessThan(3000);
  });

  test("a jump to any moment takes at most 150 ms", { retry: 2 }, async () => {
    const random = randomNumbers(6);
    const times = await jumpTimes(
      viewer,
      Array.from({ length: 40 }, () => Math.floor(random() * 1_000_001)),
    );
    report("jump, median", percentile(times, 0.5), "ms");
    report("jump, 95 %", percentile(times, 0.95), "ms");
    expect(percentile(times, 0.95)).toBeLessThan(150);
  });

  test("playing keeps 95 % of the frames under 20 ms", { retry: 2 }, async () => {
    const { page } = viewer;
    await viewer.goTo(100_000);
    const limit = await frameLimit();
    await page.getByRole("combobox", { name: "Speed" }).selectOption("100000");
    await page.getByRole("button", { name: "Play (space)" }).click();
    await beginFrames(viewer);
    await page.waitForFunction(() => window.kmemViewer!.moment() > 300_000);
    const frames = await endFrames(viewer);
    await page.getByRole("button", { name: "Pause (space)" }).click();
    report("frame while playing, 95 %", percentile(frames.gapsMs, 0.95), "ms");
    report("pictures a second while playing", frames.picturesPerSecond, "");
    expect(percentile(frames.gapsMs, 0.95)).toBeLessThan(limit);
  });

  test("a heap of a million pages is moved and zoomed at the same frame times", { retry: 2 }, async () => {
    const { page } = viewer;
    await viewer.home();
    await viewer.openCard("A heap of 4 GiB");
    expect(
      await page.evaluate(() => window.kmemViewer!.layout()!.columns * window.kmemViewer!.layout()!.rows),
    ).toBe(2 ** 20);
    await viewer.shot("map-million");
    const limit = await frameLimit();
    const box = (await page.locator(".map canvas").boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await beginFrames(viewer);
    for (let step = 0; step < 40; step++) await page.mouse.wheel(0, -60);
    await page.mouse.down();
    for (let step = 0; step < 60; step++) {
      await page.mouse.move(
        box.x + box.width / 2 + 90 * Math.sin(step / 5),
        box.y + box.height / 2 + 60 * Math.cos(step / 7),
      );
    }
    await page.mouse.up();
    for (let step = 0; step < 40; step++) await page.mouse.wheel(0, 60);
    const frames = await endFrames(viewer);
    report("frame while moving a million pages, 95 %", percentile(frames.gapsMs, 0.95), "ms");
    report("picture while moving, median", percentile(frames.pictureMs, 0.5), "ms");
    expect(percentile(frames.gapsMs, 0.95)).toBeLessThan(limit);
  });
});
