import { describe, expect, test } from "vitest";
import { EventKind } from "../../src/trace/event.ts";
import { VerifyError } from "../../src/verify/verify-error.ts";
import { verifyTrace } from "../../src/verify/verify.ts";
import { KernelModel, randomBelow } from "../helpers/kernel-model.ts";

const TOLERANCE = { stillPercent: 0.5, movingPercent: 1 };
const { MM_PAGE_ALLOC_ZONE_LOCKED, MM_PAGE_ALLOC_EXTFRAG, MM_PAGE_PCPU_DRAIN, MM_PAGE_FREE, MM_PAGE_ALLOC } =
  EventKind;

describe("a kernel that tells everything", () => {
  test.each([1, 2, 3, 4, 5])(
    "is matched exactly, also where it moves pages while they are read (seed %d)",
    (seed) => {
      const random = randomBelow(seed);
      const kernel = new KernelModel();
      const moveSome = (): void => {
        for (let count = 0; count < 300; count++) kernel.moveRandomly(random);
      };
      moveSome();
      const start = kernel.state("start", moveSome);
      moveSome();
      const end = kernel.state("end", moveSome);
      moveSome();
      const report = verifyTrace("model", kernel.finish(start, end), TOLERANCE);
      expect(report.isWithinTolerance).toBe(true);
      for (const { differingBlocks, kernelBlocks, zones } of [
        report.stillAtStart,
        report.stillAtEnd,
        report.moving,
      ]) {
        expect(differingBlocks).toBe(0);
        expect(kernelBlocks).toBeGreaterThan(0);
        expect(zones[0]!.kmem).toEqual(zones[0]!.kernel);
      }
      expect(report.stillAtStart.settledPages).toBeGreaterThan(0);
      expect(report.moving.contradictions).toBe(0);
      expect(report.moving.moveCount).toBeGreaterThan(100);
      expect(report.moving.wrongPages).toEqual({ freeInKernelOnly: 0, freeInKmemOnly: 0, byLastEvent: {} });
    },
  );
});

describe("what moves blocks", () => {
  test("each kind of move is counted as what it is", () => {
    const kernel = new KernelModel();
    const start = kernel.state("start");
    kernel.move(MM_PAGE_ALLOC_ZONE_LOCKED, 4096, 0);
    kernel.move(MM_PAGE_ALLOC_ZONE_LOCKED, 4608, 9);
    kernel.move(MM_PAGE_ALLOC_ZONE_LOCKED, 4112, 4);
    kernel.move(MM_PAGE_ALLOC_EXTFRAG, 5120, 2);
    kernel.move(MM_PAGE_PCPU_DRAIN, 4608, 9);
    kernel.move(MM_PAGE_FREE, 4112, 4);
    kernel.tell(MM_PAGE_FREE, 4096, 0);
    kernel.tell(MM_PAGE_FREE, 4100, 9);
    const report = verifyTrace("model", kernel.finish(start, kernel.state("end")), TOLERANCE);
    expect(report.moving).toMatchObject({
      moves: { refills: 2, allocations: 1, steals: 1, drains: 1, frees: 1 },
      moveCount: 6,
      contradictions: 0,
      differingBlocks: 0,
    });
  });

  test("a block that two events tell of leaves once", () => {
    const kernel = new KernelModel();
    const start = kernel.state("start");
    kernel.move(MM_PAGE_ALLOC_ZONE_LOCKED, 4096, 0);
    kernel.tell(MM_PAGE_ALLOC_EXTFRAG, 4096, 0);
    kernel.move(MM_PAGE_ALLOC_EXTFRAG, 4100, 2);
    kernel.tell(MM_PAGE_ALLOC_ZONE_LOCKED, 4100, 2);
    const { moving } = verifyTrace("model", kernel.finish(start, kernel.state("end")), TOLERANCE);
    expect(moving).toMatchObject({ contradictions: 0, differingBlocks: 0, moves: { steals: 1, refills: 2 } });
  });
});

describe("what the kernel does not tell", () => {
  test("is seen in the lists, in the pages, and in moves that cannot be", () => {
    const kernel = new KernelModel();
    kernel.move(MM_PAGE_ALLOC_ZONE_LOCKED, 4104, 3);
    const start = kernel.state("start");
    kernel.tell(MM_PAGE_FREE, 4104, 3);
    for (let page = 4104; page < 4112; page++) kernel.moveSilently(page, true);
    kernel.moveSilently(5000, false);
    kernel.moveSilently(6000, false);
    kernel.tell(MM_PAGE_ALLOC, 6000, 0);
    kernel.moveSilently(6001, false);
    kernel.moveSilently(6001, true);
    kernel.move(MM_PAGE_PCPU_DRAIN, 6001, 0);
    const end = kernel.state("end");
    const report = verifyTrace("model", kernel.finish(start, end), TOLERANCE);
    const { moving, stillAtStart, stillAtEnd } = report;
    expect({ start: stillAtStart.differingBlocks, end: stillAtEnd.differingBlocks }).toEqual({
      start: 0,
      end: 0,
    });
    expect(moving.contradictions).toBe(1);
    expect(moving.wrongPages).toEqual({
      freeInKernelOnly: 8,
      freeInKmemOnly: 2,
      byLastEvent: { mm_page_free: 8, none: 1, mm_page_alloc: 1 },
    });
    const { kernel: printed, kmem, difference } = moving.zones[0]!;
    expect(difference).toEqual(kmem.map((count, order) => count - printed[order]!));
    expect(moving.differingBlocks).toBeGreaterThan(0);
    expect(report.isWithinTolerance).toBe(false);
    const generous = { stillPercent: 0, movingPercent: moving.differingPercent };
    expect(verifyTrace("model", kernel.finish(start, end), generous).isWithinTolerance).toBe(true);
  });

  test("a list that was read wrong is beyond the tolerance for what is still", () => {
    const kernel = new KernelModel();
    const start = kernel.state("start");
    kernel.move(MM_PAGE_ALLOC_ZONE_LOCKED, 4096, 0);
    const end = { ...kernel.state("end"), buddyinfo: start.buddyinfo };
    const report = verifyTrace("model", kernel.finish(start, end), TOLERANCE);
    expect(report.stillAtEnd.isWithinTolerance).toBe(false);
    expect(report.isWithinTolerance).toBe(false);
  });
});

describe("recordings that cannot be verified", () => {
  const kernel = new KernelModel();
  kernel.move(MM_PAGE_ALLOC_ZONE_LOCKED, 4096, 0);
  const moment = kernel.state("start");

  test.each([
    ["no state", () => kernel.finish(null, null), /^file holds no state of the kernel; record it with/],
    ["half a state", () => kernel.finish({ ...moment, freePages: null }, moment), /holds no state/],
    [
      "no moves",
      () => new KernelModel().finish(moment, moment),
      /no event of the page allocator's free lists/,
    ],
    [
      "a part left out",
      () => kernel.finish(moment, moment, new Map([["without-self", "1"]])),
      /--without-self/,
    ],
    [
      "a state of something else",
      () => kernel.finish({ ...moment, zoneinfo: "" }, moment),
      /a state of the machine \(null\) that is not understood/,
    ],
    [
      "more pages than an allocator manages",
      () =>
        kernel.finish(
          { ...moment, zoneinfo: moment.zoneinfo!.replace(/spanned +\d+/, "spanned 67108865") },
          moment,
        ),
      /zone Normal has 67108865 page frames; a BuddyAllocator manages 67108864/,
    ],
  ])("%s", (_what, make, message) => {
    const attempt = (): unknown => verifyTrace("file", make(), TOLERANCE);
    expect(attempt).toThrow(VerifyError);
    expect(attempt).toThrow(message);
  });
});
