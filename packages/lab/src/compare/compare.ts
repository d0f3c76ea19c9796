/** The same recording through several allocators, side by side. */
import { objectStream, type ObjectStream } from "../replay/object-stream.ts";
import { pageStream } from "../replay/page-stream.ts";
import { namedFacts, type TraceOrigin } from "../trace/recording.ts";
import type { Trace } from "../trace/trace.ts";
import type { ContenderSpace } from "./contender.ts";
import { GrowingBuddy } from "./growing-buddy.ts";
import { CachesContender, HeapContender } from "./kmem-contenders.ts";
import {
  followRecording,
  measureFailures,
  measureMemory,
  measureTime,
  TooSlow,
  type ContenderMaker,
  type FailureFigures,
} from "./measure.ts";
import { bestFit } from "./policies/best-fit.ts";
import { binaryBuddy } from "./policies/binary-buddy.ts";
import { firstFit } from "./policies/first-fit.ts";
import { nextFit } from "./policies/next-fit.ts";
import { Tlsf } from "./policies/tlsf.ts";
import { worstFit } from "./policies/worst-fit.ts";
import type { AbsentReport, ComparedRecording, ContenderReport, WorkReport } from "./report.ts";
import { sumSlabinfo } from "./slabinfo.ts";
import { objectWork, pageWork, type Work } from "./work.ts";

/** Bytes of a page where the recording does not say. */
const DEFAULT_PAGE_BYTES = 4096;
/** The kernel's largest order, MAX_PAGE_ORDER, on most machines. */
const KERNEL_MAX_ORDER = 10;
/** With room for all: so many times the payload's peak, for waste. Tables that grow with the room stay small enough. */
const ROOM_FACTOR = 8;
const MIN_ROOM_UNITS = 1 << 14;
/** Seconds that a contender has for a recording; one that needs more is told as too slow. */
const BUDGET_SECONDS = 8;

/** An allocator of somebody else's, for objects: a Wasm module, a package. */
export interface Guest {
  readonly name: string;
  readonly make: ContenderMaker;
}

/** Settings of `compareTrace`. */
export interface CompareOptions {
  readonly origin: TraceOrigin;
  /** Allocators of others, and those that are not there. */
  readonly guests: readonly Guest[];
  readonly missing: readonly AbsentReport[];
  /** Room of the run in which allocations may fail, in percent of the payload's peak. */
  readonly tightPercent: number;
  /** Called before each contender, with how many of all are done; and when all are. */
  readonly onProgress?: (name: string, done: number, total: number) => void;
}

/** One entry of a comparison. */
interface Entry extends Guest {
  readonly group: ContenderReport["group"];
}

/** Compares on one recording: its objects, and its blocks of pages, where it has them. */
export function compareTrace(trace: Trace, options: CompareOptions): ComparedRecording {
  const objects = objectStream(trace);
  const pages = pageStream(trace);
  const pageSize = trace.facts.pageSize ?? DEFAULT_PAGE_BYTES;
  const jobs: { work: Work; entries: Entry[] }[] = [];
  if (objects.operations.length > 0)
    jobs.push({ work: objectWork(objects), entries: objectEntries(objects, options) });
  if (pages.operations.length > 0) {
    const maxOrder = Math.max(KERNEL_MAX_ORDER, pages.largestOrder);
    jobs.push({ work: pageWork(pages, pageSize), entries: pageEntries(maxOrder) });
  }
  const total = jobs.reduce((sum, { entries }) => sum + entries.length, 0);
  let done = 0;
  const works = jobs.map(({ work, entries }): WorkReport => {
    const contenders: ContenderReport[] = [];
    const absent = work.kind === "objects" ? [...options.missing] : [];
    for (const entry of entries) {
      options.onProgress?.(entry.name, done++, total);
      const outcome = measured(entry, work, options.tightPercent);
      if ("why" in outcome) absent.push(outcome);
      else contenders.push(outcome);
    }
    return {
      kind: work.kind,
      operations: work.operations.length,
      recorded: followRecording(work),
      slabinfo: work.kind === "objects" ? slabinfoOf(trace, pageSize) : null,
      contenders,
      absent,
    };
  });
  options.onProgress?.("done", total, total);
  return { recording: { ...options.origin, ...namedFacts(trace.facts) }, works };
}

function objectEntries(stream: ObjectStream, { guests }: CompareOptions): Entry[] {
  const own: Entry[] = [{ name: "kmem heap", group: "kmem", make: (space) => new HeapContender(space) }];
  if (stream.caches.length > 0) {
    const make: ContenderMaker = (space) => new CachesContender(space, stream);
    own.push({ name: "kmem heap with caches", group: "kmem", make });
  }
  const buddy: Entry = { name: "power-of-two buddy", group: "policy", make: binaryBuddy };
  return [...own, ...fitEntries(), buddy, ...guests.map((guest): Entry => ({ ...guest, group: "guest" }))];
}

function pageEntries(maxOrder: number): Entry[] {
  const make: ContenderMaker = (space) => new GrowingBuddy(space, { blockUnits: 1, maxOrder });
  return [{ name: "kmem buddy", group: "kmem", make }, ...fitEntries()];
}

/** The policies that work on lengths of any unit. */
function fitEntries(): Entry[] {
  const policies: readonly (readonly [string, ContenderMaker])[] = [
    ["first fit", firstFit],
    ["best fit", bestFit],
    ["next fit", nextFit],
    ["worst fit", worstFit],
    ["TLSF", (space) => new Tlsf(space)],
  ];
  return policies.map(([name, make]) => ({ name, group: "policy", make }));
}

function measured(entry: Entry, work: Work, tightPercent: number): ContenderReport | AbsentReport {
  const { name, group, make } = entry;
  const { unitBytes } = work;
  const roomy: ContenderSpace = { unitBytes, limit: Math.max(MIN_ROOM_UNITS, ROOM_FACTOR * work.peakUnits) };
  const tight: ContenderSpace = { unitBytes, limit: Math.ceil((work.peakUnits * tightPercent) / 100) };
  try {
    const memory = measureMemory(make, work, roomy, BUDGET_SECONDS);
    const payload = work.peakUnits * unitBytes;
    const { heldAtPeakBytes: held, usedAtPeakBytes: used } = memory;
    return {
      name,
      group,
      memory,
      insideWaste: used === null ? null : share(used - payload, used),
      betweenWaste: used === null ? null : share(held - used, held),
      waste: share(held - payload, held),
      nanosecondsPerOperation: measureTime(make, work, roomy),
      tight: group === "guest" ? null : measureTight(make, work, tight),
    };
  } catch (error) {
    if (error instanceof TooSlow) return { name, why: `needs more than ${BUDGET_SECONDS} s` };
    if (error instanceof RangeError) return { name, why: error.message };
    throw error;
  }
}

/** Null where so little room does not allow the contender at all: a small heap has few named caches. */
function measureTight(make: ContenderMaker, work: Work, space: ContenderSpace): FailureFigures | null {
  try {
    return measureFailures(make, work, space);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function slabinfoOf({ state }: Trace, pageSize: number): WorkReport["slabinfo"] {
  const start = state.start?.slabinfo ?? null;
  const end = state.end?.slabinfo ?? null;
  if (start === null || end === null) return null;
  return { start: sumSlabinfo(start, pageSize), end: sumSlabinfo(end, pageSize) };
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
