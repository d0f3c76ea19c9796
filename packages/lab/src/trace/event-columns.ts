import { EVENT_NAMES, type EventKind, type TraceEvent, type TraceSink } from "./event.ts";

const INITIAL_CAPACITY = 1 << 14;

/**
 * A recording in memory, one typed array a field, 30 bytes an event. Row i of every column is event i.
 * The columns are longer than `length`: they grow by doubling.
 */
export class EventColumns implements TraceSink {
  /** Number of events. */
  length = 0;
  kind = new Uint8Array(INITIAL_CAPACITY);
  timeMicroseconds = new Float64Array(INITIAL_CAPACITY);
  key = new Float64Array(INITIAL_CAPACITY);
  cacheIndex = new Int32Array(INITIAL_CAPACITY);
  bytesRequested = new Uint32Array(INITIAL_CAPACITY);
  bytesAllocated = new Uint32Array(INITIAL_CAPACITY);
  order = new Uint8Array(INITIAL_CAPACITY);

  /** Appends one event. Amortized O(1). */
  add(event: Readonly<TraceEvent>): void {
    const row = this.length;
    if (row === this.kind.length) this.#double();
    this.kind[row] = event.kind;
    this.timeMicroseconds[row] = event.timeMicroseconds;
    this.key[row] = event.key;
    this.cacheIndex[row] = event.cacheIndex;
    this.bytesRequested[row] = event.bytesRequested;
    this.bytesAllocated[row] = event.bytesAllocated;
    this.order[row] = event.order;
    this.length = row + 1;
  }

  /** How many events of each kind there are: the index is the kind. O(length). */
  countByKind(): number[] {
    const counts = EVENT_NAMES.map(() => 0);
    for (let row = 0; row < this.length; row++) {
      const kind = this.kind[row] as EventKind;
      counts[kind] = counts[kind]! + 1;
    }
    return counts;
  }

  #double(): void {
    const capacity = 2 * this.kind.length;
    this.kind = copied(this.kind, new Uint8Array(capacity));
    this.timeMicroseconds = copied(this.timeMicroseconds, new Float64Array(capacity));
    this.key = copied(this.key, new Float64Array(capacity));
    this.cacheIndex = copied(this.cacheIndex, new Int32Array(capacity));
    this.bytesRequested = copied(this.bytesRequested, new Uint32Array(capacity));
    this.bytesAllocated = copied(this.bytesAllocated, new Uint32Array(capacity));
    this.order = copied(this.order, new Uint8Array(capacity));
  }
}

function copied<Column extends { set(from: Column): void }>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
