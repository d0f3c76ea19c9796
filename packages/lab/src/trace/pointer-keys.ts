/**
 * Turns 64-bit pointers into numbers without loss, and back.
 *
 * A double holds whole numbers up to 2^53 exactly, so a 64-bit pointer does not fit as it is. But all
 * pointers of a recording share a handful of upper halves: 0xffff on x86-64 with four page-table levels, a few
 * values next to 0xff11 with five, one tag each on arm64 with memory tagging, 0 for programs and hashed pointers. So
 * the upper 16 bits become an index into a table, and
 *
 *     key = prefixIndex * 2^48 + lower 48 bits
 *
 * is below 2^53 while there are at most 32 prefixes, and two pointers have the same key exactly if they are
 * equal. Prefix 0 always has index 0: NULL is key 0 and the result of `kmalloc(0)`, 0x10, is key 16.
 */
const LOWER_SPAN = 2 ** 48;
const PREFIX_LIMIT = 32;

/** The keys of one recording's pointers. */
export class PointerKeys {
  readonly #prefixes: number[] = [0];

  /**
   * The key of the pointer `upper16 * 2^48 + lower48`, or -1 when the recording has more than 32 different
   * upper halves. O(number of prefixes), which is 1 or 2 in practice.
   */
  keyOf(upper16: number, lower48: number): number {
    const prefixes = this.#prefixes;
    for (let index = 0; index < prefixes.length; index++) {
      if (prefixes[index] === upper16) return index * LOWER_SPAN + lower48;
    }
    if (prefixes.length === PREFIX_LIMIT) return -1;
    prefixes.push(upper16);
    return (prefixes.length - 1) * LOWER_SPAN + lower48;
  }

  /** The upper 32 bits of the pointer that `key` stands for. */
  highWordOf(key: number): number {
    const index = Math.floor(key / LOWER_SPAN);
    const lower48 = key - index * LOWER_SPAN;
    return ((this.#prefixes[index]! << 16) | Math.floor(lower48 / 2 ** 32)) >>> 0;
  }

  /** The pointer that `key` stands for, in hexadecimal as the kernel prints it: 16 digits. */
  textOf(key: number): string {
    const high = this.highWordOf(key).toString(16).padStart(8, "0");
    return high + (key >>> 0).toString(16).padStart(8, "0");
  }
}
