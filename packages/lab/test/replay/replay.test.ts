import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { replayTrace } from "../../src/replay/replay.ts";
import type { ReplayReport } from "../../src/replay/report.ts";
import { loadTrace } from "../../src/files/load-trace.ts";
import { eventLine, ftraceText, temporaryFolder, TEST_ORIGIN, traceOf } from "../helpers/recordings.ts";

const PAGE = 4096;
const folder = temporaryFolder();

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const replayed = async (text: string): Promise<ReplayReport> =>
  replayTrace(await traceOf(folder, text), { pageSize: PAGE, readSeconds: 0, origin: TEST_ORIGIN });

describe("a recording small enough to count by hand", () => {
  const filp = (pointer: string) =>
    `kmem_cache_alloc: call_site=f ptr=${pointer} name=filp bytes_req=184 bytes_alloc=192 node=-1`;
  const text = ftraceText([
    eventLine(filp("ffff888100000100")),
    eventLine(filp("ffff888100000200")),
    eventLine("kmalloc: call_site=f ptr=ffff888100000300 bytes_req=100 bytes_alloc=128 node=-1"),
    eventLine("kmalloc: call_site=f ptr=ffff888100000400 bytes_req=200000 bytes_alloc=262144 node=-1"),
    eventLine("kmem_cache_free: call_site=f ptr=ffff888100000100 name=filp"),
    eventLine("kfree: call_site=f ptr=ffff888100000400"),
    eventLine("kfree: call_site=f ptr=ffff888100000900"),
    eventLine("kfree: call_site=f ptr=0000000000000000"),
    eventLine("mm_page_alloc: page=ffffea0000000200 pfn=0x8 order=3 migratetype=0"),
    eventLine("mm_page_alloc: page=ffffea0000000400 pfn=0x10 order=0 migratetype=0"),
    eventLine("mm_page_free_batched: page=ffffea0000000400 pfn=0x10 order=0"),
    eventLine("mm_page_free: page=ffffea0000000400 pfn=0x10 order=0"),
    eventLine("mm_page_free: page=ffffea0000000800 pfn=0x20 order=0"),
  ]);
  let report: ReplayReport;
  beforeAll(async () => {
    report = await replayed(text);
  });

  test("events", () => {
    expect(report.events.read).toBe(13);
    expect(report.events.replayed).toBe(9);
    expect(Object.fromEntries(report.events.skipped.map(({ reason, count }) => [reason, count]))).toEqual({
      "kfree-from-before": 1,
      "kmem_cache_free-from-before": 0,
      "free-from-before": 0,
      "page-free-from-before": 1,
      "null-free": 1,
      "failed-allocation": 0,
      "told-twice": 1,
      "kernel-internal": 0,
    });
  });

  test("objects", () => {
    const { footprint, liveAtEnd, kernelBytesAtPeak } = report.objects;
    expect(liveAtEnd).toBe(2);
    expect(footprint.peakPayloadBytes).toBe(184 + 184 + 100 + 200_000);
    expect(footprint.endPayloadBytes).toBe(184 + 100);
    expect(kernelBytesAtPeak).toBe(192 + 192 + 128 + 262_144);
    expect(footprint.heldAtPeakPayloadBytes).toBeGreaterThanOrEqual(footprint.peakPayloadBytes);
    expect(footprint.heldAtPeakPayloadBytes % PAGE).toBe(0);
  });

  test("caches", () => {
    const named = report.objects.caches.filter(({ kind }) => kind === "named");
    expect(named).toHaveLength(1);
    expect(named[0]).toMatchObject({
      name: "filp",
      objectSizeBytes: 184,
      peakLive: 2,
      atPeak: { live: 2, slabs: 1, requestedBytes: 368, kernelBytes: 384 },
      atEnd: { live: 1, slabs: 1, requestedBytes: 184, kernelBytes: 192 },
    });
    const classes = report.objects.caches.filter(
      ({ kind, atPeak }) => kind === "size-class" && atPeak.live > 0,
    );
    expect(classes).toHaveLength(1);
    expect(classes[0]).toMatchObject({
      atPeak: { live: 1, requestedBytes: 100, kernelBytes: 128 },
      atEnd: { live: 1 },
    });
    const large = report.objects.caches.find(({ kind }) => kind === "large");
    expect(large).toMatchObject({
      atPeak: { live: 1, slots: 1, slabs: 0, requestedBytes: 200_000, kernelBytes: 262_144 },
      atEnd: { live: 0, heldBytes: 0 },
    });
    expect(large!.atPeak.heldBytes).toBe(Math.ceil(200_000 / PAGE) * PAGE);
  });

  test("pages", () => {
    const { pages } = report;
    expect(pages.liveAtEnd).toBe(1);
    expect(pages.footprint).toMatchObject({
      peakPayloadBytes: 9 * PAGE,
      heldAtPeakPayloadBytes: 9 * PAGE,
      peakHeldBytes: 9 * PAGE,
      endPayloadBytes: 8 * PAGE,
      endHeldBytes: 8 * PAGE,
    });
    expect(pages.spaceBytes).toBe(1024 * PAGE);
    expect(pages.blocks.before.freeBlocks).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    // One block of order 3 in use leaves its buddies of every order from 3 up.
    expect(pages.blocks.after.freeBlocks).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0]);
    expect(pages.blocks.after).toMatchObject({ freeBytes: 1016 * PAGE, largestFreeBytes: 512 * PAGE });
    // The kernel's arithmetic: 1000 - (1000 + 1016 * 1000 / 1024) / 7 blocks.
    expect(pages.blocks.after.externalFragmentationThousandths).toEqual([
      ...Array<number>(10).fill(-1000),
      716,
    ]);
    expect(pages.blocks.after.unusableFreeSpaceThousandths[10]).toBe(1000);
    expect(pages.blocks.after.unusableFreeSpaceThousandths[0]).toBe(0);
  });
});

test("the page space grows where fragmentation leaves no room", async () => {
  // 1024 single pages, all but the last of each 512 freed, then two blocks of order 9 that only fit in new space.
  const page = (pfn: number, order: number, event: string) =>
    eventLine(`${event}: page=ffffea0000000040 pfn=0x${pfn.toString(16)} order=${order} migratetype=0`);
  const pfns = Array.from({ length: 1024 }, (_, index) => index + 1);
  const report = await replayed(
    ftraceText([
      ...pfns.map((pfn) => page(pfn, 0, "mm_page_alloc")),
      ...pfns.filter((pfn) => pfn % 512 !== 0).map((pfn) => page(pfn, 0, "mm_page_free")),
      page(5000, 9, "mm_page_alloc"),
    ]),
  );
  expect(report.pages.growths).toBe(1);
  expect(report.pages.spaceBytes).toBe(2048 * PAGE);
  expect(report.pages.footprint.endHeldBytes).toBe((2 + 512) * PAGE);
});

test("a recording of pages alone, and one of objects alone", async () => {
  const pagesOnly = await replayed(
    ftraceText([eventLine("mm_page_alloc: page=ffffea0000000200 pfn=0x8 order=3")]),
  );
  expect(pagesOnly.objects).toMatchObject({
    liveAtEnd: 0,
    caches: [],
    speed: { operations: 0, operationsPerSecond: 0 },
  });
  const objectsOnly = await replayed(
    ftraceText([eventLine("kmalloc: call_site=f ptr=ffff888100000300 bytes_req=100 bytes_alloc=128")]),
  );
  expect(objectsOnly.pages).toMatchObject({ liveAtEnd: 0, footprint: { peakHeldBytes: 0 } });
});

describe("the bundled recording: nothing is lost on the way", () => {
  const file = fileURLToPath(new URL("../../traces/small-project.parquet", import.meta.url));
  let report: ReplayReport;
  beforeAll(async () => {
    report = replayTrace((await loadTrace(file)).trace, {
      pageSize: PAGE,
      readSeconds: 0,
      origin: TEST_ORIGIN,
    });
  });

  test("every event was replayed or skipped for a reason", () => {
    const { events, recording } = report;
    expect(events.read).toBe(189_244);
    expect(events.read).toBe(recording.entriesInBuffer);
    expect(events.read).toBe(sum(Object.values(recording.events)));
    expect(events.replayed + sum(events.skipped.map(({ count }) => count))).toBe(events.read);
  });

  test("live objects are allocations minus frees", () => {
    const { counts, liveAtEnd, caches, speed } = report.objects;
    expect(liveAtEnd).toBe(counts.allocations - counts.frees - counts.unrecordedFrees);
    expect(sum(caches.map(({ atEnd }) => atEnd.live))).toBe(liveAtEnd);
    expect(speed.operations).toBe(counts.allocations + counts.frees + counts.unrecordedFrees);
  });

  test("live pages are held pages", () => {
    const { footprint, spaceBytes, blocks } = report.pages;
    expect(footprint.heldAtPeakPayloadBytes).toBe(footprint.peakPayloadBytes);
    expect(footprint.endHeldBytes).toBe(footprint.endPayloadBytes);
    expect(footprint.endHeldBytes + blocks.after.freeBytes).toBe(spaceBytes);
    for (const { freeBlocks, freeBytes } of [blocks.before, blocks.atPeak, blocks.after]) {
      expect(sum(freeBlocks.map((count, order) => count * 2 ** order * PAGE))).toBe(freeBytes);
    }
  });

  test("the caches hold what the heap holds, and at least what was asked for", () => {
    const { footprint, caches } = report.objects;
    expect(sum(caches.map(({ atPeak }) => atPeak.heldBytes))).toBe(footprint.heldAtPeakPayloadBytes);
    expect(sum(caches.map(({ atEnd }) => atEnd.heldBytes))).toBe(footprint.endHeldBytes);
    expect(sum(caches.map(({ atPeak }) => atPeak.requestedBytes))).toBe(footprint.peakPayloadBytes);
    expect(sum(caches.map(({ atEnd }) => atEnd.requestedBytes))).toBe(footprint.endPayloadBytes);
    expect(footprint.peakHeldBytes).toBeGreaterThanOrEqual(footprint.heldAtPeakPayloadBytes);
    for (const { atPeak, atEnd, peakLive } of caches) {
      expect(atPeak.live).toBeLessThanOrEqual(atPeak.slots);
      expect(atEnd.live).toBeLessThanOrEqual(atEnd.slots);
      if (peakLive !== null) expect(peakLive).toBeGreaterThanOrEqual(Math.max(atPeak.live, atEnd.live));
    }
  });
});
