// A film must show exactly what kmem did: at random moments it is compared, block for block and slot for slot, with a replay
// through the lab's own classes and their snapshots.

import { readFileSync } from "node:fs";
import { Heap, type HeapSnapshot } from "kmem";
import { describe, expect, test } from "vitest";
import { objectStream, ObjectReplay, PageReplay, pageStream } from "../../src/replay/index.ts";
import { readTrace } from "../../src/trace/index.ts";
import { drawnBlocks, type DrawnBlock, figuresOf } from "../../viewer/src/film/describe.ts";
import { freeBlocksAt } from "../../viewer/src/film/free-blocks.ts";
import { Moment } from "../../viewer/src/film/moment.ts";
import { FROM_MALLOC, type HeapScript, type Script } from "../../viewer/src/film/script.ts";
import { beginFilm, shootFilm } from "../../viewer/src/film/shoot.ts";
import { stillOf } from "../../viewer/src/film/still.ts";
import { randomNumbers, syntheticScript } from "../../viewer/src/film/synthetic.ts";
import { retake } from "../../viewer/src/worker/retake.ts";
import { traceScripts } from "../../viewer/src/film/trace-scripts.ts";
import { blocksOfBuddy, blocksOfSnapshot } from "./truth.ts";

const BUNDLED = new URL("../../traces/small-project.parquet", import.meta.url);

/** Random moments of a film, in random order, its ends among them. */
function moments(length: number, count: number, seed: number): number[] {
  const random = randomNumbers(seed);
  return [0, length, ...Array.from({ length: count }, () => Math.floor(random() * (length + 1)))];
}

/** Plays an invented script through a heap of the test's own, up to each moment; snapshots by moment. */
function snapshotsOf(script: HeapScript, at: readonly number[]): Map<number, HeapSnapshot> {
  const { size, maxSize, pageSize, operations, bytesRequested, cacheOf } = script;
  const heap = new Heap({ size, maxSize, pageSize });
  const caches = script.caches.map((cache) => heap.createCache(cache));
  const offsets = new Map<number, number>();
  const snapshots = new Map<number, HeapSnapshot>();
  const wanted = new Set(at);
  for (let moment = 0; moment <= operations.length; moment++) {
    if (moment > 0) {
      const operation = operations[moment - 1]!;
      if (operation >= 0) {
        const cache = cacheOf[operation]!;
        const offset =
          cache === FROM_MALLOC ? heap.tryMalloc(bytesRequested[operation]!) : caches[cache]!.tryAllocate();
        if (offset >= 0) offsets.set(operation, offset);
      } else if (offsets.has(~operation)) {
        heap.free(offsets.get(~operation)!);
        offsets.delete(~operation);
      }
    }
    if (wanted.has(moment)) snapshots.set(moment, heap.snapshot());
  }
  return snapshots;
}

function expectSame(drawn: readonly DrawnBlock[], truth: readonly DrawnBlock[], where: string): void {
  // The first difference says more than two lists of thousands.
  const differs = truth.findIndex((block, index) => JSON.stringify(block) !== JSON.stringify(drawn[index]));
  expect(drawn[differs], `${where}, block ${differs}`).toEqual(truth[differs]);
  expect(drawn.length, where).toBe(truth.length);
}

const HEAPS: readonly (readonly [name: string, script: HeapScript])[] = [
  [
    "that grows",
    syntheticScript({
      title: "grows",
      seed: 1,
      operationCount: 60_000,
      liveCount: 9000,
      smallestBytes: 16,
      largestBytes: 20_000,
      size: 2 ** 20,
      maxSize: 2 ** 28,
      pageSize: 4096,
    }),
  ],
  [
    "that is too small, so that requests fail and empty slabs are taken back",
    syntheticScript({
      title: "fails",
      seed: 2,
      operationCount: 40_000,
      liveCount: 4000,
      smallestBytes: 16,
      largestBytes: 16_384,
      size: 512 * 4096,
      maxSize: 512 * 4096,
      pageSize: 4096,
    }),
  ],
  ["with caches that come and go", phases()],
];

/** Objects of three caches and of malloc in waves, in a heap that can just hold one wave. */
function phases(): HeapScript {
  const random = randomNumbers(3);
  const operations: number[] = [];
  const cacheOf: number[] = [];
  const bytesRequested: number[] = [];
  const caches = [
    { name: "inode", objectSize: 600 },
    { name: "dentry", objectSize: 192 },
    { name: "page-table", objectSize: 4096 },
  ];
  for (let wave = 0; wave < 40; wave++) {
    const live: number[] = [];
    const cache = wave % 4 === 3 ? FROM_MALLOC : wave % 4;
    for (let each = 0; each < 700; each++) {
      if (random() < 0.4 && live.length > 0) {
        operations.push(~live.splice(Math.floor(random() * live.length), 1)[0]!);
        continue;
      }
      const piece = cacheOf.push(cache) - 1;
      bytesRequested.push(
        cache === FROM_MALLOC ? 16 + Math.floor(random() * 30_000) : caches[cache]!.objectSize,
      );
      operations.push(piece);
      live.push(piece);
    }
    for (const piece of live) operations.push(~piece);
  }
  const size = 128 * 4096;
  return {
    kind: "heap",
    title: "waves",
    pageSize: 4096,
    size,
    maxSize: size,
    operations: Int32Array.from(operations),
    pieceCount: cacheOf.length,
    clock: null,
    caches,
    cacheOf: Int32Array.from(cacheOf),
    bytesRequested,
  };
}

describe.each(HEAPS)("a heap %s", (_, script) => {
  const at = moments(script.operations.length, 24, 99);
  const truth = snapshotsOf(script, at);
  const film = shootFilm(script);

  test("is drawn as its snapshots say, at random moments", () => {
    const moment = new Moment(film);
    for (const each of at) {
      moment.goTo(each);
      expectSame(drawnBlocks(moment), blocksOfSnapshot(truth.get(each)!), `moment ${each}`);
    }
  });

  test("is drawn the same while it is still being shot", () => {
    const shooting = beginFilm(script);
    const moment = new Moment(shooting.film);
    for (const each of [...at].sort((a, b) => a - b)) {
      shooting.advanceTo(each);
      moment.goTo(each);
      expectSame(drawnBlocks(moment), blocksOfSnapshot(truth.get(each)!), `moment ${each}`);
    }
  });

  test("has the figures of the samples at their moments", () => {
    const moment = new Moment(film);
    for (let sample = 0; sample < film.series.count; sample += 97) {
      moment.goTo(film.series.moment[sample]!);
      const figures = figuresOf(moment, freeBlocksAt(moment));
      expect(figures).toMatchObject({
        liveBytes: film.series.liveBytes[sample],
        usedBytes: film.series.usedBytes[sample],
        heldBytes: film.series.heldBytes[sample],
        sizeBytes: film.series.sizeBytes[sample],
        freeBlocks: film.series.freeBlocks.map((column) => column[sample]),
      });
    }
  });
});

describe("the bundled recording", async () => {
  const trace = await readTrace(readFileSync(BUNDLED));
  const scripts = traceScripts(trace, "bundled");
  const scriptOf = (kind: Script["kind"]): Script => scripts.find((script) => script.kind === kind)!;

  test("is drawn as the lab's replay leaves the heap, at random moments", () => {
    const film = shootFilm(scriptOf("heap"));
    const replay = new ObjectReplay(objectStream(trace), { pageSize: 4096 });
    const moment = new Moment(film);
    for (const each of moments(film.operations.length, 12, 5).sort((a, b) => a - b)) {
      replay.advanceTo(each);
      moment.goTo(each);
      expectSame(drawnBlocks(moment), blocksOfSnapshot(replay.heap.snapshot()), `moment ${each}`);
    }
  });

  test("is drawn as the lab's replay leaves the pages, at random moments", () => {
    const film = shootFilm(scriptOf("pages"));
    const replay = new PageReplay(pageStream(trace), { pageSize: 4096 });
    const moment = new Moment(film);
    for (const each of moments(film.operations.length, 12, 6).sort((a, b) => a - b)) {
      replay.advanceTo(each);
      moment.goTo(each);
      const drawn = drawnBlocks(moment).map((block) =>
        Object.assign(block, { owner: block.owner === "free" ? "free" : "block" }),
      );
      expectSame(drawn, blocksOfBuddy(replay.buddy), `moment ${each}`);
    }
  });

  test("tells of each operation by the event that it comes from", () => {
    const { events, names } = trace;
    const { clock, operations } = scriptOf("heap");
    const sitesAt = new Map<number, Set<string | undefined>>();
    const start = events.timeNanoseconds[0]!;
    for (let row = 0; row < events.length; row++) {
      const time = events.timeNanoseconds[row]! - start;
      const site = names.callSites.names[events.callSiteIndex[row]!];
      sitesAt.set(time, (sitesAt.get(time) ?? new Set()).add(site));
    }
    let before = 0;
    for (let at = 0; at < operations.length; at++) {
      const time = clock!.nanoseconds![at]!;
      expect(time).toBeGreaterThanOrEqual(before);
      before = time;
      if (at % 97 === 0) expect(sitesAt.get(time)).toContain(clock!.callSites[clock!.callSiteOf[at]!]);
    }
    expect(new Set(clock!.callSiteOf).size).toBeGreaterThan(100);
  });
});

test("the buddy allocator alone is drawn as it is, with what was asked for", () => {
  const [, script] = HEAPS[0]!;
  const alone = retake(script, { allocator: "buddy", pageSize: 4096 });
  const film = shootFilm(alone);
  const moment = new Moment(film);
  moment.goTo(50_000);
  const figures = figuresOf(moment, freeBlocksAt(moment));
  let asked = 0;
  let given = 0;
  for (let piece = 0; piece < film.pieceCount; piece++) {
    if (film.pieceBornAt[piece]! > 50_000 || film.pieceDiedAt[piece]! <= 50_000) continue;
    asked += script.bytesRequested[piece]!;
    given += 64 * 2 ** Math.ceil(Math.log2(Math.max(1, script.bytesRequested[piece]! / 64)));
  }
  expect(figures).toMatchObject({ liveBytes: asked, usedBytes: given, heldBytes: given });
});

test("a snapshot is drawn as it is", () => {
  const heap = new Heap({ size: 64 * 4096 });
  const nodes = heap.createCache({ name: "nodes", objectSize: 1000 });
  const objects = Array.from({ length: 9 }, () => nodes.allocate());
  heap.malloc(20_000);
  nodes.free(objects[3]!);
  const snapshot = heap.snapshot();
  const moment = new Moment(stillOf(snapshot, "still"));
  moment.goTo(0);
  expectSame(drawnBlocks(moment), blocksOfSnapshot(snapshot), "still");
});
