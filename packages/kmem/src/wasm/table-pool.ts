/**
 * The pool of a heap whose words Wasm works on too: a slot that its magazine has no room for goes to its slab at once.
 *
 * Other pools move half a magazine then. Here it is the program in Wasm that frees, and `fast-path.ts` does so in a dozen
 * instructions more, where moving many is for JavaScript. A program that drops all it has, object by object, pays a
 * third of what it did; and at each other time half of the magazine is full as before.
 */
import { SlabPool } from "../slab/slab-pool.ts";

export class TablePool extends SlabPool {
  override release(offset: number): boolean {
    return this.releaseByCache(offset);
  }

  /** As the pool's, but what finds no room goes to its slab. */
  override push(number: number, offset: number): void {
    const words = this.words;
    if (words[2 * number] < words[2 * number + 1]) super.push(number, offset);
    else {
      this.putIntoDepot(offset);
      this.changeFree(number, this.slabPage(offset >>> this.pageShift), 1);
    }
  }
}
