// The programs that the playground begins with: two are a lecture's pictures. Counts and lists must be as their texts say,
// and the colours of the tower must be on the screen.

import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countStates, freeLists, mergeChain, towerCells } from "../../viewer/src/film/tower.ts";
import { perform } from "../../viewer/src/playground/perform.ts";
import { PRESETS } from "../../viewer/src/playground/presets.ts";
import { hasBrowser, ViewerBrowser } from "./browser.ts";

const lastTower = (name: string): ReturnType<typeof perform>[number]["picture"]["tower"] =>
  perform(PRESETS.find((preset) => preset.name === name)!.program).at(-1)!.picture.tower;

describe.each(PRESETS)("$name", ({ program, counts, text }) => {
  const played = perform(program);
  const tower = played.at(-1)!.picture.tower;

  test("has as many broken, used and free blocks as it is said to have", () => {
    expect(countStates(towerCells(tower))).toEqual(counts);
    // The text names the three numbers, in this order.
    const said = text.match(/(\d+) (?:blocks are )?broken.*?(\d+) (?:are )?used.*?(\d+) (?:are )?free/s);
    expect(said?.slice(1).map(Number)).toEqual([counts.broken, counts.used, counts.free]);
  });

  test("covers its space with blocks, without a gap", () => {
    for (const { picture } of played) {
      let page = 0;
      for (const block of picture.tower.blocks) {
        expect(block.page).toBe(page);
        page += block.pageCount;
      }
      expect(page).toBe(program.space.pageCount);
    }
  });

  test("explains merges as they then happen", () => {
    for (let at = 1; at < played.length; at++) {
      const { text: step } = played[at]!;
      if (!step.startsWith("free ") || program.space.kind !== "pages") continue;
      const before = played[at - 1]!.picture;
      const block = before.tower.blocks.find(({ owner }) => before.owners[owner] === step.slice(5))!;
      const chain = mergeChain(before.tower, block.page, Math.log2(block.pageCount));
      const merged = chain.at(-1) ?? { page: block.page, order: Math.log2(block.pageCount) - 1 };
      expect(freeLists(played[at]!.picture.tower)[merged.order + 1]).toContain(merged.page);
    }
  });
});

test("the lecture's free lists: 2^8 and 2^7 are empty, every smaller one is not", () => {
  const lists = freeLists(lastTower("lecture-buddy"));
  expect(lists).toHaveLength(9);
  expect(lists[8]).toEqual([]);
  expect(lists[7]).toEqual([]);
  for (const list of lists.slice(0, 7)) expect(list.length).toBeGreaterThan(0);
});

test("the second picture has slabs of two caches on blocks of the buddy allocator", () => {
  const { slabs } = perform(PRESETS.find(({ name }) => name === "lecture-slabs")!.program).at(-1)!.picture;
  expect(new Set(slabs.map(({ cache }) => cache))).toEqual(new Set(["inode", "dentry"]));
  expect(slabs.every(({ slots }) => slots.includes("1"))).toBe(true);
});

describe.runIf(hasBrowser())("on the screen", () => {
  let viewer: ViewerBrowser;
  beforeAll(async () => {
    viewer = await ViewerBrowser.start();
  });
  afterAll(async () => {
    await viewer.stop();
    expect(viewer.faults).toEqual([]);
  });

  test.each(["light", "dark"])(
    "the tower is black, coloured and white where blocks are broken, used and free (%s)",
    async (theme) => {
      await viewer.show("Playground");
      await viewer.page.evaluate((wanted) => {
        if (document.documentElement.dataset["theme"] !== wanted)
          document.querySelector<HTMLButtonElement>("header > .button:last-child")!.click();
      }, theme);
      await viewer.page.getByRole("combobox", { name: "Preset" }).selectOption("lecture-buddy");
      const picture = PNG.sync.read(await viewer.page.screenshot());
      const cells = await viewer.page.locator(".cell").evaluateAll((elements) =>
        elements.map((element) => {
          const box = element.querySelector("rect")!.getBoundingClientRect();
          const { order, page, state } = (element as HTMLElement).dataset;
          return {
            order: Number(order),
            page: Number(page),
            state,
            x: box.x + box.width * 0.25,
            y: box.y + box.height * 0.2,
            width: box.width,
          };
        }),
      );
      const tower = lastTower("lecture-buddy");
      expect(cells.map(({ order, page, state }) => ({ order, page, state }))).toEqual(
        towerCells(tower).map(({ order, page, state }) => ({ order, page, state })),
      );
      const seen = { broken: new Set<string>(), used: new Set<string>(), free: new Set<string>() };
      for (const { state, x, y, width } of cells) {
        // Narrower ones are mostly outline.
        if (width < 8) continue;
        const at = 4 * (Math.round(y) * picture.width + Math.round(x));
        seen[state as keyof typeof seen].add(`#${picture.data.subarray(at, at + 3).toString("hex")}`);
      }
      expect([...seen.broken]).toEqual([theme === "light" ? "#17181c" : "#000000"]);
      expect([...seen.free]).toEqual([theme === "light" ? "#ffffff" : "#f4f5f7"]);
      expect(seen.used.size).toBeGreaterThanOrEqual(3);
      for (const color of seen.used) expect([...seen.broken, ...seen.free]).not.toContain(color);
      await viewer.shot(`playground-${theme}`);
    },
  );

  test("the free lists beside it are those of the allocator", async () => {
    const counts = await viewer.page
      .locator(".free-lists tr")
      .evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset["count"])));
    expect(counts.toReversed()).toEqual(freeLists(lastTower("lecture-buddy")).map((list) => list.length));
  });

  test("pointing at a block shows its buddy and what freeing it would merge", async () => {
    const tower = lastTower("lecture-buddy");
    const used = tower.blocks.find(
      (block) => block.owner !== 0 && mergeChain(tower, block.page, Math.log2(block.pageCount)).length > 0,
    )!;
    await viewer.page.locator(`#cell-${Math.log2(used.pageCount)}-${used.page}`).hover({ force: true });
    expect(await viewer.page.locator(".cell.self").count()).toBe(1);
    expect(await viewer.page.locator(".cell.buddy").count()).toBeGreaterThan(0);
    expect(await viewer.page.locator(".tower-caption").textContent()).toMatch(
      /Its buddy is at 0x[0-9a-f]+\. Freed now, it would merge/,
    );
    await viewer.shot("tower-buddy");
  });

  test("a program is shared by its link", async () => {
    await viewer.page.getByRole("combobox", { name: "Preset" }).selectOption("worst-case");
    await viewer.page.getByRole("button", { name: "Share by link" }).click();
    const link = viewer.page.url();
    expect(link).toContain("steps=");
    const other = await viewer.context.newPage();
    await other.goto(link);
    await other.locator(".sentence.failed").waitFor();
    expect(await other.locator(".cell").count()).toBe(towerCells(lastTower("worst-case")).length);
    await other.goto(`${viewer.url}#view=playground&space=pages&page=5&pages=8`);
    await other.reload();
    expect(await other.locator(".failure p").textContent()).toMatch(
      /The link is no program: A page has 16 to 65536 bytes/,
    );
    await other.close();
    await viewer.shot("playground-failure");
  });

  test("steps are typed and clicked, and each is told in a sentence", async () => {
    const { page } = viewer;
    await page.getByRole("combobox", { name: "Preset" }).selectOption("lecture-buddy");
    await page.getByLabel("Next step").fill("x = block 9");
    await page.keyboard.press("Enter");
    expect(await page.locator(".sentence").textContent()).toMatch(
      /order must be an integer from 0 to 8, got 9\. Nothing has changed/,
    );
    await page.getByRole("button", { name: "free c", exact: true }).click();
    expect(await page.locator(".sentence").textContent()).toMatch(/c goes back to the pages\./);
    await page.getByLabel("Next step").fill("what?");
    await page.keyboard.press("Enter");
    expect(await page.locator(".error-text").textContent()).toMatch(/“what\?” is no step here\. Allowed are/);
    await page.getByRole("combobox", { name: "Preset" }).selectOption("lecture-slabs");
    await viewer.shot("playground-slabs");
  });
});
