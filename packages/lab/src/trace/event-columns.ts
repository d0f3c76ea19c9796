import { EVENT_NAMES, type EventKind, type TraceEvent, type TraceSink } from "./event.ts";

const INITIAL_CAPACITY = 1 << 14;

/** What a column is made of. */
type Column = Uint8Array | Int8Array | Int16Array | Int32Array | Float64Array;

/**
 * Events in memory, one typed array a field, 56 bytes an event. Row i of every column is event i; the columns mean
 * what the fields of `TraceEvent` mean. They are longer than `length`: they grow by doubling.
 */
export class EventColumns implements TraceSink {
  /** Number of events. */
  length = 0;
  kind: Uint8Array;
  timeNanoseconds: Float64Array;
  key: Float64Array;
  cacheIndex: Int32Array;
  callSiteIndex: Int32Array;
  gfpIndex: Int16Array;
  taskIndex: Int32Array;
  /** Doubles, since a program may ask for more than 4 GiB. */
  bytesRequested: Float64Array;
  bytesAllocated: Float64Array;
  order: Uint8Array;
  migrateType: Int8Array;
  node: Int8Array;
  cpu: Int16Array;
  pid: Int32Array;

  /** @param capacity events to make room for at first; exact where the number is known */
  constructor(capacity = INITIAL_CAPACITY) {
    this.kind = new Uint8Array(capacity);
    this.timeNanoseconds = new Float64Array(capacity);
    this.key = new Float64Array(capacity);
    this.cacheIndex = new Int32Array(capacity);
    this.callSiteIndex = new Int32Array(capacity);
    this.gfpIndex = new Int16Array(capacity);
    this.taskIndex = new Int32Array(capacity);
    this.bytesRequested = new Float64Array(capacity);
    this.bytesAllocated = new Float64Array(capacity);
    this.order = new Uint8Array(capacity);
    this.migrateType = new Int8Array(capacity);
    this.node = new Int8Array(capacity);
    this.cpu = new Int16Array(capacity);
    this.pid = new Int32Array(capacity);
  }

  /** Appends one event. Amortized O(1). */
  add(event: Readonly<TraceEvent>): void {
    const row = this.length;
    if (row === this.kind.length) this.#double();
    this.kind[row] = event.kind;
    this.timeNanoseconds[row] = event.timeNanoseconds;
    this.key[row] = event.key;
    this.cacheIndex[row] = event.cacheIndex;
    this.callSiteIndex[row] = event.callSiteIndex;
    this.gfpIndex[row] = event.gfpIndex;
    this.taskIndex[row] = event.taskIndex;
    this.bytesRequested[row] = event.bytesRequested;
    this.bytesAllocated[row] = event.bytesAllocated;
    this.order[row] = event.order;
    this.migrateType[row] = event.migrateType;
    this.node[row] = event.node;
    this.cpu[row] = event.cpu;
    this.pid[row] = event.pid;
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
    const capacity = Math.max(INITIAL_CAPACITY, 2 * this.kind.length);
    this.kind = copied(this.kind, new Uint8Array(capacity));
    this.timeNanoseconds = copied(this.timeNanoseconds, new Float64Array(capacity));
    this.key = copied(this.key, new Float64Array(capacity));
    this.cacheIndex = copied(this.cacheIndex, new Int32Array(capacity));
    this.callSiteIndex = copied(this.callSiteIndex, new Int32Array(capacity));
    this.gfpIndex = copied(this.gfpIndex, new Int16Array(capacity));
    this.taskIndex = copied(this.taskIndex, new Int32Array(capacity));
    this.bytesRequested = copied(this.bytesRequested, new Float64Array(capacity));
    this.bytesAllocated = copied(this.bytesAllocated, new Float64Array(capacity));
    this.order = copied(this.order, new Uint8Array(capacity));
    this.migrateType = copied(this.migrateType, new Int8Array(capacity));
    this.node = copied(this.node, new Int8Array(capacity));
    this.cpu = copied(this.cpu, new Int16Array(capacity));
    this.pid = copied(this.pid, new Int32Array(capacity));
  }
}

function copied<C extends Column>(from: C, to: C): C {
  to.set(from);
  return to;
}
