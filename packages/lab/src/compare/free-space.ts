/**
 * The free ranges of a space, by rising start. Neighbours are merged at once (Knuth, TAOCP 1, 2.5, algorithm B), so two
 * ranges never touch.
 *
 * Two typed arrays, and a binary search for a place: an insertion moves what lies behind it, which for the thousands of
 * ranges of a real recording takes less than following as many links.
 */
const INITIAL_CAPACITY = 1024;

/** Free ranges, sorted. */
export class FreeSpace {
  /** Number of ranges. */
  count = 0;
  starts = new Float64Array(INITIAL_CAPACITY);
  lengths = new Float64Array(INITIAL_CAPACITY);

  /** The first range that starts at or behind `position`; `count` if none does. O(log ranges). */
  indexFrom(position: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** One past the last unit of range `index`. */
  endOf(index: number): number {
    return this.starts[index]! + this.lengths[index]!;
  }

  /** Takes `length` units from the low end of range `index`, which must be as long. Returns their start. */
  take(index: number, length: number): number {
    const start = this.starts[index]!;
    if (this.lengths[index] === length) {
      this.#removeAt(index);
    } else {
      this.starts[index] = start + length;
      this.lengths[index] = this.lengths[index]! - length;
    }
    return start;
  }

  /** Adds a range, merged with those that it touches. O(ranges), by a move of memory. */
  add(start: number, length: number): void {
    const index = this.indexFrom(start);
    const touchesBefore = index > 0 && this.endOf(index - 1) === start;
    const touchesAfter = index < this.count && start + length === this.starts[index];
    if (touchesBefore) {
      this.lengths[index - 1] = this.lengths[index - 1]! + length;
      if (!touchesAfter) return;
      this.lengths[index - 1] = this.lengths[index - 1]! + this.lengths[index]!;
      this.#removeAt(index);
    } else if (touchesAfter) {
      this.starts[index] = start;
      this.lengths[index] = this.lengths[index]! + length;
    } else {
      this.#insertAt(index, start, length);
    }
  }

  #removeAt(index: number): void {
    this.starts.copyWithin(index, index + 1, this.count);
    this.lengths.copyWithin(index, index + 1, this.count);
    this.count--;
  }

  #insertAt(index: number, start: number, length: number): void {
    if (this.count === this.starts.length) {
      this.starts = doubled(this.starts);
      this.lengths = doubled(this.lengths);
    }
    this.starts.copyWithin(index + 1, index, this.count);
    this.lengths.copyWithin(index + 1, index, this.count);
    this.starts[index] = start;
    this.lengths[index] = length;
    this.count++;
  }
}

function doubled(column: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * column.length);
  larger.set(column);
  return larger;
}
