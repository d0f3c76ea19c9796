/** How a thread comes to a shared heap: by making it, or by the handle of one that is made. */
import { requireInteger } from "../errors.ts";
import { GRANULE } from "../heap/size-classes.ts";
import { cacheLimitOf, enlist, openTables, presentSize, type SharedHeapHandle } from "./handle.ts";
import * as L from "./layout.ts";
import { Lock } from "./lock.ts";
import { planHeap, type SharedHeapOptions } from "./options.ts";

/** What a thread has of a shared heap once it is attached. */
export interface Attachment {
  readonly handle: SharedHeapHandle;
  readonly geometry: L.SharedGeometry;
  readonly tables: L.SharedTables;
  /** The thread's number. */
  readonly thread: number;
  readonly lock: Lock;
  /** Bytes in the heap now. */
  readonly size: number;
}

/** Makes the tables of a heap, and attaches this thread. Throws as `SharedHeap.create`. */
export function establish(options: SharedHeapOptions): Attachment {
  const { geometry, space, bytes } = planHeap(options);
  const limit = cacheLimitOf(geometry);
  const buffer = new SharedArrayBuffer(L.tableBytes(geometry, limit, GRANULE));
  const tables = L.cutTables(buffer, geometry, limit, GRANULE);
  L.writeGeometry(tables.header, geometry);
  const handle: SharedHeapHandle = { format: "kmem-shared-heap", tables: buffer, ...bytes };
  return enter(handle, geometry, tables, undefined, space.size);
}

/** Attaches this thread to the heap of `handle`, under the number `threadId` or the first that is free. As `SharedHeap.attach`. */
export function join(handle: SharedHeapHandle, threadId: number | undefined): Attachment {
  const { geometry, tables } = openTables(handle);
  if (threadId !== undefined) requireInteger("threadId", threadId, 0, geometry.maxThreads - 1);
  return enter(handle, geometry, tables, threadId, presentSize(geometry, tables));
}

function enter(
  handle: SharedHeapHandle,
  geometry: L.SharedGeometry,
  tables: L.SharedTables,
  wanted: number | undefined,
  size: number,
): Attachment {
  const thread = enlist(tables.threads, wanted);
  const lock = new Lock(tables.header, L.HEADER_LOCK, thread, geometry.stallMs);
  return { handle, geometry, tables, thread, lock, size };
}
