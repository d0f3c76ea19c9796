// For everyone: an audit by axe-core of every view in both themes and on a phone, everything by keyboard, and a screenshot of
// each view for people to look at.

import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasBrowser, ViewerBrowser } from "./browser.ts";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const VIEWS = ["Map", "Tower", "Tables", "Compare", "Playground", "Live"] as const;

declare global {
  interface Window {
    axe?: { run(context: Document, options: object): Promise<AxeResults> };
  }
}

/** Violations of impact serious or critical, as a line each. */
async function violations(viewer: ViewerBrowser): Promise<string[]> {
  const { page } = viewer;
  if (!(await page.evaluate(() => window.axe !== undefined))) {
    // The page's policy allows no foreign script in it; the test's own may be put beside it.
    await page.evaluate(`${(await import("node:fs")).readFileSync(AXE, "utf8")}; undefined`);
  }
  const results = await page.evaluate(() => window.axe!.run(document, { resultTypes: ["violations"] }));
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ""}`),
    );
}

describe.runIf(hasBrowser()).each([
  ["on a desk", { width: 1280, height: 720 }, ""],
  ["on a phone", { width: 390, height: 844 }, "phone-"],
] as const)("%s", (_, size, prefix) => {
  let viewer: ViewerBrowser;
  beforeAll(async () => {
    viewer = await ViewerBrowser.start(size);
  });
  afterAll(async () => {
    await viewer.stop();
    expect(viewer.faults).toEqual([]);
  });

  test("the start page passes", async () => {
    expect(await violations(viewer)).toEqual([]);
    await viewer.shot(`${prefix}start`);
    await viewer.page.keyboard.press("t");
    expect(await violations(viewer)).toEqual([]);
    await viewer.shot(`${prefix}start-dark`);
    await viewer.page.keyboard.press("t");
  });

  test.each(VIEWS)("%s passes, light and dark, and does not scroll sideways", async (view) => {
    if ((await viewer.page.evaluate(() => window.kmemViewer!.moment())) < 0) {
      await viewer.openCard("A small heap");
      await viewer.goTo(700);
    }
    await viewer.show(view);
    if (view === "Compare") {
      await viewer.page.getByRole("button", { name: "Compare", exact: true }).last().click();
      await viewer.page.locator(".difference").waitFor();
    }
    for (const theme of ["", "-dark"]) {
      await viewer.settled();
      // The colours are the same on a phone.
      if (prefix === "" || theme === "") expect(await violations(viewer)).toEqual([]);
      await viewer.shot(`${prefix}${view.toLowerCase()}${theme}`);
      await viewer.page.keyboard.press("t");
    }
    const overflow = await viewer.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });
});

describe.runIf(hasBrowser())("by keyboard alone", () => {
  let viewer: ViewerBrowser;
  beforeAll(async () => {
    viewer = await ViewerBrowser.start();
  });
  afterAll(async () => {
    await viewer.stop();
    expect(viewer.faults).toEqual([]);
  });

  const moment = (): Promise<number> => viewer.page.evaluate(() => window.kmemViewer!.moment());
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await viewer.page.keyboard.press(key);
    await viewer.settled();
  };
  /** Tabs until what has the focus matches a selector. */
  const tabTo = async (selector: string): Promise<void> => {
    for (let presses = 0; presses < 120; presses++) {
      if (await viewer.page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector))
        return;
      await viewer.page.keyboard.press("Tab");
    }
    throw new Error(`no way by Tab to ${selector}`);
  };

  test("a recording is opened, played, stepped through and searched", async () => {
    const { page } = viewer;
    await tabTo(".card");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await viewer.filmed();
    await press("Home");
    expect(await moment()).toBe(0);
    await press(".", ".", ".");
    expect(await moment()).toBe(3);
    await press(",");
    expect(await moment()).toBe(2);
    await press(">");
    expect(await moment()).toBe(1002);
    await press("End");
    expect(await moment()).toBe(20_000);
    await press("Home");
    await page.keyboard.press(" ");
    await page.waitForFunction(() => window.kmemViewer!.moment() > 50);
    await page.keyboard.press(" ");
    await viewer.settled();
    const paused = await moment();
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
    expect(await moment()).toBe(paused);
  });

  test("the map is zoomed, moved and asked", async () => {
    await press("1", "End");
    await tabTo(".map canvas");
    const before = await viewer.page.evaluate(() => window.kmemViewer!.layout()!);
    await press("+", "+", "+", "ArrowRight", "ArrowDown");
    const after = await viewer.page.evaluate(() => window.kmemViewer!.layout()!);
    expect(after.cellWidth).toBeGreaterThan(3 * before.cellWidth);
    expect(after.shiftX).toBeGreaterThan(before.shiftX);
    expect(after.shiftY).toBeGreaterThan(before.shiftY);
    await press("Enter");
    await viewer.page.locator(".place h2").waitFor();
    await viewer.shot("map-slots");
    await press("0");
    expect(await viewer.page.evaluate(() => window.kmemViewer!.layout()!.cellWidth)).toBe(before.cellWidth);
    await press("Escape");
  });

  test("the tower is walked through", async () => {
    await press("2");
    await tabTo(".cell");
    await press("ArrowDown", "ArrowDown", "ArrowRight");
    expect(await viewer.page.locator(".cell.self").count()).toBe(1);
    expect(await viewer.page.locator(".cell:focus").getAttribute("data-order")).toBe("7");
    expect(await viewer.page.locator(".tower-caption").textContent()).toMatch(/Order 7 at 0x[0-9a-f]+/);
  });

  test("tables are sorted, and lead to the map", async () => {
    await press("3");
    await tabTo(".figures thead button");
    await press("Enter");
    const names = await viewer.page
      .locator(".tables .panel")
      .first()
      .locator("tbody .name")
      .allTextContents();
    expect(names).toEqual(names.toSorted((a, b) => a.localeCompare(b)));
    await tabTo(".figures td .link");
    await press("Enter");
    await viewer.page.locator(".map canvas").waitFor();
  });

  test("the playground takes steps, and the help opens and closes", async () => {
    await press("5");
    await tabTo("#step-text");
    await viewer.page.keyboard.type("z = block 0");
    await press("Enter");
    expect(await viewer.page.locator(".sentence strong").textContent()).toContain("z = block 0");
    await viewer.page.locator("main").focus();
    await press("?");
    await viewer.page.locator("dialog[open]").waitFor();
    await viewer.shot("keys");
    await press("Escape");
    expect(await viewer.page.locator("dialog[open]").count()).toBe(0);
  });
});
