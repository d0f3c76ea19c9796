/**
 * Plays every run of the corpus: short ones that reach, of the library, all that many reach, and those that failed once.
 * `npm run fuzz:corpus` makes the former anew.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { playScenario, type Scenario } from "./scenario.ts";
import { SUBJECT_NAMES } from "./subjects.ts";

const CORPUS = new URL("../../fuzz/corpus/", import.meta.url);

const files = readdirSync(CORPUS).filter((name) => name.endsWith(".jsonl"));

function scenariosOf(file: string): Scenario[] {
  return readFileSync(new URL(file, CORPUS), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Scenario);
}

describe("the corpus", () => {
  test("has runs of the small and the large of every kind of allocator", () => {
    const kinds = new Set(files.map((name) => name.split("-")[0]));
    expect(kinds).toEqual(new Set(SUBJECT_NAMES.map((name) => name.split("-")[0])));
    expect(files.flatMap(scenariosOf).length).toBeGreaterThanOrEqual(30);
  });

  test.each(files)("%s", (file) => {
    for (const [index, scenario] of scenariosOf(file).entries()) {
      expect(scenario.why, `line ${index + 1}`).toBeTypeOf("string");
      const failure = playScenario(scenario);
      expect(
        failure,
        `line ${index + 1}: npm run fuzz -- --play FILE with it shows the program`,
      ).toBeUndefined();
    }
  });
});
