/**
 * What a recording says of one event, as far as an allocator needs it: the kernel's `kmem` trace events, and the
 * calls of a program's `malloc` family.
 *
 * A reader hands events to a sink one at a time in one object that it reuses, so that a recording of any
 * length passes through without leaving garbage. A sink copies what it wants to keep.
 */

/** The kinds of event, as small integers so that a column of them is bytes. A file holds them by name. */
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
  /** A program got memory. */
  MALLOC: 12,
  /** A program gave memory back. */
  FREE: 13,
  /** A program changed the size of memory that keeps its key. */
  REALLOC: 14,
} as const;

/** One value of `EventKind`. */
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

/** The name of each kind, the kernel's where it is the kernel's: the index is the kind. */
export const EVENT_NAMES: readonly string[] = Object.keys(EventKind).map((name) => name.toLowerCase());

/** Does this kind name its memory by page frame number? The others name it by pointer. */
export function isPageKind(kind: EventKind): boolean {
  return kind >= EventKind.MM_PAGE_ALLOC && kind <= EventKind.MM_PAGE_ALLOC_EXTFRAG;
}

/** Does this kind ask for a number of bytes? */
export function asksForBytes(kind: EventKind): boolean {
  return kind <= EventKind.KMEM_CACHE_ALLOC_NODE || kind === EventKind.MALLOC || kind === EventKind.REALLOC;
}

/** Is this kind a call of a program, not of the kernel? */
export function isProgramKind(kind: EventKind): boolean {
  return kind >= EventKind.MALLOC;
}

/** An index of an event that has no such name. */
export const NO_NAME = -1;

/** `TraceEvent.key` of a page allocation that failed in the kernel. */
export const NO_PAGE = -1;

/** A number of an event that does not tell it: `migrateType`, `cpu`, `pid`. */
export const UNTOLD = -1;

/** `TraceEvent.node` where the event does not tell it. -1 is the kernel's own word for "any node". */
export const NODE_UNTOLD = -128;

/** The largest key that the kernel frees as a no-op: NULL is 0, the result of `kmalloc(0)` is 16. */
export const LAST_NULL_KEY = 16;

/** One event. The reader owns it and overwrites it after the sink returns. */
export interface TraceEvent {
  kind: EventKind;
  /** Since the clock's start; ticks where the recording's clock does not count seconds. Whole, up to 2^53 (104 days). */
  timeNanoseconds: number;
  /**
   * What tells this piece of memory from others. Page events: the page frame number, or `NO_PAGE`. All others: a
   * whole number that stands for the pointer, without loss (see `PointerKeys`).
   */
  key: number;
  /** Index into the recording's cache names, or `NO_NAME`. */
  cacheIndex: number;
  /** Index into the call sites: who asked for the memory or gave it back; or `NO_NAME`. */
  callSiteIndex: number;
  /** Index into the texts of gfp flags, such as `GFP_KERNEL|__GFP_ZERO`; or `NO_NAME`. */
  gfpIndex: number;
  /** Index into the names of tasks, or `NO_NAME`. */
  taskIndex: number;
  /** What the caller asked for; 0 for frees and page events. */
  bytesRequested: number;
  /** What the allocator gave, so the size of its slot; 0 for frees and page events, and where it is not told. */
  bytesAllocated: number;
  /** log2 of the block's pages; 0 for all but page events. */
  order: number;
  /** The kernel's migrate type, or `UNTOLD`. */
  migrateType: number;
  /** The memory node asked for, -1 for any, or `NODE_UNTOLD`. */
  node: number;
  /** The processor it happened on, or `UNTOLD`. */
  cpu: number;
  /** The task's number, or `UNTOLD`. */
  pid: number;
}

/** An event with nothing told, for a reader to fill in again and again. */
export function blankEvent(): TraceEvent {
  return {
    kind: EventKind.MALLOC,
    timeNanoseconds: 0,
    key: 0,
    cacheIndex: NO_NAME,
    callSiteIndex: NO_NAME,
    gfpIndex: NO_NAME,
    taskIndex: NO_NAME,
    bytesRequested: 0,
    bytesAllocated: 0,
    order: 0,
    migrateType: UNTOLD,
    node: NODE_UNTOLD,
    cpu: UNTOLD,
    pid: UNTOLD,
  };
}

/** Takes the events of a recording in order. */
export interface TraceSink {
  /** Takes one event; must copy what it keeps, since the caller reuses the object. */
  add(event: Readonly<TraceEvent>): void;
}
