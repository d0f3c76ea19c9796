import {
  asksForBytes,
  EventKind,
  isPageKind,
  isProgramKind,
  LAST_NULL_KEY,
  NO_NAME,
} from "../trace/event.ts";
import type { EventColumns } from "../trace/event-columns.ts";
import type { Trace } from "../trace/trace.ts";
import { LifetimeLinker, Peak, type LifetimeCounts } from "./lifetimes.ts";

/** `ObjectStream.cacheOf` of an object that came from `kmalloc`, or from a program's `malloc`. */
export const KMALLOC = -1;

/** A cache of the recorded kernel: one name and one object size. */
export interface RecordedCache {
  /** The kernel's name; with `:size` behind it where one name has several sizes. */
  readonly name: string;
  /** `bytes_req` of its objects. */
  readonly objectSize: number;
}

/** What happened to the objects of a recording, besides their lifetimes. */
export interface ObjectCounts extends LifetimeCounts {
  /** Frees of NULL or of the result of `kmalloc(0)`, which do nothing; not in the stream. */
  nullFrees: number;
  /**
   * Of `frees`: those by `kfree` of an object of a named cache, or under another cache's name (the kernel
   * merges caches whose objects look alike). The object goes back to where it came from.
   */
  freesUnderOtherName: number;
  /** Of `freesFromBefore`: by `kfree`. */
  kfreesFromBefore: number;
  /** Of `freesFromBefore`: by a program. */
  programFreesFromBefore: number;
}

/** The objects of a recording as a stream of operations that any allocator can be fed with. */
export interface ObjectStream {
  /** `i`: object i is allocated; `~i`: it is freed. */
  readonly operations: Int32Array;
  readonly caches: readonly RecordedCache[];
  /** For each object: index into `caches`, or `KMALLOC`. */
  readonly cacheOf: Int32Array;
  /** For each object: what the caller asked for. */
  readonly bytesRequested: Float64Array;
  /** For each object: what the recorded allocator gave; 0 where that is not told. */
  readonly bytesAllocated: Float64Array;
  readonly counts: ObjectCounts;
  /** Sum of `bytesRequested` over live objects at its highest. */
  readonly peak: Peak;
  /** Sum of `bytesRequested` over the objects that live at the end. */
  readonly endBytes: number;
}

/** Gives every pair of name and size its index, and at the end its own name. */
class RecordedCaches {
  readonly #found: { nameIndex: number; objectSize: number }[] = [];
  readonly #indexByKey = new Map<number, number>();

  indexOf(nameIndex: number, objectSize: number): number {
    const key = (nameIndex + 1) * 2 ** 32 + objectSize;
    const known = this.#indexByKey.get(key);
    if (known !== undefined) return known;
    const index = this.#found.push({ nameIndex, objectSize }) - 1;
    this.#indexByKey.set(key, index);
    return index;
  }

  nameIndexOf(cache: number): number {
    return this.#found[cache]!.nameIndex;
  }

  named(names: readonly string[]): RecordedCache[] {
    const sizesOfName = new Map<number, number>();
    for (const { nameIndex } of this.#found)
      sizesOfName.set(nameIndex, (sizesOfName.get(nameIndex) ?? 0) + 1);
    return this.#found.map(({ nameIndex, objectSize }) => {
      const name = nameIndex === NO_NAME ? "unnamed" : names[nameIndex]!;
      const isUnique = nameIndex !== NO_NAME && sizesOfName.get(nameIndex) === 1;
      return { name: isUnique ? name : `${name}:${objectSize}`, objectSize };
    });
  }
}

/** Collects a stream event by event; `row` is an event's row in the recording's columns. */
class ObjectStreamBuilder {
  readonly #events: EventColumns;
  readonly #caches = new RecordedCaches();
  readonly #linker: LifetimeLinker;
  readonly #cacheOf: Int32Array;
  readonly #bytesRequested: Float64Array;
  readonly #bytesAllocated: Float64Array;
  readonly #peak = new Peak();
  #liveBytes = 0;
  #nullFrees = 0;
  #freesUnderOtherName = 0;
  #kfreesFromBefore = 0;
  #programFreesFromBefore = 0;

  constructor({ events, facts }: Trace) {
    this.#events = events;
    const objectCount = sumOfKinds(facts.countByKind, asksForBytes);
    this.#cacheOf = new Int32Array(objectCount);
    this.#bytesRequested = new Float64Array(objectCount);
    this.#bytesAllocated = new Float64Array(objectCount);
    const eventCount = sumOfKinds(facts.countByKind, (kind) => !isPageKind(kind));
    this.#linker = new LifetimeLinker(eventCount, (object) => {
      this.#liveBytes -= this.#bytesRequested[object]!;
    });
  }

  /** Takes the event in `row`; page events are passed over. */
  take(row: number): void {
    const kind = this.#events.kind[row] as EventKind;
    switch (kind) {
      case EventKind.KMALLOC:
      case EventKind.KMALLOC_NODE:
      case EventKind.KMEM_CACHE_ALLOC:
      case EventKind.KMEM_CACHE_ALLOC_NODE:
        if (this.#events.key[row]! <= LAST_NULL_KEY) this.#linker.counts.failedAllocations++;
        else this.#allocate(row, kind <= EventKind.KMALLOC_NODE);
        break;
      case EventKind.KFREE:
      case EventKind.KMEM_CACHE_FREE:
        if (this.#events.key[row]! <= LAST_NULL_KEY) this.#nullFrees++;
        else this.#free(row, kind);
        break;
      // The piece keeps its key but is another from here on, as the kernel's own krealloc is recorded.
      case EventKind.REALLOC:
        this.#free(row, kind);
        this.#allocate(row, true);
        break;
      case EventKind.MALLOC:
        this.#allocate(row, this.#events.cacheIndex[row] === NO_NAME);
        break;
      case EventKind.FREE:
        this.#free(row, kind);
        break;
    }
  }

  finish(cacheNames: readonly string[]): ObjectStream {
    const { counts } = this.#linker;
    return {
      operations: this.#linker.operations(),
      caches: this.#caches.named(cacheNames),
      cacheOf: this.#cacheOf.subarray(0, counts.allocations),
      bytesRequested: this.#bytesRequested.subarray(0, counts.allocations),
      bytesAllocated: this.#bytesAllocated.subarray(0, counts.allocations),
      counts: {
        ...counts,
        nullFrees: this.#nullFrees,
        freesUnderOtherName: this.#freesUnderOtherName,
        kfreesFromBefore: this.#kfreesFromBefore,
        programFreesFromBefore: this.#programFreesFromBefore,
      },
      peak: this.#peak,
      endBytes: this.#liveBytes,
    };
  }

  #allocate(row: number, isMalloc: boolean): void {
    const bytesRequested = this.#events.bytesRequested[row]!;
    const object = this.#linker.allocate(this.#events.key[row]!);
    this.#cacheOf[object] = isMalloc
      ? KMALLOC
      : this.#caches.indexOf(this.#events.cacheIndex[row]!, bytesRequested);
    this.#bytesRequested[object] = bytesRequested;
    this.#bytesAllocated[object] = this.#events.bytesAllocated[row]!;
    this.#liveBytes += bytesRequested;
    this.#peak.see(this.#liveBytes, this.#linker.length);
  }

  #free(row: number, kind: EventKind): void {
    const object = this.#linker.free(this.#events.key[row]!);
    if (object < 0) {
      if (kind === EventKind.KFREE) this.#kfreesFromBefore++;
      else if (isProgramKind(kind)) this.#programFreesFromBefore++;
    } else if (this.#isOtherName(this.#cacheOf[object]!, this.#events.cacheIndex[row]!, kind)) {
      this.#freesUnderOtherName++;
    }
  }

  #isOtherName(cache: number, nameIndex: number, kind: EventKind): boolean {
    if (isProgramKind(kind)) return false;
    const isKfree = kind === EventKind.KFREE;
    if (cache === KMALLOC) return !isKfree;
    return isKfree || (nameIndex !== NO_NAME && nameIndex !== this.#caches.nameIndexOf(cache));
  }
}

/** Takes the object events out of a recording and links them. Expected O(events). */
export function objectStream(trace: Trace): ObjectStream {
  const builder = new ObjectStreamBuilder(trace);
  for (let row = 0; row < trace.events.length; row++) builder.take(row);
  return builder.finish(trace.names.caches.names);
}

/** Sum of the counts of the kinds for which `counts` is true. */
function sumOfKinds(countByKind: readonly number[], counts: (kind: EventKind) => boolean): number {
  return countByKind.reduce((sum, count, kind) => (counts(kind as EventKind) ? sum + count : sum), 0);
}
