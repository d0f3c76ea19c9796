import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { smallSubject } from "./flip.ts";
import { MEANINGLESS, type Reason, whyMeaningless } from "./meaning.ts";
import { watchFlips } from "./watch.ts";

describe("flipped bits are found, or carry no meaning, and no operation goes astray", () => {
  test("one bit in 61 of a small heap", async () => {
    const { bitCount } = smallSubject();
    const { flips, found, failures } = await watchFlips({ kind: "each", from: 7, to: bitCount, step: 61 });
    expect(failures).toEqual([]);
    expect(flips).toBeGreaterThan(3500);
    expect(found).toBeGreaterThan(flips / 5);
  });

  test("every bit of the buddy allocator's tables of a small heap", async () => {
    const { bitCount, tables } = smallSubject();
    const from = 8 * tables[0]!.array.byteLength;
    const { flips, found, failures } = await watchFlips({ kind: "each", from, to: bitCount, step: 1 });
    expect(failures).toEqual([]);
    expect(flips).toBe(bitCount - from);
    expect(found).toBeGreaterThan(flips / 2);
  });

  test("200 times some random bits of a larger heap", async () => {
    const { flips, found, failures } = await watchFlips({ kind: "random", from: 0, to: 200, step: 1 });
    expect(failures).toEqual([]);
    expect(flips).toBe(200);
    expect(found).toBeGreaterThan(flips / 2);
  });
});

/** What the bits of the small heap mean, as the rows of a table. */
function rowsOfBits(): string[] {
  const subject = smallSubject();
  const counts = new Map<Reason | undefined, number>();
  for (let index = 0; index < subject.bitCount; index++) {
    const reason = whyMeaningless(subject, subject.bitAt(index));
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const row = (name: string, reason: Reason | undefined, text: string): string =>
    `| ${name} | ${(counts.get(reason) ?? 0).toLocaleString("en")} | ${text} |`;
  return [
    row("with a meaning", undefined, "`check()` finds each of them"),
    ...Object.entries(MEANINGLESS).map(([reason, text]) => row(`\`${reason}\``, reason as Reason, text)),
  ];
}

test("docs/corruption.md lists the bits that carry no meaning, and there are some of each kind", () => {
  const page = readFileSync(new URL("../../../../docs/corruption.md", import.meta.url), "utf8");
  const rows = rowsOfBits();
  expect(page).toContain(`|---|---:|---|\n${rows.join("\n")}\n`);
  expect(rows.filter((row) => row.includes("| 0 |"))).toEqual([]);
});
