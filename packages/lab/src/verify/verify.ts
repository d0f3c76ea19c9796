/**
 * The twin of the running kernel's page allocator: does kmem's BuddyAllocator, told what the kernel's did, come to the
 * same free lists?
 *
 * Still: the allocator is told which pages were free, and its free lists are compared with those that the kernel printed
 * at that moment. Moving: from the start it is told every block that moved, and is compared again at the end. docs/verify.md
 * says what the comparison rests on and what it leaves over.
 */
import { parseBuddyinfo } from "../proc/buddyinfo.ts";
import { EVENT_NAMES } from "../trace/event.ts";
import type { Trace } from "../trace/trace.ts";
import { MoveApplier } from "./move-applier.ts";
import { PageSet } from "./page-set.ts";
import { RecordedMachine } from "./recorded-machine.ts";
import type { Comparison, MovingReport, VerifyReport, WrongPages } from "./report.ts";
import type { ZoneTwin } from "./zone-twin.ts";

/** How far kmem may be off, in percent of the kernel's free blocks. */
export interface Tolerance {
  readonly stillPercent: number;
  readonly movingPercent: number;
}

/** Verifies a recording. Throws a VerifyError when it lacks what that needs. O(events + pages). */
export function verifyTrace(file: string, trace: Trace, tolerance: Tolerance): VerifyReport {
  const machine = new RecordedMachine(file, trace);
  const { events, start, end, rows } = machine;
  const { stillPercent, movingPercent } = tolerance;

  const startSet = machine.setAt(start, rows.startBegan, rows.startEnded);
  const twins = machine.twinsOf(startSet.free);
  const applier = new MoveApplier(machine, twins);
  applier.apply(rows.startBegan, rows.startEnded);
  const stillAtStart = {
    ...compare(twins, start.buddyinfo, stillPercent),
    settledPages: startSet.settledPages,
  };

  const moves = applier.apply(rows.startEnded, rows.endBegan);
  const endSet = machine.setAt(end, rows.endBegan, rows.endEnded);
  const stillAtEnd = {
    ...compare(machine.twinsOf(endSet.free), end.buddyinfo, stillPercent),
    settledPages: endSet.settledPages,
  };
  const moving: MovingReport = {
    ...compare(twins, end.buddyinfo, movingPercent),
    moves,
    moveCount: Object.values(moves).reduce((sum, count) => sum + count, 0),
    contradictions: applier.contradictions,
    wrongPages: wrongPages(machine, twins, endSet.free),
  };
  const { kernelRelease, command, lostEvents } = trace.facts;
  return {
    schema: "kmem-verify/1",
    file,
    kernelRelease,
    command,
    eventCount: events.length,
    lostEvents,
    seconds: (end.beganNanoseconds - start.endedNanoseconds) / 1e9,
    stillAtStart,
    stillAtEnd,
    moving,
    isWithinTolerance:
      stillAtStart.isWithinTolerance && stillAtEnd.isWithinTolerance && moving.isWithinTolerance,
  };
}

/** Holds the twins' free lists against the kernel's. */
function compare(twins: readonly ZoneTwin[], buddyinfo: string, tolerancePercent: number): Comparison {
  const printed = parseBuddyinfo(buddyinfo);
  let kernelBlocks = 0;
  let differingBlocks = 0;
  const zones = twins.map(({ zone: { node, zone }, freeBlocks }) => {
    const kernel = printed.find((each) => each.node === node && each.zone === zone)?.freeBlocks ?? [];
    const difference = freeBlocks.map((count, order) => count - (kernel[order] ?? 0));
    for (const count of kernel) kernelBlocks += count;
    for (const count of difference) differingBlocks += Math.abs(count);
    return { node, zone, kernel, kmem: freeBlocks, difference };
  });
  const differingPercent = kernelBlocks === 0 ? 0 : (100 * differingBlocks) / kernelBlocks;
  return {
    zones,
    kernelBlocks,
    differingBlocks,
    differingPercent,
    tolerancePercent,
    isWithinTolerance: differingPercent <= tolerancePercent,
  };
}

/** Compares page by page with the set of free pages that was read at the end. */
function wrongPages(machine: RecordedMachine, twins: readonly ZoneTwin[], free: PageSet): WrongPages {
  const { events, rows, pageLimit } = machine;
  const isFree = new PageSet(pageLimit);
  let freeInKernelOnly = 0;
  let freeInKmemOnly = 0;
  const lastEvent = new Map<number, string>();
  for (const twin of twins) {
    const { zone, endPage } = twin;
    for (const range of twin.freeRanges()) isFree.set(range, true);
    for (let page = zone.startPage; page < endPage; page++) {
      if (isFree.has(page) === free.has(page)) continue;
      if (free.has(page)) freeInKernelOnly++;
      else freeInKmemOnly++;
      lastEvent.set(page, "none");
    }
  }
  for (let row = 0; row < rows.endBegan; row++) {
    const page = events.key[row]!;
    const end = page + 2 ** events.order[row]!;
    for (let each = page; lastEvent.size > 0 && each < end; each++) {
      if (lastEvent.has(each)) lastEvent.set(each, EVENT_NAMES[events.kind[row]!]!);
    }
  }
  const byLastEvent: Record<string, number> = {};
  for (const name of lastEvent.values()) byLastEvent[name] = (byLastEvent[name] ?? 0) + 1;
  return { freeInKernelOnly, freeInKmemOnly, byLastEvent };
}
