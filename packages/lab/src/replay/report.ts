/**
 * What a replay found, as the JSON document that `kmem replay --json` prints. Field names end in their unit;
 * a count has none.
 */
import type { NamedFacts, TraceOrigin } from "../trace/recording.ts";
import type { Arrangement } from "./arrangement.ts";
import type { ObjectCounts } from "./object-stream.ts";
import type { PageCounts } from "./page-stream.ts";
import type { StepReport } from "./step-recorder.ts";

/** Names the shape of `ReplayReport`; changes when a field changes its meaning or goes away. */
export const REPORT_SCHEMA = "kmem-replay/1";

/** The recording, with its counts by name. */
export type RecordingReport = TraceOrigin & NamedFacts;

/** Why events were not replayed, each with its count. All counts together with `replayed` are all events. */
export interface EventsReport {
  readonly read: number;
  readonly replayed: number;
  readonly skipped: readonly { readonly reason: SkipReason; readonly count: number }[];
}

/** Why an event was not replayed. */
export type SkipReason =
  /** The memory was allocated before the recording began. */
  | "kfree-from-before"
  | "kmem_cache_free-from-before"
  | "free-from-before"
  | "page-free-from-before"
  /** A free of NULL or of the result of `kmalloc(0)`. */
  | "null-free"
  /** The allocation failed in the kernel. */
  | "failed-allocation"
  /** Tells again of pages that `mm_page_free` has told of. */
  | "told-twice"
  /** The kernel's page allocator moved pages between its own lists. */
  | "kernel-internal";

/** One cache at one moment of a replay. */
export interface CacheMoment {
  /** Objects in use. */
  readonly live: number;
  /** Objects that the cache has room for in the slabs it holds. */
  readonly slots: number;
  readonly slabs: number;
  /** Of the pages that the cache holds. */
  readonly heldBytes: number;
  /** What the callers asked for, over the live objects. */
  readonly requestedBytes: number;
  /** What the recorded kernel gave for the same objects: the sum of `bytes_alloc`. */
  readonly kernelBytes: number;
}

/** A cache of the heap: one of the kernel's by name, one of the heap's size classes, or the large objects. */
export interface CacheReport {
  readonly name: string;
  readonly kind: "named" | "size-class" | "large";
  /** Largest object that fits; 0 for the large objects, which have no common size. */
  readonly objectSizeBytes: number;
  /** What an object takes in a slab; 0 for the large objects. */
  readonly slotSizeBytes: number;
  /** The most objects that were in use at once; null for size classes, which are looked at only at two moments. */
  readonly peakLive: number | null;
  /** When the payload of all objects together was at its highest. */
  readonly atPeak: CacheMoment;
  readonly atEnd: CacheMoment;
}

/** Free blocks at one moment, and how fragmented they are. The index of each array is the order. */
export interface FreeBlocksReport {
  readonly freeBlocks: readonly number[];
  /** Of all free blocks. */
  readonly freeBytes: number;
  readonly largestFreeBytes: number;
  /** The kernel's external-fragmentation index in thousandths: -1000 where an allocation would succeed. */
  readonly externalFragmentationThousandths: readonly number[];
  /** The kernel's unusable-free-space index in thousandths. */
  readonly unusableFreeSpaceThousandths: readonly number[];
}

/** Three moments of a replay. */
export interface FreeBlocksOverTime {
  readonly before: FreeBlocksReport;
  /** When the payload was at its highest. */
  readonly atPeak: FreeBlocksReport;
  readonly after: FreeBlocksReport;
}

/** What was asked for against what was held for it. */
export interface FootprintReport {
  /** The highest sum of what the callers asked for; exact. */
  readonly peakPayloadBytes: number;
  /** Of the pages held at that moment. */
  readonly heldAtPeakPayloadBytes: number;
  /** The most that the pages held came to, at `sampleCount` evenly spread moments and at the peak of the payload. */
  readonly peakHeldBytes: number;
  readonly sampleCount: number;
  readonly endPayloadBytes: number;
  readonly endHeldBytes: number;
  /** Of the allocator's own tables, at the end. */
  readonly metadataBytes: number;
}

/** How fast operations were applied. Reading, linking, sampling and showing progress are not in it. */
export interface SpeedReport {
  /** Allocations and frees that were applied. */
  readonly operations: number;
  readonly seconds: number;
  readonly operationsPerSecond: number;
}

/** The replay of the objects through a `Heap`. */
export interface ObjectsReport {
  readonly arrangement: Arrangement;
  readonly counts: ObjectCounts;
  readonly liveAtEnd: number;
  readonly footprint: FootprintReport;
  /** What the kernel gave for the objects that lived at the peak of the payload. */
  readonly kernelBytesAtPeak: number;
  readonly spaceBytes: number;
  readonly caches: readonly CacheReport[];
  /** Of the page allocator below the heap. */
  readonly blocks: FreeBlocksOverTime;
  /** The states on the way, where they were asked for. */
  readonly steps: readonly StepReport[];
  readonly speed: SpeedReport;
}

/** The replay of the blocks of pages through a `BuddyAllocator`. */
export interface PagesReport {
  readonly counts: PageCounts;
  readonly liveAtEnd: number;
  readonly footprint: FootprintReport;
  readonly spaceBytes: number;
  /** How often the space had to be doubled. */
  readonly growths: number;
  readonly blocks: FreeBlocksOverTime;
  /** The states on the way, where they were asked for. */
  readonly steps: readonly StepReport[];
  readonly speed: SpeedReport;
}

/** Everything about one replay. */
export interface ReplayReport {
  readonly schema: typeof REPORT_SCHEMA;
  readonly recording: RecordingReport;
  readonly pageSizeBytes: number;
  readonly events: EventsReport;
  readonly objects: ObjectsReport;
  readonly pages: PagesReport;
  readonly time: {
    readonly readSeconds: number;
    readonly eventsReadPerSecond: number;
    /** Finding the allocation of every free. */
    readonly linkSeconds: number;
    /** Applying all operations to the allocators. */
    readonly applySeconds: number;
    readonly operationsPerSecond: number;
  };
}
