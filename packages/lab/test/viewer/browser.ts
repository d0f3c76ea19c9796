/** The built viewer in headless Chromium. Without Chromium such tests are skipped, loudly; where CI is set they fail. */
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type JSHandle, type Page } from "playwright-core";
import { serveSite, type SiteServer } from "../../src/view/site-server.ts";
import { SITE_FOLDER } from "../../src/view/site.ts";
import type { ViewerHook } from "../../viewer/src/hook-types.ts";

declare global {
  interface Window {
    kmemViewer?: ViewerHook;
  }
}

const CHROMIUM = "/usr/bin/chromium";
/** Screenshots, for people to look at. */
const SHOTS = fileURLToPath(new URL("../../viewer/out/", import.meta.url));

/** True when browser tests can run here. Throws in CI when they cannot. */
export function hasBrowser(): boolean {
  if (existsSync(CHROMIUM)) return true;
  const what = `${CHROMIUM} is missing: npm run setup -- browser`;
  if (process.env["CI"] !== undefined) throw new Error(what);
  console.warn(`\n!!! NOT TESTED in a browser: ${what}\n`);
  return false;
}

/** A browser with the site open, and what the page did that it should not. */
export class ViewerBrowser {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly url: string;
  /** Where pages come from: the site, and what a test adds. */
  readonly origins = new Set<string>();
  /** Requests to any other place, page errors, and errors on the console. */
  readonly faults: string[] = [];
  readonly #browser: Browser;
  readonly #site: SiteServer;

  private constructor(browser: Browser, context: BrowserContext, page: Page, site: SiteServer) {
    this.#browser = browser;
    this.context = context;
    this.page = page;
    this.#site = site;
    this.url = site.url;
    this.origins.add(new URL(site.url).origin);
    context.on("request", (request) => {
      const url = new URL(request.url());
      const isOwn = ["data:", "blob:", "file:"].includes(url.protocol) || this.origins.has(url.origin);
      if (!isOwn) this.faults.push(`request to ${url.href}`);
    });
    page.on("pageerror", (error) => this.faults.push(`page error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") this.faults.push(`console: ${message.text()}`);
    });
  }

  /** Starts everything; `files` are offered by the server under their names. */
  static async start(
    size: { width: number; height: number } = { width: 1280, height: 720 },
    files: ReadonlyMap<string, string> = new Map(),
  ): Promise<ViewerBrowser> {
    const site = await serveSite({ folder: SITE_FOLDER, port: 0, files });
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
      ],
    });
    const context = await browser.newContext({ viewport: size, reducedMotion: "reduce" });
    const page = await context.newPage();
    const viewer = new ViewerBrowser(browser, context, page, site);
    await page.goto(site.url);
    return viewer;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.#site.close();
  }

  /** Waits until a film is complete and its picture stands. */
  async filmed(): Promise<void> {
    await this.page.waitForFunction(() => {
      const viewer = window.kmemViewer!;
      return !viewer.isBusy() && viewer.moment() >= 0 && viewer.position() === viewer.length();
    });
    await this.settled();
  }

  /** Waits until the picture on the screen is the newest wish. */
  async settled(): Promise<void> {
    await this.page.waitForFunction(() => window.kmemViewer!.isSettled());
    await this.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => resolve(null))));
  }

  /** Opens a card of the start page. */
  async openCard(title: string): Promise<void> {
    await this.page.locator(".card", { hasText: title }).first().click();
    await this.filmed();
  }

  /** Back to the start page. */
  async home(): Promise<void> {
    await this.page.locator(".brand").click();
  }

  /** Chooses a view. */
  async show(view: string): Promise<void> {
    await this.page.locator("nav").getByText(view, { exact: true }).click();
  }

  /** Goes to a moment by the scrubber, as a person with a keyboard does, and waits for the picture. */
  async goTo(moment: number): Promise<void> {
    await this.page.locator(".scrubber").evaluate((element, value) => {
      const input = element as HTMLInputElement;
      input.value = String(value);
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }, moment);
    await this.settled();
  }

  /** Drops a file onto the page. */
  async drop(name: string, bytes: Uint8Array): Promise<void> {
    const dataTransfer = await this.dataTransfer(name, bytes);
    await this.page.dispatchEvent("main", "dragover", { dataTransfer });
    await this.page.dispatchEvent("main", "drop", { dataTransfer });
  }

  /** A file in the page, as a drop carries it. */
  dataTransfer(name: string, bytes: Uint8Array): Promise<JSHandle<DataTransfer>> {
    return this.page.evaluateHandle(
      ([fileName, base64]) => {
        const text = atob(base64);
        const content = new Uint8Array(text.length);
        for (let at = 0; at < text.length; at++) content[at] = text.charCodeAt(at);
        const transfer = new DataTransfer();
        transfer.items.add(new File([content], fileName));
        return transfer;
      },
      [name, Buffer.from(bytes).toString("base64")] as const,
    );
  }

  /** Keeps a picture of the page under viewer/out/. */
  async shot(name: string): Promise<void> {
    mkdirSync(SHOTS, { recursive: true });
    await this.page.screenshot({ path: `${SHOTS}${name}.png` });
  }
}
