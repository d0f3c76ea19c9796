/** What the viewer's speed is measured by: a trace file of a million events, times of jumps, and gaps between frames. */
import { randomNumbers, syntheticScript } from "../../viewer/src/film/synthetic.ts";
import { blankEvent, EventKind, sourceFacts, TraceNames, TraceWriter } from "../../src/trace/index.ts";
import type { ViewerBrowser } from "./browser.ts";

const CALL_SITES = Array.from(
  { length: 200 },
  (_, index) => `caller_${index}+0x${(16 * index).toString(16)}/0x1000`,
);
const CACHES = ["inode", "dentry", "filp", "vm_area", "radix_node", "sock"];
const CACHE_BYTES = [600, 192, 184, 176, 576, 1024];

/** A trace file of a million events of a kernel: objects of caches and of kmalloc, some 100,000 of them live at once. */
export function millionEvents(): Uint8Array {
  const script = syntheticScript({
    title: "million",
    seed: 42,
    operationCount: 1_000_000,
    liveCount: 100_000,
    smallestBytes: 16,
    largestBytes: 4096,
    size: 2 ** 20,
    maxSize: 2 ** 32,
    pageSize: 4096,
  });
  const random = randomNumbers(43);
  const chunks: Uint8Array[] = [];
  const names = new TraceNames();
  const writer = new TraceWriter(names, (bytes) => void chunks.push(bytes.slice()));
  const sites = CALL_SITES.map((site) => names.callSites.internText(site));
  const caches = CACHES.map((name) => names.caches.internText(name));
  const event = blankEvent();
  const cacheOf = new Int8Array(script.pieceCount);
  for (const [at, operation] of script.operations.entries()) {
    const piece = operation >= 0 ? operation : ~operation;
    if (operation >= 0) cacheOf[piece] = random() < 0.6 ? Math.floor(random() * CACHES.length) : -1;
    const cache = cacheOf[piece]!;
    event.timeNanoseconds = at * 1000;
    event.key = 4096 + 16 * piece;
    event.callSiteIndex = sites[Math.floor(random() * sites.length)]!;
    event.cacheIndex = cache < 0 ? -1 : caches[cache]!;
    event.bytesRequested =
      operation < 0 ? 0 : cache < 0 ? script.bytesRequested[piece]! : CACHE_BYTES[cache]!;
    event.bytesAllocated = event.bytesRequested;
    event.kind =
      operation >= 0
        ? cache < 0
          ? EventKind.KMALLOC
          : EventKind.KMEM_CACHE_ALLOC
        : cache < 0
          ? EventKind.KFREE
          : EventKind.KMEM_CACHE_FREE;
    writer.add(event);
  }
  writer.finish(sourceFacts("ftrace"));
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The value below which a share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Prints a figure where figures are asked for. */
export function report(what: string, value: number, unit: string): void {
  if (process.env["KMEM_FIGURES"] !== undefined)
    console.log(`${what.padEnd(46)} ${value.toFixed(1).padStart(8)} ${unit}`);
}

/** Drops a file; how long until its first picture, and until its film is complete, in milliseconds, by the page's clock. */
export async function dropAndTime(
  viewer: ViewerBrowser,
  name: string,
  bytes: Uint8Array,
): Promise<{ firstMs: number; wholeMs: number }> {
  const { page } = viewer;
  const data = await viewer.dataTransfer(name, bytes);
  await page.evaluate(() => {
    addEventListener("drop", () => performance.mark("dropped"), { once: true, capture: true });
    const watch = (): void => {
      const viewer = window.kmemViewer!;
      if (performance.getEntriesByName("dropped").length > 0 && viewer.isBusy() && viewer.moment() >= 0)
        performance.mark("first");
      else requestAnimationFrame(watch);
    };
    requestAnimationFrame(watch);
  });
  await page.dispatchEvent("main", "drop", { dataTransfer: data });
  await page.waitForFunction(() => performance.getEntriesByName("first").length > 0);
  await viewer.filmed();
  return page.evaluate(() => {
    const at = (mark: string): number => performance.getEntriesByName(mark).at(-1)!.startTime;
    const times = { firstMs: at("first") - at("dropped"), wholeMs: performance.now() - at("dropped") };
    performance.clearMarks();
    return times;
  });
}

/** Jumps by the scrubber; how long each took from the wish to the picture's frame, in milliseconds. */
export async function jumpTimes(viewer: ViewerBrowser, moments: readonly number[]): Promise<number[]> {
  const times: number[] = [];
  for (const moment of moments) {
    times.push(
      await viewer.page.locator(".scrubber").evaluate(async (element, wanted) => {
        const input = element as HTMLInputElement;
        const start = performance.now();
        input.value = String(wanted);
        input.dispatchEvent(new Event("input", { bubbles: true }));
        while (window.kmemViewer!.moment() !== wanted)
          await new Promise((resolve) => requestAnimationFrame(resolve));
        return performance.now() - start;
      }, moment),
    );
  }
  return times;
}

declare global {
  interface Window {
    kmemFrames?: { gaps: number[]; last: number; start: number; stop: boolean };
  }
}

/** Begins to note the gaps between the frames of the page's main thread. */
export async function beginFrames(viewer: ViewerBrowser): Promise<void> {
  await viewer.page.evaluate(() => {
    const frames = { gaps: [] as number[], last: performance.now(), start: performance.now(), stop: false };
    window.kmemFrames = frames;
    const tick = (now: number): void => {
      if (frames.stop) return;
      frames.gaps.push(now - frames.last);
      frames.last = now;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame((now) => {
      frames.last = now;
      requestAnimationFrame(tick);
    });
  });
}

/** What was noted since `beginFrames`. */
export async function endFrames(
  viewer: ViewerBrowser,
): Promise<{ gapsMs: number[]; pictureMs: number[]; picturesPerSecond: number }> {
  return viewer.page.evaluate(() => {
    const frames = window.kmemFrames!;
    frames.stop = true;
    const seconds = (performance.now() - frames.start) / 1000;
    const times = window.kmemViewer!.pictureTimes();
    const pictureMs = times.slice(-Math.min(times.length, frames.gaps.length));
    return { gapsMs: frames.gaps, pictureMs, picturesPerSecond: pictureMs.length / seconds };
  });
}
