import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { drawWork } from "../../src/compare/charts.ts";
import { compareTrace } from "../../src/compare/compare.ts";
import { NO_ROOM } from "../../src/compare/contender.ts";
import { SAMPLE_COUNT } from "../../src/compare/measure.ts";
import { sumSlabinfo } from "../../src/compare/slabinfo.ts";
import { loadTrace } from "../../src/files/load-trace.ts";
import { blankEvent, EventKind } from "../../src/trace/event.ts";
import { sourceFacts } from "../../src/trace/recording.ts";
import type { Trace } from "../../src/trace/trace.ts";
import { TraceBuilder } from "../../src/trace/trace-builder.ts";
import { TEST_ORIGIN } from "../helpers/recordings.ts";

const options = { origin: TEST_ORIGIN, guests: [], missing: [], tightPercent: 110 };

/** Allocates `count` pieces of random sizes from 1 to `largest`; half of them are freed on the way. */
function randomTrace(count: number, largest: number): Trace {
  const builder = new TraceBuilder();
  const event = blankEvent();
  let state = 12_345;
  for (let piece = 0; piece < count; piece++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    event.kind = EventKind.MALLOC;
    event.key = piece;
    event.bytesRequested = 1 + Math.floor((state / 2 ** 32) * largest);
    builder.add(event);
    if (piece % 2 === 1) {
      event.kind = EventKind.FREE;
      event.key = piece - 1;
      event.bytesRequested = 0;
      builder.add(event);
    }
  }
  return builder.finish(sourceFacts("heaptrack"));
}

describe("the power-of-two buddy alone wastes what the literature says", () => {
  test.each([
    ["to a power of two", 4096],
    ["to between two", 3000],
    ["to just above one", 5000],
  ])("sizes spread evenly from 1 %s", (_what, largest) => {
    const { works } = compareTrace(randomTrace(20_000, largest), options);
    const buddy = works[0]!.contenders.find(({ name }) => name === "power-of-two buddy")!;
    expect(buddy.insideWaste).toBeGreaterThan(0.245);
    expect(buddy.insideWaste).toBeLessThan(0.335);
  });
});

describe("the bundled recording", async () => {
  const file = fileURLToPath(new URL("../../traces/small-project.parquet", import.meta.url));
  const { trace } = await loadTrace(file, { limit: 60_000 });
  const { works } = compareTrace(trace, options);

  test("objects and pages, through every contender", () => {
    expect(works.map(({ kind, contenders }) => [kind, contenders.map(({ name }) => name)])).toEqual([
      [
        "objects",
        [
          "kmem heap",
          "kmem heap with caches",
          "first fit",
          "best fit",
          "next fit",
          "worst fit",
          "TLSF",
          "power-of-two buddy",
        ],
      ],
      ["pages", ["kmem buddy", "first fit", "best fit", "next fit", "worst fit", "TLSF"]],
    ]);
  });

  test("figures agree with each other", () => {
    for (const { contenders, recorded } of works) {
      expect(recorded.payloadBytes).toHaveLength(SAMPLE_COUNT);
      expect(Math.max(...recorded.payloadBytes)).toBeLessThanOrEqual(recorded.peakPayloadBytes);
      expect(recorded.givenAtPeakBytes).toBeGreaterThanOrEqual(recorded.peakPayloadBytes);
      for (const { memory, insideWaste, betweenWaste, waste, tight } of contenders) {
        expect(memory.heldBytes).toHaveLength(SAMPLE_COUNT);
        expect(memory.heldAtPeakBytes).toBeGreaterThanOrEqual(memory.usedAtPeakBytes!);
        expect(memory.usedAtPeakBytes).toBeGreaterThanOrEqual(recorded.peakPayloadBytes);
        expect(memory.peakHeldBytes).toBe(Math.max(memory.heldAtPeakBytes, ...memory.heldBytes));
        expect((1 - insideWaste!) * (1 - betweenWaste!)).toBeCloseTo(1 - waste, 10);
        expect(tight!.failuresByClass.reduce((sum, count) => sum + count, 0)).toBe(tight!.failures);
      }
    }
  });

  test("drawn: one SVG, with every contender named", async () => {
    for (const work of works) {
      const svg = await drawWork("title & more", work);
      expect(svg).toMatch(/^<svg[^>]* width="\d+" height="\d+"/);
      expect(svg).toContain("title &amp; more");
      for (const { name } of work.contenders) expect(svg).toContain(name);
      expect(svg).not.toContain("NaN");
      expect(svg).not.toContain("undefined");
    }
  });
});

test("guests: measured, or absent with a reason", () => {
  let next = 1;
  const counting = {
    allocate: (size: number) => (next += size) - size,
    free: () => {},
    heldUnits: () => next,
    usedUnits: () => null,
    tableBytes: () => 0,
  };
  const full = { ...counting, allocate: () => NO_ROOM };
  const { works } = compareTrace(randomTrace(100, 64), {
    ...options,
    guests: [
      { name: "counting", make: () => counting },
      { name: "full", make: () => full },
    ],
    missing: [{ name: "elsewhere", why: "not installed" }],
  });
  const { contenders, absent } = works[0]!;
  expect(contenders.at(-1)).toMatchObject({
    name: "counting",
    group: "guest",
    insideWaste: null,
    tight: null,
  });
  expect(absent).toEqual([
    { name: "elsewhere", why: "not installed" },
    { name: "full", why: expect.stringContaining("does not fit into") },
  ]);
});

test("slabinfo adds up", () => {
  const text = [
    "slabinfo - version: 2.1",
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>",
    "filp               1000   1050    192   21    1 : tunables    0    0    0 : slabdata     50     50      0",
    "task_struct          30     35   5824    5    8 : tunables    0    0    0 : slabdata      7      7      0",
    "",
  ].join("\n");
  expect(sumSlabinfo(text, 4096)).toEqual({
    objectBytes: 1000 * 192 + 30 * 5824,
    heldBytes: (50 + 7 * 8) * 4096,
  });
});
