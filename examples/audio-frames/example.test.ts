import { expect, test } from "vitest";
import { readmeOutput, runExample, shapeOf } from "../shared/readme-output.ts";

test("every frame arrives with half its volume, both ways, and nothing is left in the heap", () => {
  const output = runExample("audio-frames");
  expect(shapeOf(output)).toEqual(shapeOf(readmeOutput("audio-frames")));
  const rows = output
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s{2,}/));
  // A sine's volume is its height by the root of two; the filter halves it.
  for (const [, frames, volume] of rows)
    expect([frames, volume]).toEqual(["20,000", Math.sqrt(1 / 8).toFixed(4)]);
  expect(rows.map((row) => row.at(-1))).toEqual(["0", "0"]);
});
