/** A recording as work for contenders: pieces with sizes, allocated and freed in order. */
import type { ObjectStream } from "../replay/object-stream.ts";
import type { PageStream } from "../replay/page-stream.ts";

/** What contenders are given. */
export interface Work {
  readonly kind: "objects" | "pages";
  /** `i`: piece i is allocated; `~i`: it is freed. */
  readonly operations: Int32Array;
  /** For each piece: what is asked for, in units. */
  readonly sizes: Float64Array;
  /** For each piece: what the recorded allocator gave, in units; 0 where that is not told. */
  readonly given: Float64Array;
  /** Bytes of a unit: 1 for objects, the page size for pages. */
  readonly unitBytes: number;
  /** The highest sum of live sizes, in units, and the operations after which it was reached. */
  readonly peakUnits: number;
  readonly peakPosition: number;
}

/** The objects of a recording. O(1). */
export function objectWork(stream: ObjectStream): Work {
  return {
    kind: "objects",
    operations: stream.operations,
    sizes: stream.bytesRequested,
    given: stream.bytesAllocated,
    unitBytes: 1,
    peakUnits: stream.peak.value,
    peakPosition: stream.peak.operationCount,
  };
}

/** The blocks of pages of a recording. O(blocks). */
export function pageWork(stream: PageStream, pageSize: number): Work {
  const sizes = Float64Array.from(stream.order, (order) => 2 ** order);
  return {
    kind: "pages",
    operations: stream.operations,
    sizes,
    given: sizes,
    unitBytes: pageSize,
    peakUnits: stream.peak.value,
    peakPosition: stream.peak.operationCount,
  };
}

/** The class of sizes that failures are counted by: the order of a block of pages, log2 of an object's bytes rounded up. */
export function sizeClassOf(units: number): number {
  return Math.max(0, Math.ceil(Math.log2(units)));
}
