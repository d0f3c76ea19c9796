/** One look at the allocators: a sample, what follows from it, and what changed since the look before. */
import { externalFragmentationIndex, unusableFreeSpaceIndex } from "kmem";
import type { Sample, ZoneSample } from "./sample.ts";

/** One zone. Each list's index is the order. */
export interface ZoneLook {
  readonly node: number;
  readonly zone: string;
  readonly managedBytes: number;
  readonly freeBytes: number;
  /** Bytes in the lists of single processors. */
  readonly perCpuBytes: number;
  readonly freeBlocks: readonly number[];
  /** Free blocks now minus then; null at the first look. */
  readonly freeBlocksChange: readonly number[] | null;
  /** The share of free memory that a request of this order cannot use, in thousandths. */
  readonly unusableIndex: readonly number[];
  /** The kernel's external-fragmentation index of a request of this order, in thousandths; -1000 if it can be met. */
  readonly fragmentationIndex: readonly number[];
}

/** One cache. */
export interface CacheLook {
  readonly name: string;
  readonly activeObjects: number;
  readonly slots: number;
  readonly objectBytes: number;
  readonly slabs: number;
  /** Of all its slabs. */
  readonly heldBytes: number;
  /** Objects now minus then; null at the first look. */
  readonly activeObjectsChange: number | null;
  /** Bytes of slabs now minus then; null at the first look. */
  readonly heldBytesChange: number | null;
}

/** What `--json` prints. */
export interface Look {
  readonly schema: "kmem-live/1";
  /** Since the look before; null at the first. */
  readonly elapsedSeconds: number | null;
  readonly zones: readonly ZoneLook[];
  /** Those that hold most first; null where this process may not read them. */
  readonly caches: readonly CacheLook[] | null;
}

/** Looks at `now`, and at what changed since `before`, a sample of the same machine. */
export function lookAt(now: Sample, before: Sample | null): Look {
  const { pageBytes } = now;
  const cachesBefore = new Map(before?.caches?.map((cache) => [cache.name, cache]));
  const caches = now.caches?.map((cache): CacheLook => {
    const { name, activeObjects, objects, objectBytes, slabs, pagesPerSlab } = cache;
    const heldBytes = slabs * pagesPerSlab * pageBytes;
    const then = cachesBefore.get(name);
    const isNew = before === null || then === undefined;
    return {
      name,
      activeObjects,
      slots: objects,
      objectBytes,
      slabs,
      heldBytes,
      activeObjectsChange: isNew ? null : activeObjects - then.activeObjects,
      heldBytesChange: isNew ? null : heldBytes - then.slabs * then.pagesPerSlab * pageBytes,
    };
  });
  return {
    schema: "kmem-live/1",
    elapsedSeconds: before === null ? null : (now.timeMilliseconds - before.timeMilliseconds) / 1e3,
    zones: now.zones.map((zone) => zoneLook(zone, before, pageBytes)),
    caches: caches?.sort((one, other) => other.heldBytes - one.heldBytes) ?? null,
  };
}

function zoneLook(sample: ZoneSample, before: Sample | null, pageBytes: number): ZoneLook {
  const { node, zone, freeBlocks, managedPages, perCpuPages } = sample;
  const then = before?.zones.find((each) => each.node === node && each.zone === zone);
  const freePages = freeBlocks.reduce((sum, count, order) => sum + count * 2 ** order, 0);
  return {
    node,
    zone,
    managedBytes: managedPages * pageBytes,
    freeBytes: freePages * pageBytes,
    perCpuBytes: perCpuPages * pageBytes,
    freeBlocks,
    freeBlocksChange:
      then === undefined ? null : freeBlocks.map((count, order) => count - (then.freeBlocks[order] ?? 0)),
    unusableIndex: freeBlocks.map((_, order) => unusableFreeSpaceIndex(freeBlocks, order)),
    fragmentationIndex: freeBlocks.map((_, order) => externalFragmentationIndex(freeBlocks, order)),
  };
}
