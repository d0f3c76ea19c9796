/** Operation streams: what the builder refuses, and that a file gives back what was written. */

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { medianOf, spreadOf } from "../src/harness/statistics.ts";
import { createRandom } from "../src/random.ts";
import { StreamBuilder } from "../src/stream/builder.ts";
import { readStream, writeStream } from "../src/stream/file.ts";
import { buildReplacement, randomSize } from "../src/workloads/replacement.ts";

const folder = mkdtempSync(join(tmpdir(), "kmem-bench-test-"));
const path = join(folder, "stream");
afterAll(() => rmSync(folder, { recursive: true }));

const build = (seed: number) =>
  buildReplacement({
    target: "heap",
    liveCount: 10,
    holeCount: 3,
    pairCount: 20,
    argument: randomSize,
    seed,
  });

describe("a stream", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(build(7)).toEqual(build(7));
    expect(build(7).words).not.toEqual(build(8).words);
  });

  it("comes back from its file, a payload above 4 GiB too", () => {
    const builder = new StreamBuilder(() => 2 ** 33 + 5);
    builder.malloc(0, 21);
    builder.endSetup();
    for (const stream of [build(7), builder.finish()]) {
      writeStream(path, stream);
      expect(readStream(path)).toEqual(stream);
    }
  });

  it("is refused when its file is cut short or something else", () => {
    writeStream(path, build(7));
    truncateSync(path, 100);
    expect(() => readStream(path)).toThrow(/holds 13 operation words; its header announces 112/);
    writeFileSync(path, "something else");
    expect(() => readStream(path)).toThrow(/is not an operation stream of version 2/);
  });
});

describe("StreamBuilder", () => {
  it("refuses a slot that is allocated twice", () => {
    const builder = new StreamBuilder();
    builder.malloc(0, 16);
    expect(() => builder.malloc(0, 16)).toThrow("slot 0 is allocated twice");
  });

  it("refuses to free what holds nothing", () => {
    expect(() => new StreamBuilder().free(0)).toThrow("slot 0 is freed but holds nothing");
  });

  it("finds the peak of the payload", () => {
    const builder = new StreamBuilder();
    builder.malloc(0, 100);
    builder.malloc(1, 50);
    builder.endSetup();
    builder.free(0);
    builder.malloc(0, 10);
    expect(builder.finish()).toMatchObject({
      setupCount: 2,
      roundCount: 2,
      peakIndex: 1,
      peakPayloadBytes: 150,
    });
  });
});

it("randomSize gives 16 to 1024 bytes, a quarter of them 1024", () => {
  const next = createRandom(1);
  const sizes = Array.from({ length: 1e5 }, () => randomSize(next));
  expect(Math.min(...sizes)).toBe(16);
  expect(Math.max(...sizes)).toBe(1024);
  expect(sizes.filter((size) => size === 1024).length / sizes.length).toBeCloseTo(0.25, 1);
  expect(sizes.reduce((sum, size) => sum + size, 0) / sizes.length).toBeCloseTo(447, -1);
});

describe("statistics", () => {
  it("takes the middle, or the mean of the two in the middle", () => {
    expect(medianOf([3, 1, 2])).toBe(2);
    expect(medianOf([4, 1, 2, 3])).toBe(2.5);
    expect(spreadOf([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 });
  });

  it("refuses to take it of nothing", () => {
    expect(() => medianOf([])).toThrow("no median of nothing");
  });
});
