// `kmem view` and `kmem report`, run as a person runs them; the report is opened from disk with the network off.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasBrowser, ViewerBrowser } from "./browser.ts";

const KMEM = fileURLToPath(new URL("../../bin/kmem.js", import.meta.url));
const TRACE = fileURLToPath(new URL("../../traces/small-project.parquet", import.meta.url));
const run = promisify(execFile);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kmem-report-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const kmem = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run(process.execPath, [KMEM, ...args]);
const failed = (...args: string[]): Promise<{ code: number; stderr: string }> =>
  kmem(...args).then(
    () => ({ code: 0, stderr: "" }),
    (error: { code: number; stderr: string }) => error,
  );

/** Starts a command that serves, and waits for the address that it prints. */
async function serving(...args: string[]): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [KMEM, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const found = /http:\S+/.exec(text);
      if (found !== null) resolve(found[0]);
    });
    child.on("exit", () => reject(new Error("the command ended")));
  });
  return { url, child };
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.on("exit", resolve));

describe("kmem report", () => {
  test("writes one file, and none over another", async () => {
    const output = join(folder, "report.html");
    const { stdout } = await kmem("report", TRACE, "-o", output);
    expect(stdout).toMatch(/report\.html: [\d.]+ MiB, to be opened in any browser/);
    // Nothing in it points anywhere.
    const page = readFileSync(output, "utf8");
    expect(page).not.toMatch(/<(?:script|link|img)[^>]* (?:src|href)=/);
    expect(await failed("report", TRACE, "-o", output)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^kmem: .*report\.html exists: give another name, or --force to replace it\n$/,
      ),
    });
  });

  test("says in one line that a file is missing, and leaves none", async () => {
    const output = join(folder, "none.html");
    expect(await failed("report", join(folder, "absent"), "-o", output)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^kmem: cannot read .*absent: no such file\n$/),
    });
    expect(existsSync(output)).toBe(false);
  });
});

describe.runIf(hasBrowser())("in a browser", () => {
  let viewer: ViewerBrowser;
  beforeAll(async () => {
    viewer = await ViewerBrowser.start();
  });
  afterAll(async () => {
    await viewer.stop();
    expect(viewer.faults).toEqual([]);
  });

  test("a report works from disk, offline", async () => {
    const output = join(folder, "offline.html");
    await kmem("report", TRACE, "-o", output);
    await viewer.context.setOffline(true);
    await viewer.page.goto(pathToFileURL(output).href);
    await viewer.filmed();
    expect(await viewer.page.evaluate(() => window.kmemViewer!.length())).toBe(104_199);
    expect(await viewer.page.title()).toBe("small-project.parquet · kmem report");
    const drawn = await viewer.page.evaluate(() => window.kmemViewer!.drawn());
    expect(drawn.length).toBeGreaterThan(100);
    await viewer.context.setOffline(false);
  });

  test("kmem view serves the viewer with a recording, until it is told to end", async () => {
    const { url, child } = await serving("view", TRACE, "--no-open");
    viewer.origins.add(new URL(url).origin);
    const page = await viewer.context.newPage();
    await page.goto(url);
    await page.waitForFunction(
      () => window.kmemViewer!.length() === 104_199 && window.kmemViewer!.moment() > 0,
    );
    expect(await page.locator(".source").textContent()).toBe("small-project.parquet");
    await page.close();
    child.kill("SIGINT");
    expect(await ended(child)).toBe(0);
  });
});

describe.runIf(hasBrowser() && process.platform === "linux")("kmem live --web", () => {
  test("streams this machine's allocators into the page", async () => {
    const { url, child } = await serving("live", "--web", "--no-open", "--interval", "200ms");
    const viewer = await ViewerBrowser.start();
    viewer.origins.add(new URL(url).origin);
    const { page } = viewer;
    await page.goto(url);
    const zones = page.getByRole("region", { name: "Free blocks of each zone" });
    await zones.waitFor();
    const names = await zones.locator("tbody th").allTextContents();
    // Zone names, and pages in free blocks, are the kernel's own.
    for (const line of readFileSync("/proc/buddyinfo", "utf8").trim().split("\n")) {
      const [, node, zone] = /^Node (\d+), zone +(\S+)/.exec(line)!;
      expect(names).toContain(`${zone} ${node}`);
    }
    // The next look moves the lines.
    const drawn = (): string | null =>
      document.querySelector<HTMLCanvasElement>(".live-plot canvas")?.toDataURL() ?? null;
    await page.waitForFunction(() => document.querySelector(".live-plot canvas") !== null);
    const before = await page.evaluate(drawn);
    await expect.poll(() => page.evaluate(drawn), { timeout: 20_000 }).not.toBe(before);
    await viewer.shot("live-web");
    await viewer.stop();
    child.kill("SIGINT");
    expect(await ended(child)).toBe(0);
    expect(viewer.faults).toEqual([]);
  });
});

test("kmem view says in one line what is wrong", async () => {
  expect(await failed("view", join(folder, "absent"), "--no-open")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^kmem: cannot read .*absent: no such file\n$/),
  });
});

test("the site gives nothing but its files", async () => {
  const { url, child } = await serving("view", "--no-open");
  const status = async (path: string, options?: RequestInit): Promise<number> =>
    (await fetch(new URL(path, url), options)).status;
  expect(await status("index.html")).toBe(200);
  expect(await status("..%2f..%2f..%2fpackage.json")).toBe(404);
  expect(await status("%2e%2e/%2e%2e/package.json")).toBe(404);
  expect(await status("nothing")).toBe(404);
  expect(await status("index.html", { method: "POST" })).toBe(405);
  child.kill("SIGINT");
  expect(await ended(child)).toBe(0);
});
