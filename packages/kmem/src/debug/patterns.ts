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
  private readonly bufferNow: () => ArrayBufferLike;
  private doubles = new Float64Array(0);
  private bytes = new Uint8Array(0);

  /** For the buffer that `bufferNow` gives. */
  constructor(bufferNow: () => ArrayBufferLike) {
    this.bufferNow = bufferNow;
  }

  /**
   * Makes the views reach to `end`, exclusive: to be called before the other methods. Views on what was detached have length
   * 0, and those from before a growth may end too early, so their length tells all. Throws as `bufferNow` does. O(1).
   */
  reach(end: number): void {
    if (this.bytes.length >= end) return;
    const buffer = this.bufferNow() as ArrayBuffer;
    const { byteLength } = buffer;
    this.doubles = new Float64Array(buffer, 0, Math.floor(byteLength / 8));
    this.bytes = new Uint8Array(buffer, 0, byteLength);
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
   * Lays an allocation out in a slot that is `FREED` all over, in one pass: `ZONE` from `raw` to `offset` and from `end` to
   * `rawEnd`, `fresh` between; `raw`, `offset` and `rawEnd` are multiples of 8. Returns `rawEnd`, or the first byte that
   * was not `FREED`, up to the double of which it has written.
   */
  layOut(raw: number, offset: number, end: number, rawEnd: number, fresh: Pattern): number {
    const { bytes, doubles } = this;
    const freed = FREED.double;
    const zone = ZONE.double;
    const inside = fresh.double;
    const first = offset >>> 3;
    const last = end >>> 3;
    let index = raw >>> 3;
    while (index < first && doubles[index] === freed) doubles[index++] = zone;
    if (index === first) while (index < last && doubles[index] === freed) doubles[index++] = inside;
    if (index === last && (end & 7) !== 0 && doubles[index] === freed) {
      // The double that the end lies in.
      doubles[index++] = zone;
      for (let at = last * 8; at < end; at++) bytes[at] = fresh.byte;
    }
    if (index >= last) while (index < rawEnd >>> 3 && doubles[index] === freed) doubles[index++] = zone;
    return index === rawEnd >>> 3 ? rawEnd : this.firstOther(index * 8, rawEnd, FREED);
  }

  /**
   * The first byte from `raw` to `offset` or from `end` to `rawEnd` that is not `ZONE`; `rawEnd` when all are. `raw`,
   * `offset` and `rawEnd` are multiples of 8.
   */
  firstOutside(raw: number, offset: number, end: number, rawEnd: number): number {
    const { bytes, doubles } = this;
    const { byte, double } = ZONE;
    let index = raw >>> 3;
    while (index < offset >>> 3 && doubles[index] === double) index++;
    if (index !== offset >>> 3) return this.firstOther(index * 8, offset, ZONE);
    let at = end;
    while ((at & 7) !== 0 && bytes[at] === byte) at++;
    if ((at & 7) !== 0) return at;
    index = at >>> 3;
    while (index < rawEnd >>> 3 && doubles[index] === double) index++;
    return index === rawEnd >>> 3 ? rawEnd : this.firstOther(index * 8, rawEnd, ZONE);
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
