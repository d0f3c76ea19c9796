/** Counts what each cache of a heap holds at one moment of an object replay. */
import { livePieces } from "./lifetimes.ts";
import type { ObjectReplay } from "./object-replay.ts";
import { KMALLOC, type ObjectStream } from "./object-stream.ts";
import type { CacheMoment, CacheReport } from "./report.ts";

/** What the objects of one cache come to. */
interface Tally {
  live: number;
  requestedBytes: number;
  kernelBytes: number;
}

/** A cache at one moment, with what tells it from others. */
export interface CacheState extends Pick<CacheReport, "name" | "kind" | "objectSizeBytes" | "slotSizeBytes"> {
  readonly moment: CacheMoment;
}

const emptyTally = (): Tally => ({ live: 0, requestedBytes: 0, kernelBytes: 0 });

/**
 * The state of every cache now: the named ones in the stream's order, then the size classes that hold pages, then
 * the large objects if there are any. O(operations so far + objects).
 */
export function takeCensus(replay: ObjectReplay, stream: ObjectStream, pageSize: number): CacheState[] {
  const named = stream.caches.map(emptyTally);
  const kmallocBySize = new Map<number, Tally>();
  const isLive = livePieces(stream.operations, replay.position, stream.cacheOf.length);
  for (let object = 0; object < isLive.length; object++) {
    if (isLive[object] === 0) continue;
    const cache = stream.cacheOf[object]!;
    const tally =
      cache === KMALLOC
        ? tallyOfSize(kmallocBySize, replay.heap.usableSize(replay.offsetOf(object)))
        : named[cache]!;
    tally.live++;
    tally.requestedBytes += stream.bytesRequested[object]!;
    tally.kernelBytes += stream.bytesAllocated[object]!;
  }
  return [...namedStates(replay, stream, named, pageSize), ...kmallocStates(replay, kmallocBySize, pageSize)];
}

function namedStates(
  replay: ObjectReplay,
  stream: ObjectStream,
  tallies: readonly Tally[],
  pageSize: number,
): CacheState[] {
  return replay.caches.map((cache, index) => {
    const { slotSize, slots, slabs, pages } = cache.stats();
    return {
      name: stream.caches[index]!.name,
      kind: "named",
      objectSizeBytes: stream.caches[index]!.objectSize,
      slotSizeBytes: slotSize,
      moment: { ...tallies[index]!, slots, slabs, heldBytes: pages * pageSize },
    };
  });
}

/** Every object whose usable size is a class's belongs to it; larger ones are runs of pages of their own. */
function kmallocStates(
  replay: ObjectReplay,
  tallyBySize: Map<number, Tally>,
  pageSize: number,
): CacheState[] {
  const { caches } = replay.heap.stats();
  // The size classes come first, then the named caches, which are all made by the replay.
  const classes = caches.slice(0, caches.length - replay.caches.length);
  const states: CacheState[] = [];
  for (const { name, objectSize, slotSize, slots, slabs, pages } of classes) {
    const tally = tallyBySize.get(objectSize) ?? emptyTally();
    tallyBySize.delete(objectSize);
    if (pages === 0) continue;
    states.push({
      name,
      kind: "size-class",
      objectSizeBytes: objectSize,
      slotSizeBytes: slotSize,
      moment: { ...tally, slots, slabs, heldBytes: pages * pageSize },
    });
  }
  const large = emptyTally();
  let heldBytes = 0;
  for (const [usableBytes, tally] of tallyBySize) {
    large.live += tally.live;
    large.requestedBytes += tally.requestedBytes;
    large.kernelBytes += tally.kernelBytes;
    heldBytes += tally.live * usableBytes;
  }
  if (large.live > 0) {
    states.push({
      name: "large objects",
      kind: "large",
      objectSizeBytes: 0,
      slotSizeBytes: 0,
      moment: { ...large, slots: large.live, slabs: 0, heldBytes },
    });
  }
  return states;
}

function tallyOfSize(tallies: Map<number, Tally>, sizeBytes: number): Tally {
  let tally = tallies.get(sizeBytes);
  if (tally === undefined) {
    tally = emptyTally();
    tallies.set(sizeBytes, tally);
  }
  return tally;
}
