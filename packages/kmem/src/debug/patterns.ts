/**
 * The bytes that a guard writes where no program has written yet, or none may write, and the comparison with them.
 *
 * A range is worked on by doubles where it reaches over whole ones, and by bytes at its ends. The patterns, as doubles,
 * are finite and not zero: so two doubles are equal just when their bits are.
 *
 * Cost: O(bytes); about 1 ns for 16 bytes, written or compared.
 */

/** What each byte of a new allocation is until its owner writes it; the value of Microsoft's debug heap. */
export const FRESH_BYTE = 0xcd;
/** What each byte of freed memory is. */
export const FREED_BYTE = 0xdd;
/** What each byte before and behind an allocation is. */
export const ZONE_BYTE = 0xfd;

/** A byte, and the double of eight such bytes. */
export interface Pattern {
  readonly byte: number;
  readonly double: number;
}

function pattern(byte: number): Pattern {
  return { byte, double: new Float64Array(new Uint8Array(8).fill(byte).buffer)[0] };
}

export const FRESH = pattern(FRESH_BYTE);
export const FREED = pattern(FREED_BYTE);
export const ZONE = pattern(ZONE_BYTE);
/** Written, never compared. */
export const ZERO: Pattern = { byte: 0, double: 0 };

for (const { double } of [FRESH, FREED, ZONE]) {
  if (!Number.isFinite(double) || double === 0) throw new Error("patterns: a pattern does not equal itself");
}

/** From so many bytes on, a call of `fill` is faster than a loop. */
const LONG_BYTES = 1024;

/** Writes and compares ranges of a buffer that growth may replace. */
export class Patterns {
  private buffer: ArrayBufferLike | undefined = undefined;
  private byteLength = -1;
  private doubles = new Float64Array(0);
  private bytes = new Uint8Array(0);

  /** Goes on with `buffer`, as long as it is now: to be called before a series of the other methods. O(1). */
  look(buffer: ArrayBufferLike): void {
    const { byteLength } = buffer;
    if (buffer === this.buffer && byteLength === this.byteLength) return;
    this.buffer = buffer;
    this.byteLength = byteLength;
    this.doubles = new Float64Array(buffer as ArrayBuffer, 0, Math.floor(byteLength / 8));
    this.bytes = new Uint8Array(buffer as ArrayBuffer, 0, byteLength);
  }

  /** Writes `pattern` over bytes `start` to `end`, exclusive. */
  fill(start: number, end: number, { byte, double }: Pattern): void {
    const { bytes, doubles } = this;
    if (end - start >= LONG_BYTES) {
      bytes.fill(byte, start, end);
      return;
    }
    let at = start;
    for (; at < end && (at & 7) !== 0; at++) bytes[at] = byte;
    const last = end >>> 3;
    for (let index = at >>> 3; index < last; index++) doubles[index] = double;
    for (at = Math.max(at, last * 8); at < end; at++) bytes[at] = byte;
  }

  /** The first of bytes `start` to `end`, exclusive, that is not `pattern`'s; `end` when all are. */
  firstOther(start: number, end: number, { byte, double }: Pattern): number {
    const { bytes, doubles } = this;
    let at = start;
    for (; at < end && (at & 7) !== 0; at++) if (bytes[at] !== byte) return at;
    let index = at >>> 3;
    const last = end >>> 3;
    while (index < last && doubles[index] === double) index++;
    for (at = Math.max(at, index * 8); at < end; at++) if (bytes[at] !== byte) return at;
    return end;
  }

  /**
   * Writes `next` over bytes `start` to `end`, exclusive, as long as they are `before`'s; returns the first that is not, up
   * to which (rounded down to 8) it has written, or `end`.
   */
  exchange(start: number, end: number, before: Pattern, next: Pattern): number {
    const { bytes, doubles } = this;
    if (end - start >= LONG_BYTES) {
      const at = this.firstOther(start, end, before);
      if (at === end) bytes.fill(next.byte, start, end);
      return at;
    }
    const expected = before.double;
    const double = next.double;
    let at = start;
    for (; at < end && (at & 7) !== 0; at++) {
      if (bytes[at] !== before.byte) return at;
      bytes[at] = next.byte;
    }
    let index = at >>> 3;
    const last = end >>> 3;
    while (index < last && doubles[index] === expected) doubles[index++] = double;
    for (at = Math.max(at, index * 8); at < end; at++) {
      if (bytes[at] !== before.byte) return at;
      bytes[at] = next.byte;
    }
    return end;
  }

  /** The byte at `offset`. */
  byteAt(offset: number): number {
    return this.bytes[offset];
  }

  /** Copies `byteLength` bytes from `from` to `to`. */
  copy(to: number, from: number, byteLength: number): void {
    this.bytes.copyWithin(to, from, from + byteLength);
  }
}
