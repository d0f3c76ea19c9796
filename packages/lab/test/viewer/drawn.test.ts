// What the page draws, read out of the page itself, against kmem in this process: the state behind the picture block for
// block, and the pixels of the picture where those blocks are.

import { readFileSync } from "node:fs";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objectStream, ObjectReplay, PageReplay, pageStream } from "../../src/replay/index.ts";
import { readTrace } from "../../src/trace/index.ts";
import type { DrawnBlock } from "../../viewer/src/film/describe.ts";
import { randomNumbers } from "../../viewer/src/film/synthetic.ts";
import { hasBrowser, ViewerBrowser } from "./browser.ts";
import { blocksOfBuddy, blocksOfSnapshot } from "./truth.ts";

const BUNDLED = readFileSync(new URL("../../traces/small-project.parquet", import.meta.url));
const PAGE_SIZE = 4096;

describe.runIf(hasBrowser())("what is drawn", async () => {
  const trace = await readTrace(BUNDLED);
  const random = randomNumbers(20_261_125);
  let viewer: ViewerBrowser;
  beforeAll(async () => {
    viewer = await ViewerBrowser.start();
    await viewer.openCard("A real Linux kernel");
  });
  afterAll(async () => {
    await viewer.stop();
    expect(viewer.faults).toEqual([]);
  });

  const drawn = (): Promise<DrawnBlock[]> => viewer.page.evaluate(() => window.kmemViewer!.drawn());

  test("are the heap's blocks and slots, at random moments in any order", async () => {
    const stream = objectStream(trace);
    const moments = Array.from({ length: 8 }, () => Math.floor(random() * stream.operations.length));
    for (const moment of moments) {
      const replay = new ObjectReplay(stream, { pageSize: PAGE_SIZE });
      replay.advanceTo(moment);
      await viewer.goTo(moment);
      expect(await viewer.page.evaluate(() => window.kmemViewer!.moment())).toBe(moment);
      expect(await drawn()).toEqual(blocksOfSnapshot(replay.heap.snapshot()));
    }
  });

  test("are, as pixels, in the colours of their caches", async () => {
    const replay = new ObjectReplay(objectStream(trace), { pageSize: PAGE_SIZE });
    replay.advanceTo(60_000);
    await viewer.goTo(60_000);
    const picture = PNG.sync.read(await viewer.page.locator(".map canvas").screenshot());
    const colorAt = (x: number, y: number): string => {
      const at = 4 * (Math.round(y) * picture.width + Math.round(x));
      return `#${picture.data.subarray(at, at + 3).toString("hex")}`;
    };
    const { slabs, free } = replay.heap.snapshot();
    const full = slabs.filter(({ slots }) => !slots.includes("0"));
    expect(full.length).toBeGreaterThan(50);
    for (const { offset, cache } of full) {
      const [place, color] = await viewer.page.evaluate(
        ([page, name]) => [window.kmemViewer!.placeOfPage(page), window.kmemViewer!.colorOf(name)] as const,
        [offset / PAGE_SIZE, cache] as const,
      );
      expect(colorAt(place!.x, place!.y), `${cache} at ${offset}`).toBe(color);
    }
    for (const { offset, byteLength } of free) {
      const page = offset / PAGE_SIZE + Math.floor(byteLength / PAGE_SIZE / 2);
      const place = await viewer.page.evaluate((at) => window.kmemViewer!.placeOfPage(at), page);
      expect(colorAt(place!.x, place!.y), `free at ${offset}`).toBe("#ffffff");
    }
  });

  test("are the page allocator's blocks, at random moments", async () => {
    await viewer.page.getByRole("button", { name: "Pages", exact: true }).click();
    await viewer.filmed();
    const stream = pageStream(trace);
    for (let time = 0; time < 5; time++) {
      const moment = Math.floor(random() * stream.operations.length);
      const replay = new PageReplay(stream, { pageSize: PAGE_SIZE });
      replay.advanceTo(moment);
      await viewer.goTo(moment);
      const blocks = await drawn();
      for (const block of blocks) Object.assign(block, { owner: block.owner === "free" ? "free" : "block" });
      expect(blocks).toEqual(blocksOfBuddy(replay.buddy));
    }
    await viewer.shot("map-pages");
  });
});
