/** Replays a recording through kmem's allocators and reports what came of it. */
import { externalFragmentationIndex, unusableFreeSpaceIndex, type BuddyStats } from "kmem";
import { EventKind } from "../trace/event.ts";
import { namedFacts, type TraceOrigin } from "../trace/recording.ts";
import type { Trace } from "../trace/trace.ts";
import { arranged, KMALLOC_CLASSES, type Arrangement } from "./arrangement.ts";
import { takeCensus, type CacheState } from "./cache-census.ts";
import { ObjectReplay } from "./object-replay.ts";
import { KMALLOC, objectStream, type ObjectStream } from "./object-stream.ts";
import { PageReplay } from "./page-replay.ts";
import { pageStream, type PageStream } from "./page-stream.ts";
import {
  REPORT_SCHEMA,
  type CacheReport,
  type EventsReport,
  type FreeBlocksReport,
  type ObjectsReport,
  type PagesReport,
  type ReplayReport,
  type SpeedReport,
} from "./report.ts";
import { withinLimits } from "./replay-error.ts";
import { runReplay } from "./run.ts";
import { StepRecorder, type StepReport } from "./step-recorder.ts";

/** How often a run pauses to look at the pages held and to report progress. */
const SAMPLE_COUNT = 500;

/** The parts of a replay, in their order. */
export type ReplayPhase = "objects" | "pages";

/** Settings of `replayTrace`. */
export interface ReplayOptions {
  /** Where the trace was read from, for messages and the report. */
  readonly origin: TraceOrigin;
  /** Of the heap and of the page allocator. */
  readonly pageSize: number;
  /** How the objects share caches; by default as recorded. */
  readonly arrangement?: Arrangement;
  /** Sizes of the classes of the arrangement "slabs", rising, in bytes; by default the kernel's. */
  readonly classes?: readonly number[];
  /** Free slots in the magazine of each cache, at most; by default by object size. */
  readonly magazineSize?: number | undefined;
  /** The largest order of the page allocator; by default the kernel's. */
  readonly maxOrder?: number | undefined;
  /** Keep the state after every so many operations; by default none. */
  readonly step?: number | undefined;
  /** How long reading the trace took, for the report. */
  readonly readSeconds: number;
  /** Called when a part begins and a few hundred times while it runs; its time is not measured. */
  readonly onProgress?: (phase: ReplayPhase, done: number, total: number) => void;
}

/**
 * Replays the objects through a `Heap` and the blocks of pages through a `BuddyAllocator`. Throws a ReplayError if
 * they do not fit.
 */
export function replayTrace(trace: Trace, options: ReplayOptions): ReplayReport {
  const linkStart = performance.now();
  const { arrangement = "heap", classes = KMALLOC_CLASSES } = options;
  const objectOperations = arranged(objectStream(trace), arrangement, classes);
  const pageOperations = pageStream(trace);
  const linkSeconds = (performance.now() - linkStart) / 1e3;

  const { file } = options.origin;
  const objects = withinLimits(file, () => replayObjects(objectOperations, options));
  const pages = withinLimits(file, () => replayPages(pageOperations, options));
  const applySeconds = objects.speed.seconds + pages.speed.seconds;
  const { countByKind, eventCount } = trace.facts;
  return {
    schema: REPORT_SCHEMA,
    recording: { ...options.origin, ...namedFacts(trace.facts) },
    pageSizeBytes: options.pageSize,
    events: eventsReport(countByKind, objects, pages),
    objects,
    pages,
    time: {
      readSeconds: options.readSeconds,
      eventsReadPerSecond: perSecond(eventCount, options.readSeconds),
      linkSeconds,
      applySeconds,
      operationsPerSecond: perSecond(objects.speed.operations + pages.speed.operations, applySeconds),
    },
  };
}

function replayObjects(stream: ObjectStream, options: ReplayOptions): ObjectsReport {
  const { pageSize, onProgress, arrangement = "heap" } = options;
  const replay = new ObjectReplay(stream, options);
  const steps = new StepRecorder(stream.operations, (object) => stream.bytesRequested[object]!);
  const { heap } = replay;
  const before = freeBlocksReport(heap.stats().buddy);
  let atPeak = before;
  let heldAtPeakPayloadBytes = 0;
  let peakHeldBytes = 0;
  let peakStates: CacheState[] = [];
  onProgress?.("objects", 0, replay.length);
  const milliseconds = runReplay(replay, {
    peakPosition: stream.peak.operationCount,
    sampleEvery: sampleEvery(replay.length, options),
    onPeak: () => {
      const stats = heap.stats();
      heldAtPeakPayloadBytes = stats.heldBytes;
      peakHeldBytes = Math.max(peakHeldBytes, stats.heldBytes);
      atPeak = freeBlocksReport(stats.buddy);
      peakStates = takeCensus(replay, stream, pageSize);
    },
    onSample: (position) => {
      const { heldBytes, buddy } = heap.stats();
      peakHeldBytes = Math.max(peakHeldBytes, heldBytes);
      if (options.step !== undefined) steps.add(position, stepOf(heldBytes, buddy));
      onProgress?.("objects", position, replay.length);
    },
  });
  const end = heap.stats();
  return {
    arrangement,
    counts: stream.counts,
    liveAtEnd: end.objects,
    footprint: {
      peakPayloadBytes: stream.peak.value,
      heldAtPeakPayloadBytes,
      peakHeldBytes,
      sampleCount: Math.ceil(replay.length / sampleEvery(replay.length, options)),
      endPayloadBytes: stream.endBytes,
      endHeldBytes: end.heldBytes,
      metadataBytes: end.metadataBytes,
    },
    kernelBytesAtPeak: peakStates.reduce((sum, { moment }) => sum + moment.kernelBytes, 0),
    spaceBytes: end.size,
    caches: cacheReports(stream, peakStates, takeCensus(replay, stream, pageSize)),
    blocks: { before, atPeak, after: freeBlocksReport(end.buddy) },
    steps: steps.steps,
    speed: speedReport(replay.length, milliseconds),
  };
}

function replayPages(stream: PageStream, options: ReplayOptions): PagesReport {
  const { pageSize, onProgress } = options;
  const replay = new PageReplay(stream, options);
  const steps = new StepRecorder(stream.operations, (block) => 2 ** stream.order[block]! * pageSize);
  const { buddy } = replay;
  const before = freeBlocksReport(buddy.stats());
  let atPeak = before;
  let heldAtPeakPayloadBytes = 0;
  let peakHeldBytes = 0;
  const heldBytes = (): number => buddy.stats().allocatedPages * pageSize;
  onProgress?.("pages", 0, replay.length);
  const milliseconds = runReplay(replay, {
    peakPosition: stream.peak.operationCount,
    sampleEvery: sampleEvery(replay.length, options),
    onPeak: () => {
      heldAtPeakPayloadBytes = heldBytes();
      peakHeldBytes = Math.max(peakHeldBytes, heldAtPeakPayloadBytes);
      atPeak = freeBlocksReport(buddy.stats());
    },
    onSample: (position) => {
      peakHeldBytes = Math.max(peakHeldBytes, heldBytes());
      if (options.step !== undefined) steps.add(position, stepOf(heldBytes(), buddy.stats()));
      onProgress?.("pages", position, replay.length);
    },
  });
  const end = buddy.stats();
  const { counts } = stream;
  return {
    counts,
    liveAtEnd: counts.allocations - counts.frees - counts.unrecordedFrees,
    footprint: {
      peakPayloadBytes: stream.peak.value * pageSize,
      heldAtPeakPayloadBytes,
      peakHeldBytes,
      sampleCount: Math.ceil(replay.length / sampleEvery(replay.length, options)),
      endPayloadBytes: stream.endPages * pageSize,
      endHeldBytes: end.allocatedPages * pageSize,
      metadataBytes: end.metadataBytes,
    },
    spaceBytes: end.pageCount * pageSize,
    growths: replay.growths,
    blocks: { before, atPeak, after: freeBlocksReport(end) },
    steps: steps.steps,
    speed: speedReport(replay.length, milliseconds),
  };
}

/** Operations between two looks at a replay of so many. */
function sampleEvery(operations: number, { step }: ReplayOptions): number {
  return step ?? Math.max(1, Math.ceil(operations / SAMPLE_COUNT));
}

function stepOf(
  heldBytes: number,
  { freeBlocks, largestFreeBytes }: BuddyStats,
): Omit<StepReport, "operations" | "payloadBytes"> {
  return { heldBytes, largestFreeBytes, freeBlocks: [...freeBlocks] };
}

/** Puts both moments of every cache side by side; the most memory at the peak comes first. */
function cacheReports(
  stream: ObjectStream,
  atPeak: readonly CacheState[],
  atEnd: readonly CacheState[],
): CacheReport[] {
  const peakLiveOf = peakLiveByCache(stream);
  const nothing = { live: 0, slots: 0, slabs: 0, heldBytes: 0, requestedBytes: 0, kernelBytes: 0 };
  const reports = new Map<string, CacheReport>();
  for (const [index, { moment, ...cache }] of atPeak.entries()) {
    const peakLive = cache.kind === "named" ? peakLiveOf[index]! : null;
    reports.set(cache.name, { ...cache, peakLive, atPeak: moment, atEnd: nothing });
  }
  for (const { moment, ...cache } of atEnd) {
    const known = reports.get(cache.name) ?? { ...cache, peakLive: null, atPeak: nothing, atEnd: nothing };
    reports.set(cache.name, { ...known, atEnd: moment });
  }
  return [...reports.values()].sort(
    (a, b) => b.atPeak.heldBytes - a.atPeak.heldBytes || b.atEnd.heldBytes - a.atEnd.heldBytes,
  );
}

/** The most objects of each named cache that lived at once. */
function peakLiveByCache(stream: ObjectStream): Uint32Array {
  const live = new Uint32Array(stream.caches.length);
  const peak = new Uint32Array(stream.caches.length);
  for (const operation of stream.operations) {
    const isAllocation = operation >= 0;
    const cache = stream.cacheOf[isAllocation ? operation : ~operation]!;
    if (cache === KMALLOC) continue;
    const count = live[cache]! + (isAllocation ? 1 : -1);
    live[cache] = count;
    if (count > peak[cache]!) peak[cache] = count;
  }
  return peak;
}

function freeBlocksReport(stats: BuddyStats): FreeBlocksReport {
  const freeBlocks = [...stats.freeBlocks];
  return {
    freeBlocks,
    freeBytes: stats.freePages * stats.pageSize,
    largestFreeBytes: stats.largestFreeBytes,
    externalFragmentationThousandths: freeBlocks.map((_, order) =>
      externalFragmentationIndex(freeBlocks, order),
    ),
    unusableFreeSpaceThousandths: freeBlocks.map((_, order) => unusableFreeSpaceIndex(freeBlocks, order)),
  };
}

/** Accounts for every event: what was not replayed is named with its reason. */
function eventsReport(
  countByKind: readonly number[],
  objects: ObjectsReport,
  pages: PagesReport,
): EventsReport {
  const { counts } = objects;
  const skipped = [
    { reason: "kfree-from-before", count: counts.kfreesFromBefore },
    {
      reason: "kmem_cache_free-from-before",
      count: counts.freesFromBefore - counts.kfreesFromBefore - counts.programFreesFromBefore,
    },
    { reason: "free-from-before", count: counts.programFreesFromBefore },
    { reason: "page-free-from-before", count: pages.counts.freesFromBefore },
    { reason: "null-free", count: counts.nullFrees },
    { reason: "failed-allocation", count: counts.failedAllocations + pages.counts.failedAllocations },
    { reason: "told-twice", count: countByKind[EventKind.MM_PAGE_FREE_BATCHED]! },
    {
      reason: "kernel-internal",
      count:
        countByKind[EventKind.MM_PAGE_ALLOC_ZONE_LOCKED]! +
        countByKind[EventKind.MM_PAGE_PCPU_DRAIN]! +
        countByKind[EventKind.MM_PAGE_ALLOC_EXTFRAG]!,
    },
  ] as const;
  return {
    read: countByKind.reduce((sum, count) => sum + count, 0),
    // A realloc is one event and two operations.
    replayed:
      counts.allocations +
      counts.frees +
      pages.counts.allocations +
      pages.counts.frees -
      countByKind[EventKind.REALLOC]!,
    skipped,
  };
}

function speedReport(operations: number, milliseconds: number): SpeedReport {
  const seconds = milliseconds / 1e3;
  return { operations, seconds, operationsPerSecond: perSecond(operations, seconds) };
}

function perSecond(count: number, seconds: number): number {
  return seconds > 0 ? Math.round(count / seconds) : 0;
}
