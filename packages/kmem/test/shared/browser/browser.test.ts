// The shared heap in a browser: a page's own thread and two workers, one heap, workers terminated at work.

import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report } from "./page.ts";

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) {
  console.warn(
    `\n!!! NOT TESTED: no shared heap in a browser, for want of ${CHROMIUM}: npm run setup -- browser\n`,
  );
}
/** What makes a page one that may share memory. */
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

declare const share: () => Promise<Report>;

async function bundle(name: string): Promise<string> {
  const entry = join(import.meta.dirname, `${name}.ts`);
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: "iife", write: false });
  return outputFiles[0]!.text;
}

describe.skipIf(!hasChromium && process.env["CI"] === undefined)("Chromium", () => {
  let browser: Browser;
  let server: Server;

  beforeAll(async () => {
    const scripts = new Map([
      ["/page.js", await bundle("page")],
      ["/worker.js", await bundle("worker")],
    ]);
    server = createServer((request, response) => {
      const script = scripts.get(request.url!);
      const type = script === undefined ? "text/html" : "text/javascript";
      response.writeHead(200, { ...HEADERS, "Content-Type": type });
      response.end(script ?? `<!doctype html><link rel="icon" href="data:,"><script src="page.js"></script>`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const args = ["--no-sandbox", "--disable-background-networking"];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test("a page and two workers share a heap that grows, free each other's, and go on when one is terminated", async () => {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const report = await page.evaluate(() => share());
    expect(faults).toEqual([]);
    expect(report).toMatchObject({ isIsolated: true, waits: 0, threads: [1, 2], changed: 0, objectsLeft: 0 });
    expect(report.sizeAfter).toBeGreaterThan(report.sizeBefore);
    expect(report.sizeThere).toBe(report.sizeAfter);
    expect(report.rounds).toBeGreaterThan(0);
    // Terminated in the midst of it, it may have had objects.
    expect(report.freed).toBe(report.owned);
  });
});
