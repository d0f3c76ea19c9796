/**
 * What the kernel's `kmem` trace events say, as far as an allocator needs it.
 *
 * A reader hands events to a sink one at a time in one object that it reuses, so that a recording of any
 * length passes through without leaving garbage. A sink copies what it wants to keep.
 */

/** The kinds of event, as small integers so that a column of them is bytes. */
export const EventKind = {
  KMALLOC: 0,
  KMALLOC_NODE: 1,
  KMEM_CACHE_ALLOC: 2,
  KMEM_CACHE_ALLOC_NODE: 3,
  KFREE: 4,
  KMEM_CACHE_FREE: 5,
  MM_PAGE_ALLOC: 6,
  MM_PAGE_FREE: 7,
  MM_PAGE_FREE_BATCHED: 8,
  MM_PAGE_ALLOC_ZONE_LOCKED: 9,
  MM_PAGE_PCPU_DRAIN: 10,
  MM_PAGE_ALLOC_EXTFRAG: 11,
} as const;

/** One value of `EventKind`. */
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

/** The kernel's name of each kind: the index is the kind. */
export const EVENT_NAMES: readonly string[] = Object.keys(EventKind).map((name) => name.toLowerCase());

/** `TraceEvent.cacheIndex` of an event without a cache name. */
export const NO_CACHE = -1;

/** `TraceEvent.key` of a page allocation that failed in the kernel. */
export const NO_PAGE = -1;

/** The largest key that the kernel frees as a no-op: NULL is 0, the result of `kmalloc(0)` is 16. */
export const LAST_NULL_KEY = 16;

/** One event. The reader owns it and overwrites it after the sink returns. */
export interface TraceEvent {
  kind: EventKind;
  /** Since the clock's start; ticks where the recording's clock does not count seconds. */
  timeMicroseconds: number;
  /**
   * What tells this piece of memory from others. Object events: a whole number that stands for the kernel's
   * pointer, without loss (see `PointerKeys`). Page events: the page frame number, or `NO_PAGE`.
   */
  key: number;
  /** Index into the recording's cache names, or `NO_CACHE`. */
  cacheIndex: number;
  /** What the caller asked for; 0 for frees and page events. */
  bytesRequested: number;
  /** What the kernel gave, so the size of its slot; 0 for frees and page events. */
  bytesAllocated: number;
  /** log2 of the block's pages; 0 for object events. */
  order: number;
}

/** Takes the events of a recording in order. */
export interface TraceSink {
  /** Takes one event; must copy what it keeps, since the caller reuses the object. */
  add(event: Readonly<TraceEvent>): void;
}
