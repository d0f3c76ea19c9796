/**
 * The freed allocations, in the order in which they were freed: the latest are in quarantine, those before are remembered.
 *
 *     forgotten │ remembered             │ in quarantine, or released already │
 *               │ head                   │ cursor                             │ tail
 *
 * They are held by the numbers of their records.
 *
 * Invariant Q1: what lies from the head to the cursor is released; `objects` and `bytes` count what is in quarantine, all
 * of which lies from the cursor to the tail.
 *
 * Cost: O(1), but where the ring grows.
 */
import { QUARANTINED, RELEASED } from "./guarded.ts";
import type { Records } from "./records.ts";

const FIRST_CAPACITY = 64;

export class Afterlife {
  private readonly records: Records;
  private ring = new Int32Array(FIRST_CAPACITY);
  private head = 0;
  private cursor = 0;
  private tail = 0;
  /** Allocations in quarantine. */
  objects = 0;
  /** Bytes of the slots and runs, red zones counted, that these lie in. */
  bytes = 0;

  constructor(records: Records) {
    this.records = records;
  }

  /** Allocations that are remembered without being in quarantine. */
  get remembered(): number {
    return this.cursor - this.head;
  }

  /** Adds one that was freed: to the quarantine, or released already. */
  push(record: number, state: typeof QUARANTINED | typeof RELEASED): void {
    const { records } = this;
    records.setState(record, state);
    if (this.tail - this.head === this.ring.length) this.grow();
    this.ring[this.tail & (this.ring.length - 1)] = record;
    this.tail++;
    if (state === RELEASED) return;
    this.objects++;
    this.bytes += records.rawBytes(record);
    records.ward(record).quarantinedObjects++;
  }

  /** The one that is in quarantine the longest; 0 when none is. Behind it, all are remembered. */
  oldest(): number {
    for (; this.cursor < this.tail; this.cursor++) {
      const record = this.ring[this.cursor & (this.ring.length - 1)];
      if (this.records.state(record) === QUARANTINED) return record;
    }
    return 0;
  }

  /** Takes one out of quarantine; it is remembered. */
  release(record: number): void {
    const { records } = this;
    records.setState(record, RELEASED);
    this.objects--;
    this.bytes -= records.rawBytes(record);
    records.ward(record).quarantinedObjects--;
  }

  /** Takes out what is remembered the longest. There must be any. */
  forget(): number {
    return this.ring[this.head++ & (this.ring.length - 1)];
  }

  /** Every one, the earliest freed first. Nothing must be added or forgotten meanwhile. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let at = this.head; at < this.tail; at++) yield this.ring[at & (this.ring.length - 1)];
  }

  /** Forgets all. */
  clear(): void {
    this.head = this.cursor = this.tail = 0;
    this.objects = this.bytes = 0;
  }

  private grow(): void {
    const all = [...this];
    this.ring = new Int32Array(2 * all.length);
    this.ring.set(all);
    this.cursor -= this.head;
    this.head = 0;
    this.tail = all.length;
  }
}
