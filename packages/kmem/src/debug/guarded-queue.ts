/** Guarded allocations in the order in which they came, in a ring that grows: the quarantine, and the memory of it. */
import type { Guarded } from "./guarded.ts";

const FIRST_CAPACITY = 64;

export class GuardedQueue {
  private ring: (Guarded | undefined)[] = Array.from({ length: FIRST_CAPACITY }, () => undefined);
  private first = 0;
  private count = 0;
  private rawBytes = 0;

  /** Allocations in the queue. */
  get length(): number {
    return this.count;
  }

  /** Bytes of the slots and runs that they lie in. */
  get byteLength(): number {
    return this.rawBytes;
  }

  /** The one that came first; undefined when there is none. */
  get oldest(): Guarded | undefined {
    return this.ring[this.first];
  }

  /** Adds one behind the others. O(1), now and then O(length). */
  push(guarded: Guarded): void {
    if (this.count === this.ring.length) this.grow();
    this.ring[(this.first + this.count) & (this.ring.length - 1)] = guarded;
    this.count++;
    this.rawBytes += guarded.rawEnd - guarded.raw;
  }

  /** Takes the oldest out. The queue must not be empty. O(1). */
  shift(): Guarded {
    const guarded = this.ring[this.first] as Guarded;
    this.ring[this.first] = undefined;
    this.first = (this.first + 1) & (this.ring.length - 1);
    this.count--;
    this.rawBytes -= guarded.rawEnd - guarded.raw;
    return guarded;
  }

  /** Every one, the oldest first. The queue must not change meanwhile. */
  *[Symbol.iterator](): IterableIterator<Guarded> {
    for (let index = 0; index < this.count; index++) {
      yield this.ring[(this.first + index) & (this.ring.length - 1)] as Guarded;
    }
  }

  private grow(): void {
    const all = [...this];
    this.ring = Array.from({ length: 2 * all.length }, (_, index) => all[index]);
    this.first = 0;
  }
}
