/**
 * The freed allocations, in the order in which they were freed: the latest are in quarantine, those before are remembered.
 *
 *     forgotten │ remembered             │ in quarantine, or released already │
 *               │ head                   │ cursor                             │ tail
 *
 * Invariant Q1: what lies from the head to the cursor is released; `objects` and `bytes` count what is in quarantine, all
 * of which lies from the cursor to the tail.
 *
 * Cost: O(1), but where the ring grows.
 */
import { type Guarded, QUARANTINED, RELEASED } from "./guarded.ts";

const FIRST_CAPACITY = 64;

export class Afterlife {
  private ring: (Guarded | undefined)[] = Array.from({ length: FIRST_CAPACITY }, () => undefined);
  private head = 0;
  private cursor = 0;
  private tail = 0;
  /** Allocations in quarantine. */
  objects = 0;
  /** Bytes of the slots and runs, red zones counted, that these lie in. */
  bytes = 0;

  /** Allocations that are remembered without being in quarantine. */
  get remembered(): number {
    return this.cursor - this.head;
  }

  /** Adds one that was freed: to the quarantine, or released already. */
  push(guarded: Guarded, state: typeof QUARANTINED | typeof RELEASED): void {
    guarded.state = state;
    if (this.tail - this.head === this.ring.length) this.grow();
    this.ring[this.tail & (this.ring.length - 1)] = guarded;
    this.tail++;
    if (state === RELEASED) return;
    this.objects++;
    this.bytes += guarded.rawEnd - guarded.raw;
    guarded.ward.quarantinedObjects++;
  }

  /** The one that is in quarantine the longest; undefined when none is. Behind it, all are remembered. */
  oldest(): Guarded | undefined {
    for (; this.cursor < this.tail; this.cursor++) {
      const guarded = this.ring[this.cursor & (this.ring.length - 1)] as Guarded;
      if (guarded.state === QUARANTINED) return guarded;
    }
    return undefined;
  }

  /** Takes one out of quarantine; it is remembered. */
  release(guarded: Guarded): void {
    guarded.state = RELEASED;
    this.objects--;
    this.bytes -= guarded.rawEnd - guarded.raw;
    guarded.ward.quarantinedObjects--;
  }

  /** Takes out what is remembered the longest. There must be any. */
  forget(): Guarded {
    const place = this.head++ & (this.ring.length - 1);
    const guarded = this.ring[place] as Guarded;
    this.ring[place] = undefined;
    return guarded;
  }

  /** Every one, the earliest freed first. Nothing must be added or forgotten meanwhile. */
  *[Symbol.iterator](): IterableIterator<Guarded> {
    for (let at = this.head; at < this.tail; at++) yield this.ring[at & (this.ring.length - 1)] as Guarded;
  }

  /** Forgets all. */
  clear(): void {
    this.ring.fill(undefined);
    this.head = this.cursor = this.tail = 0;
    this.objects = this.bytes = 0;
  }

  private grow(): void {
    const all = [...this];
    this.ring = Array.from({ length: 2 * all.length }, (_, index) => all[index]);
    this.cursor -= this.head;
    this.head = 0;
    this.tail = all.length;
  }
}
