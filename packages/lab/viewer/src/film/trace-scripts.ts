/**
 * Makes scripts of a recording: its objects for a `Heap`, its blocks of pages for a `BuddyAllocator`. The space of each
 * begins and may grow as in the lab's replay, so a film and a replay of the same recording do the same.
 */
import { type ObjectStream, objectStream, type PageStream, pageStream } from "../../../src/replay/index.ts";
import { EventKind, LAST_NULL_KEY, NO_PAGE, type Trace } from "../../../src/trace/index.ts";
import type { HeapScript, PagesScript, Script, ScriptClock } from "./script.ts";

const PAGE_SIZE = 4096;
const MAX_HEAP_BYTES = 2 ** 32;
const MIN_HEAP_BYTES = 2 ** 20;
/** The kernel's largest order on most machines. */
const KERNEL_MAX_ORDER = 10;
/** How much larger than it starts a space of pages may become, and how many pages at most. */
const GROWTH_LIMIT = 16;
const MAX_PAGE_COUNT = 2 ** 26;

/** The kernel's migrate types, in their order; blocks are told apart by them. */
const MIGRATE_TYPES = ["unmovable", "movable", "reclaimable", "high atomic", "CMA", "isolate"];
const UNTOLD_TYPE = MIGRATE_TYPES.length;

/** The scripts that a recording holds: none, one or two. Expected O(events). */
export function traceScripts(trace: Trace, title: string): Script[] {
  const scripts: Script[] = [];
  const objects = objectStream(trace);
  if (objects.operations.length > 0) scripts.push(heapScript(trace, objects, title));
  const pages = pageStream(trace);
  if (pages.operations.length > 0) scripts.push(pagesScript(trace, pages, title));
  return scripts;
}

function heapScript(trace: Trace, stream: ObjectStream, title: string): HeapScript {
  const rows = rowsOf(trace, stream.operations, OBJECT_ROWS);
  return {
    kind: "heap",
    title,
    pageSize: PAGE_SIZE,
    size: Math.min(MAX_HEAP_BYTES, Math.max(MIN_HEAP_BYTES, powerOfTwoAtLeast(stream.peak.value))),
    maxSize: MAX_HEAP_BYTES,
    operations: stream.operations,
    pieceCount: stream.cacheOf.length,
    clock: clockOf(trace, rows),
    caches: stream.caches,
    cacheOf: stream.cacheOf,
    bytesRequested: stream.bytesRequested,
  };
}

function pagesScript(trace: Trace, stream: PageStream, title: string): PagesScript {
  const rows = rowsOf(trace, stream.operations, PAGE_ROWS);
  const maxOrder = Math.max(KERNEL_MAX_ORDER, stream.largestOrder);
  const pageCount = Math.max(2 ** maxOrder, powerOfTwoAtLeast(stream.peak.value));
  const groupOf = new Uint8Array(stream.order.length);
  for (let at = 0; at < rows.length; at++) {
    const piece = stream.operations[at]!;
    if (piece < 0) continue;
    const type = trace.events.migrateType[rows[at]!]!;
    groupOf[piece] = type >= 0 && type < UNTOLD_TYPE ? type : UNTOLD_TYPE;
  }
  return {
    kind: "pages",
    title,
    pageSize: PAGE_SIZE,
    size: pageCount * PAGE_SIZE,
    maxSize: Math.max(pageCount, Math.min(GROWTH_LIMIT * pageCount, MAX_PAGE_COUNT)) * PAGE_SIZE,
    operations: stream.operations,
    pieceCount: stream.order.length,
    clock: clockOf(trace, rows),
    maxOrder,
    order: stream.order,
    groupOf,
    groups: [...MIGRATE_TYPES, "untold"],
    bytesRequested: null,
  };
}

/** Which events of a recording allocate and free in one stream. */
interface RowKinds {
  allocates(kind: number, key: number): boolean;
  frees(kind: number): boolean;
}

const OBJECT_ROWS: RowKinds = {
  allocates: (kind, key) =>
    kind <= EventKind.KMEM_CACHE_ALLOC_NODE
      ? key > LAST_NULL_KEY
      : kind === EventKind.MALLOC || kind === EventKind.REALLOC,
  frees: (kind) => kind === EventKind.KFREE || kind === EventKind.KMEM_CACHE_FREE || kind === EventKind.FREE,
};

const PAGE_ROWS: RowKinds = {
  allocates: (kind, key) => kind === EventKind.MM_PAGE_ALLOC && key !== NO_PAGE,
  frees: (kind) => kind === EventKind.MM_PAGE_FREE,
};

/**
 * The event behind each operation. An allocation's event stands for its operation and for the frees that it tells of
 * without saying so, which come right before it; a free's event stands for an operation if the piece's key is its own.
 */
function rowsOf({ events }: Trace, operations: Int32Array, kinds: RowKinds): Uint32Array {
  const rows = new Uint32Array(operations.length);
  const keyOf = new Float64Array(operations.length);
  let at = 0;
  for (let row = 0; row < events.length && at < operations.length; row++) {
    const kind = events.kind[row]!;
    const key = events.key[row]!;
    if (kinds.allocates(kind, key)) {
      while (at < operations.length && operations[at]! < 0) rows[at++] = row;
      if (at === operations.length) break;
      keyOf[operations[at]!] = key;
      rows[at++] = row;
    } else if (kinds.frees(kind)) {
      const operation = operations[at]!;
      if (operation < 0 && keyOf[~operation] === key) rows[at++] = row;
    }
  }
  return rows;
}

function clockOf({ events, names, facts }: Trace, rows: Uint32Array): ScriptClock {
  const callSiteOf = new Int32Array(rows.length);
  const nanoseconds = new Float64Array(rows.length);
  const start = events.timeNanoseconds[0]!;
  for (let at = 0; at < rows.length; at++) {
    callSiteOf[at] = events.callSiteIndex[rows[at]!]!;
    nanoseconds[at] = events.timeNanoseconds[rows[at]!]! - start;
  }
  return {
    nanoseconds: facts.clockCountsTicks ? null : nanoseconds,
    callSiteOf,
    callSites: names.callSites.names,
  };
}

function powerOfTwoAtLeast(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}
