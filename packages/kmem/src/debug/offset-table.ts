/**
 * A map from offsets to objects, for offsets that are multiples of 16 below 4 GiB.
 *
 * A table with open addressing and linear probing: a key lies in the first free place from its own on (Knuth, TAOCP 6.4,
 * algorithms L and R). Node's `Map` takes five times as long, and it is asked at every allocation and free.
 *
 * Invariants:
 *   T1: between the place that a key hashes to and the place where it lies, none is empty.
 *   T2: at most half of the places are taken, so that a search meets an empty one soon.
 *
 * Cost: O(1) expected; growing O(entries).
 */

const FIRST_CAPACITY = 64;
/** 2^32 over the golden ratio, odd: spreads multiples (Knuth, TAOCP 6.4). */
const SPREAD = 0x9e3779b1 | 0;

export class OffsetTable<Value> {
  /** The number of a key's granule, plus 1; 0 in an empty place. */
  private keys = new Int32Array(FIRST_CAPACITY);
  private values: (Value | undefined)[] = vacant(FIRST_CAPACITY);
  private shift = 32 - Math.log2(FIRST_CAPACITY);
  private count = 0;

  /** Entries. */
  get size(): number {
    return this.count;
  }

  /** What stands for `offset`; undefined when nothing does, also for what is no such offset. */
  get(offset: number): Value | undefined {
    // A word that is not the offset is another's key, or none's.
    if (offset >>> 0 !== offset || (offset & 15) !== 0) return undefined;
    return this.values[this.placeOf((offset >>> 4) + 1)];
  }

  /** Lets `value` stand for `offset`, a multiple of 16. */
  set(offset: number, value: Value): void {
    const key = (offset >>> 4) + 1;
    let place = this.placeOf(key);
    if (this.keys[place] === 0) {
      if (2 * (this.count + 1) > this.keys.length) {
        this.grow();
        place = this.placeOf(key);
      }
      this.count++;
      this.keys[place] = key;
    }
    this.values[place] = value;
  }

  /** Forgets `offset`, a multiple of 16. */
  delete(offset: number): void {
    const { keys, values } = this;
    const last = keys.length - 1;
    let gap = this.placeOf((offset >>> 4) + 1);
    if (keys[gap] === 0) return;
    this.count--;
    // What follows without a gap moves up where it would not be found any more (T1).
    for (let place = (gap + 1) & last; keys[place] !== 0; place = (place + 1) & last) {
      const home = this.homeOf(keys[place]);
      if (((place - home) & last) < ((place - gap) & last)) continue;
      keys[gap] = keys[place];
      values[gap] = values[place];
      gap = place;
    }
    keys[gap] = 0;
    values[gap] = undefined;
  }

  /** Forgets everything. */
  clear(): void {
    this.keys.fill(0);
    this.values.fill(undefined);
    this.count = 0;
  }

  /** Every value, in no order. The table must not change meanwhile. */
  *entries(): IterableIterator<Value> {
    for (const value of this.values) if (value !== undefined) yield value;
  }

  private homeOf(key: number): number {
    return Math.imul(key, SPREAD) >>> this.shift;
  }

  /** Where `key` lies, or the empty place that a search for it ends at. */
  private placeOf(key: number): number {
    const { keys } = this;
    const last = keys.length - 1;
    let place = this.homeOf(key);
    while (keys[place] !== key && keys[place] !== 0) place = (place + 1) & last;
    return place;
  }

  private grow(): void {
    const { keys, values } = this;
    this.keys = new Int32Array(2 * keys.length);
    this.values = vacant(2 * keys.length);
    this.shift--;
    for (let place = 0; place < keys.length; place++) {
      if (keys[place] === 0) continue;
      const fresh = this.placeOf(keys[place]);
      this.keys[fresh] = keys[place];
      this.values[fresh] = values[place];
    }
  }
}

/** An array of `count` places, each undefined: without holes, which V8 would look for in the prototype. */
function vacant(count: number): undefined[] {
  return Array.from({ length: count }, () => undefined);
}
