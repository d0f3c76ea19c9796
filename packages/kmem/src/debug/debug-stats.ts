/** The figures of a heap for debugging: what is in quarantine is nobody's, and counts as free. */
import type { HeapStats } from "../heap/stats.ts";

/** Figures of a heap for debugging: `objects`, `usedBytes` and those of the caches leave out what is in quarantine. */
export interface DebugHeapStats extends HeapStats {
  /** Guarded allocations so far. */
  guardedAllocations: number;
  /** Allocations in quarantine. */
  quarantinedObjects: number;
  /** Bytes of the slots, runs and places that those lie in. */
  quarantinedBytes: number;
}

/** Something in quarantine. */
export interface Waiting {
  /** The name of the cache whose slot it lies in; undefined outside of slabs. */
  readonly cache: string | undefined;
  /** Bytes of its slot, run or place. */
  readonly heldBytes: number;
}

/** `stats`, which count what is in quarantine as in use, without that. O(what is in quarantine + caches). */
export function withoutQuarantine(
  stats: HeapStats,
  quarantine: Iterable<Waiting>,
  guardedAllocations: number,
): DebugHeapStats {
  const waiting = new Map<string, number>();
  const large = { objects: 0, bytes: 0 };
  let quarantinedObjects = 0;
  let quarantinedBytes = 0;
  for (const { cache, heldBytes } of quarantine) {
    quarantinedObjects++;
    quarantinedBytes += heldBytes;
    if (cache === undefined) {
      large.objects++;
      large.bytes += heldBytes;
    } else waiting.set(cache, (waiting.get(cache) ?? 0) + 1);
  }
  return {
    ...stats,
    caches: stats.caches.map((cache) => ({
      ...cache,
      objects: cache.objects - (waiting.get(cache.name) ?? 0),
    })),
    objects: stats.objects - quarantinedObjects,
    usedBytes: stats.usedBytes - quarantinedBytes,
    largeObjects: stats.largeObjects - large.objects,
    largeBytes: stats.largeBytes - large.bytes,
    guardedAllocations,
    quarantinedObjects,
    quarantinedBytes,
  };
}
