/**
 * The inboxes of a shared heap: free slots on their way home, to the thread that had taken them from their slab.
 *
 * What one thread allocates and another one frees comes back to the first past the slabs, in the order in which it was
 * freed. So the lock is held for the copying of a few cache lines, not for the slabs' maps and lists; and a thread goes
 * on using slots whose bits of the maps no third thread writes.
 *
 * A thread has an inbox for each cache, of the shape of a magazine: a region of its own, after those of all threads'
 * magazines. A slab's home is the thread whose current one it was last. An inbox is open while its limit is not 0: from
 * its thread's first trade until it leaves, or is recovered.
 *
 * Invariants, beside those of `shared-pool.ts`:
 *   P3: inboxes and homes change under the lock only.
 *   P4: a home is a hint: what it says decides where slots wait, and nothing else.
 *
 * Cost: O(1) a slot.
 *
 * Liétar et al., snmalloc: A Message Passing Allocator, 2019.
 */
import { corrupted } from "../errors.ts";
import * as L from "../slab/layout.ts";

export class Inboxes {
  private readonly words: Int32Array;
  private readonly layout: L.PoolLayout;
  private readonly threadCount: number;
  /** For the first page of each slab its home: a thread's number + 1, or 0. */
  private readonly homes: Uint8Array;

  /** The inboxes of `threadCount` threads, in a pool's `words`. */
  constructor(words: Int32Array, layout: L.PoolLayout, threadCount: number, homes: Uint8Array) {
    this.words = words;
    this.layout = layout;
    this.threadCount = threadCount;
    this.homes = homes;
  }

  /** The index of the first word of a thread's region of inboxes. */
  region(thread: number): number {
    return (this.threadCount + thread) * this.layout.regionWords;
  }

  /** Makes a thread the home of the slab that begins at `page`. */
  setHome(page: number, thread: number): void {
    this.homes[page] = thread + 1;
  }

  /** Lets an inbox hold `size` slots; it is opened where it was not. */
  open(thread: number, number: number, size: number): void {
    const at = this.region(thread) + 2 * number;
    const limit = this.bottom(thread, number) + size;
    if (this.words[at] === 0) this.words[at] = limit - size;
    // Others read this line: it is written only where something changes.
    if (this.words[at + 1] !== limit) this.words[at + 1] = limit;
  }

  /** The slots that wait in a thread's inbox for a cache. Throws `CORRUPTED` for more than it can have. */
  count(thread: number, number: number): number {
    const top = this.words[this.region(thread) + 2 * number];
    const count = top === 0 ? 0 : top - this.bottom(thread, number);
    if (count >>> 0 > L.magazineRoom(this.layout, number)) {
      throw corrupted("S1", `inbox ${number} of thread ${thread} has ${count} slots`);
    }
    return count;
  }

  /**
   * Puts a free slot of the slab at `page`, as magazines have it, into the inbox of its home; false when it has none, or that
   * inbox is full or not open. Throws as `count` does.
   */
  put(page: number, number: number, entry: number): boolean {
    const thread = this.homes[page] - 1;
    if (thread < 0 || thread >= this.threadCount) return false;
    const at = this.region(thread) + 2 * number;
    const top = this.count(thread, number) + this.bottom(thread, number) + 1;
    if (top > this.words[at + 1]) return false;
    this.words[top] = entry;
    this.words[at] = top;
    return true;
  }

  /**
   * Moves the last `count` slots of a thread's inbox to the empty magazine whose lowest slot is above `magazine`, and whose top at
   * `topAt`: the first of them ends on top, so that slots are used in the order in which they were freed.
   */
  moveTo(magazine: number, topAt: number, thread: number, number: number, count: number): void {
    const words = this.words;
    const at = this.region(thread) + 2 * number;
    const top = words[at];
    for (let index = 0; index < count; index++) words[magazine + 1 + index] = words[top - index];
    words[topAt] = magazine + count;
    words[at] = top - count;
  }

  /** The index of the word below an inbox. */
  private bottom(thread: number, number: number): number {
    return this.region(thread) + L.magazineStart(this.layout, number);
  }
}
