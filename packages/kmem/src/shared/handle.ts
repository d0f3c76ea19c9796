/** What carries a shared heap from thread to thread, and how a thread gets its number. Nothing of it is trusted unseen. */
import { MAX_END_OFFSET, type MemoryLike } from "../backing/backing.ts";
import { END_PAGE } from "../buddy/tables.ts";
import { AllocError } from "../errors.ts";
import { GRANULE, SLOT_SIZES } from "../heap/size-classes.ts";
import * as L from "./layout.ts";

/** What a thread needs to attach: a plain object that structured clone carries. */
export interface SharedHeapHandle {
  /** What this is: a heap, or one for debugging, which `DebugSharedHeap` of `kmem/debug` attaches to. */
  readonly format: "kmem-shared-heap" | "kmem-debug-shared-heap";
  /** The heap's tables. */
  readonly tables: SharedArrayBuffer;
  /** The bytes, where they are a buffer. */
  readonly buffer?: SharedArrayBuffer;
  /** The bytes, where they are a WebAssembly memory. */
  readonly memory?: MemoryLike;
}

/** The most caches: the size classes, and the named ones. */
export function cacheLimitOf(geometry: L.SharedGeometry): number {
  return SLOT_SIZES.length + geometry.maxCaches;
}

/** The error `INVALID_HANDLE` of what no thread can attach to. */
export function invalidHandle(reason: string): AllocError {
  return new AllocError("INVALID_HANDLE", `cannot attach: ${reason}`);
}

/** The geometry that a handle's tables tell of, and the tables. Throws `AllocError` `INVALID_HANDLE`. */
export function openTables(handle: SharedHeapHandle): { geometry: L.SharedGeometry; tables: L.SharedTables } {
  const buffer: unknown = handle?.tables;
  if (handle?.format === "kmem-debug-shared-heap") {
    throw invalidHandle("it is the handle of a heap for debugging: DebugSharedHeap.attach takes it");
  }
  if (handle?.format !== "kmem-shared-heap" || !(buffer instanceof SharedArrayBuffer)) {
    throw invalidHandle("it is not the handle of a shared heap");
  }
  if (buffer.byteLength < 4 * L.HEADER_WORDS) throw invalidHandle("its tables are too short");
  const geometry = L.readGeometry(new Int32Array(buffer, 0, L.HEADER_WORDS));
  if (typeof geometry === "string") throw invalidHandle(geometry);
  const limit = cacheLimitOf(geometry);
  const byteLength = L.tableBytes(geometry, limit, GRANULE);
  if (byteLength !== buffer.byteLength) {
    throw invalidHandle(`its tables have ${buffer.byteLength} bytes, not ${byteLength}`);
  }
  const tables = L.cutTables(buffer, geometry, limit, GRANULE);
  const end = geometry.base + presentSize(geometry, tables);
  const bytes: (SharedArrayBuffer & { maxByteLength?: number }) | undefined = handle.buffer;
  const most = handle.memory === undefined ? (bytes?.maxByteLength ?? bytes?.byteLength) : MAX_END_OFFSET;
  const present = bytes ?? handle.memory?.buffer;
  if (present !== undefined && !(present instanceof SharedArrayBuffer))
    throw invalidHandle("its bytes are not shared");
  if (!((present?.byteLength as number) >= end && (most as number) >= geometry.base + geometry.maxSize)) {
    throw invalidHandle(`its bytes do not reach offset ${end}, or cannot grow as far as its tables do`);
  }
  return { geometry, tables };
}

/** Bytes in the heap now. */
export function presentSize(geometry: L.SharedGeometry, { buddy }: L.SharedTables): number {
  return (buddy.state[END_PAGE] - L.pageCounts(geometry).firstPage) * geometry.pageSize;
}

/** Takes a number that nobody has: `wanted`, or the first there is. Throws `AllocError` `TOO_MANY_THREADS`. */
export function enlist(threads: Int32Array, wanted: number | undefined): number {
  const first = wanted ?? 0;
  const end = wanted === undefined ? threads.length : wanted + 1;
  for (let thread = first; thread < end; thread++) {
    const state = Atomics.compareExchange(threads, thread, L.THREAD_FREE, L.THREAD_ALIVE);
    if (state === L.THREAD_FREE) return thread;
  }
  const reason =
    wanted === undefined
      ? `all ${threads.length} threads of the heap are attached`
      : `thread ${wanted} is taken`;
  throw new AllocError(
    "TOO_MANY_THREADS",
    `${reason}; detach one, or recover one that died (with trackOwners, free what it owned as well)`,
  );
}
