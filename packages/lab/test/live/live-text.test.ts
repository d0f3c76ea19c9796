import { describe, expect, test } from "vitest";
import { renderLook, type PictureOptions } from "../../src/cli/live-text.ts";
import { plainStyle } from "../../src/cli/style.ts";
import { lookAt } from "../../src/live/look.ts";
import type { Sample } from "../../src/live/sample.ts";

const cache = (
  name: string,
  activeObjects: number,
  slabs: number,
): NonNullable<Sample["caches"]>[number] => ({
  name,
  activeObjects,
  objects: 2 * activeObjects,
  objectBytes: 100,
  objectsPerSlab: 40,
  pagesPerSlab: 1,
  slabs,
});

function sample(timeMilliseconds: number, extra: number): Sample {
  const zone = (node: number, name: string, managedPages: number, freeBlocks: number[]) => ({
    node,
    zone: name,
    managedPages,
    perCpuPages: 16,
    freeBlocks,
  });
  return {
    timeMilliseconds,
    pageBytes: 4096,
    zones: [
      zone(0, "DMA", 64, [0, 0, 1]),
      zone(0, "Normal", 1_000_000, [123_456 + extra, 5, 0]),
      zone(1, "Normal", 2_000, [0, 0, 0]),
    ],
    caches: [cache("small", 10 + extra, 1), cache("large", 1000, 50), cache("empty", 0, 0)],
  };
}

const OPTIONS: PictureOptions = {
  style: plainStyle,
  columns: 80,
  rows: 24,
  title: "title",
  hint: "hint",
  cacheOrder: "size",
};

describe("one look", () => {
  test("figures and changes", () => {
    const look = lookAt(sample(3000, 2), sample(1000, 0));
    expect(look.elapsedSeconds).toBe(2);
    expect(look.zones[1]).toMatchObject({
      freeBytes: (123_458 + 10) * 4096,
      perCpuBytes: 65_536,
      freeBlocksChange: [2, 0, 0],
      fragmentationIndex: [-1000, -1000, 750],
    });
    expect(look.zones[0]!.unusableIndex).toEqual([0, 0, 0]);
    expect(look.zones[2]).toMatchObject({ unusableIndex: [1000, 1000, 1000], fragmentationIndex: [0, 0, 0] });
    expect(look.caches!.map(({ name }) => name)).toEqual(["large", "small", "empty"]);
    expect(look.caches![1]).toMatchObject({ activeObjectsChange: 2, heldBytesChange: 0, heldBytes: 4096 });
  });

  test("the first look knows of no change", () => {
    const look = lookAt(sample(0, 0), null);
    expect(look.elapsedSeconds).toBe(null);
    expect(look.zones[0]!.freeBlocksChange).toBe(null);
    expect(look.caches![0]!.activeObjectsChange).toBe(null);
  });
});

describe("its picture", () => {
  const look = lookAt(sample(3000, 2), sample(1000, 0));

  test("every zone, its table, and the caches", () => {
    const lines = renderLook(look, { ...OPTIONS, rows: 40 });
    expect(lines[0]).toBe(`title${" ".repeat(71)}hint`);
    expect(lines).toContain("ORDER            0       1       2");
    expect(lines).toContain("  free        123k       5       0");
    expect(lines).toContain("  change        +2       ·       ·");
    expect(lines).toContain("  extfrag        ·       ·    0.75");
    expect(lines.filter((line) => line.startsWith("0 Normal ")).length).toBe(1);
    expect(lines.filter((line) => line.startsWith("1 Normal ")).length).toBe(1);
    expect(lines.at(-2)).toMatch(/^large +1,000 +50% +100 +50 +200 +·$/);
    expect(lines.at(-1)).toMatch(/^small +12 +50% +100 +1 +4 +\+2$/);
  });

  test("in few rows the smallest zones keep one line, and the caches theirs", () => {
    const lines = renderLook(look, { ...OPTIONS, rows: 18 });
    expect(lines.length).toBeLessThanOrEqual(18);
    expect(lines.filter((line) => line.startsWith("  free")).length).toBe(1);
    expect(lines.some((line) => line.startsWith("large"))).toBe(true);
  });

  test.each([1, 5, 10, 24, 60])("never more than %d rows", (rows) => {
    expect(renderLook(look, { ...OPTIONS, rows }).length).toBeLessThanOrEqual(rows);
  });

  test.each([1, 30, 60, 70, 80, 100, 300])("fits %d columns", (columns) => {
    for (const line of renderLook(look, { ...OPTIONS, columns }))
      expect(line.length).toBeLessThanOrEqual(columns);
  });

  test("a long title makes room for the keys", () => {
    expect(renderLook(look, { ...OPTIONS, title: "x".repeat(200) })[0]).toBe(`${"x".repeat(75)} hint`);
  });

  test("a narrow terminal gets less of the caches, one too narrow a line that says so", () => {
    expect(renderLook(look, { ...OPTIONS, columns: 70 })).toContain(
      `CACHE${" ".repeat(27)}OBJECTS    USE         KiB      CHANGE`,
    );
    expect(renderLook(look, { ...OPTIONS, columns: 65 })).toEqual(["this takes 66 columns"]);
  });

  test("caches by what changed", () => {
    const lines = renderLook(look, { ...OPTIONS, rows: 40, cacheOrder: "change" });
    expect(lines.at(-2)).toMatch(/^small/);
  });

  test("caches that may not be read", () => {
    const lines = renderLook({ ...look, caches: null }, OPTIONS);
    expect(lines.at(-1)).toBe("caches are for root to see: run it with sudo");
  });
});
