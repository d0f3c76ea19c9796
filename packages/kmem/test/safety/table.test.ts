/**
 * Every row of the safety table, by default and in debug mode: what is caught, by which error, and that the heap goes on.
 * The table in docs/safety.md is what these rows say: `KMEM_UPDATE=1 npx vitest run packages/kmem/test/safety` writes it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AllocError } from "kmem";
import { describe, expect, it } from "vitest";
import { operate } from "./operations.ts";
import { type Outcome, type Row, Scene } from "./row.ts";
import { ROWS } from "./rows.ts";
import { sharedTableOf, summaryOf, tableOf } from "./table.ts";

const PAGE_PATH = fileURLToPath(new URL("../../../../docs/safety.md", import.meta.url));
const BEGIN = "<!-- The table is written by packages/kmem/test/safety. -->";
const END = "<!-- End of the table. -->";

/** What the misuse came to. */
function outcomeOf(
  row: Row,
  scene: Scene,
): Pick<Outcome & { kind: "error" }, "code" | "message"> | { value: unknown } {
  try {
    return { value: row.misuse(scene) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return {
      code: error instanceof AllocError ? error.code : error.name,
      message: scene.lettered(error.message),
    };
  }
}

describe.each([
  ["by default", "plain", (row: Row) => row.byDefault],
  ["in debug mode", "debug", (row: Row) => row.inDebug],
  ["in debug mode, shared", "shared", (row: Row) => row.inSharedDebug ?? row.inDebug],
] as const)("%s", (_mode, kind, expectedOf) => {
  it.each(ROWS.map((row) => [`${row.group}: ${row.name}`, row] as const))("%s", (_name, row) => {
    const scene = new Scene(kind, row.hasMemory === true);
    const expected = expectedOf(row);
    const found = outcomeOf(row, scene);
    if (expected.kind === "error") expect(found).toEqual({ code: expected.code, message: expected.message });
    else if (expected.kind === "seen") expect(found).toEqual({ value: expected.value });
    else expect(found, "nothing is thrown").toHaveProperty("value");
    if (row.endsBytes === true) return;
    operate(scene.heap, 1000, 1);
  });
});

describe("the table", () => {
  it("has two rows at most that say not in both columns", () => {
    const missed = ROWS.filter(
      ({ byDefault, inDebug }) => byDefault.kind === "not" && inDebug.kind === "not",
    );
    expect(missed.length).toBeLessThanOrEqual(2);
  });

  it("names each row once", () => {
    const names = ROWS.map(({ group, name }) => `${group}: ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it("stands in docs/safety.md as it is", () => {
    const page = readFileSync(PAGE_PATH, "utf8");
    const begin = page.indexOf(BEGIN) + BEGIN.length;
    const end = page.indexOf(END);
    expect(page.indexOf(BEGIN), "where the table begins").toBeGreaterThanOrEqual(0);
    expect(end).toBeGreaterThan(begin);
    const right = `${page.slice(0, begin)}\n\n${summaryOf(ROWS)}\n\n${tableOf(ROWS)}\n\n${sharedTableOf(ROWS)}\n\n${page.slice(end)}`;
    if (process.env["KMEM_UPDATE"] === "1") writeFileSync(PAGE_PATH, right);
    else expect(page).toBe(right);
  });
});
