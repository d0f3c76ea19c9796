import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { DebugSharedHeap } from "../../../src/debug/index.ts";
import { SharedHeap } from "../../../src/index.ts";
import { runCrew } from "./runs.ts";
import { killAtSteps } from "./step-kills.ts";

describe("workers hammer one heap, and everything that they hold stays whole", () => {
  test.each([1, 2, 3])("while some leave, and some end without a word; seed %d", async (seed) => {
    const figures = await runCrew({ seed, rounds: 6, operations: 2000, endings: ["exit", "detach"] });
    expect(figures.exits + figures.detaches).toBeGreaterThanOrEqual(6);
    expect(figures.verified).toBeGreaterThan(100);
  });

  test.each([4, 5, 6, 8])("while they are killed at random moments; seed %d", async (seed) => {
    const figures = await runCrew({ seed, rounds: 6, operations: 2000, endings: ["kill"] });
    expect(figures.kills).toBe(6);
    expect(figures.verified).toBeGreaterThan(100);
  });

  test.each([9, 10, 11, 12])("on a heap for debugging, which finds nothing wrong; seed %d", async (seed) => {
    const endings = ["kill", "kill", "exit", "detach"] as const;
    const figures = await runCrew({ seed, rounds: 8, operations: 2000, endings, isDebug: true });
    expect(figures.kills).toBeGreaterThan(0);
    expect(figures.verified).toBeGreaterThan(100);
  });
});

test("a worker is killed where it stands at a numbered step, and so is the one that recovers it", async () => {
  const { work, recovery } = await killAtSteps({ seed: 1, limit: 8 });
  expect(work.tried).toBe(8);
  expect(recovery.tried).toBe(8);
  // Which steps a worker comes to again depends on what the others do.
  expect(work.killed).toBeGreaterThanOrEqual(6);
  expect(recovery.killed).toBeGreaterThanOrEqual(6);
});

/** Frees each of `offsets` at the same time as its twin does, and posts how often that succeeded, and how not. */
const TWIN = `
  import { parentPort, workerData } from "node:worker_threads";
  const { SharedHeap, DebugSharedHeap } = await import(workerData.libraryUrl);
  const heap = (DebugSharedHeap ?? SharedHeap).attach(workerData.handle);
  const turn = new Int32Array(workerData.turn);
  const freed = [], codes = [];
  for (const [index, offset] of workerData.offsets.entries()) {
    // Both come here for each object, and go on together.
    Atomics.add(turn, 0, 1);
    while (Atomics.load(turn, 0) < 2 * (index + 1));
    try {
      heap.free(offset);
      freed.push(offset);
    } catch (error) {
      codes.push(error.code);
    }
  }
  heap.detach();
  parentPort.postMessage({ freed, codes });
`;

test.each([
  ["a shared heap", SharedHeap, "index.ts"],
  ["one for debugging", DebugSharedHeap, "debug/index.ts"],
] as const)(
  "of two workers that free one object of %s at the same time, just one succeeds",
  async (...row) => {
    const [, Face, file] = row;
    const heap = Face.create({ size: 2 ** 20, maxThreads: 3 });
    const offsets = Array.from({ length: 2000 }, () => heap.malloc(16));
    const libraryUrl = new URL(`../../../src/${file}`, import.meta.url).href;
    const workerData = { handle: heap.handle, turn: new SharedArrayBuffer(4), offsets, libraryUrl };
    const url = new URL(`data:text/javascript,${encodeURIComponent(TWIN)}`);
    const run = (): Promise<{ freed: number[]; codes: string[] }> =>
      new Promise((resolve, reject) => {
        const worker = new Worker(url, { workerData, execArgv: [] });
        worker.once("message", resolve);
        worker.once("error", reject);
      });
    const [one, other] = await Promise.all([run(), run()]);
    expect([...one.freed, ...other.freed].sort((a, b) => a - b)).toEqual(offsets.sort((a, b) => a - b));
    expect(new Set([...one.codes, ...other.codes])).toEqual(new Set(["DOUBLE_FREE"]));
    expect(heap.stats().objects).toBe(0);
    heap.check({ quiet: true });
  },
);
