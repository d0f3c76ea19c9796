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

/** A byte, and doubles made of it. */
export interface Pattern {
  readonly byte: number;
  /** Eight such bytes. */
  readonly double: number;
  /** By the number of bytes: so many of them, and behind them those of `ZONE`. */
  readonly edges: Float64Array;
}

function pattern(byte: number): Pattern {
  const double = new Float64Array(new Uint8Array(8).fill(byte).buffer)[0];
  const bytes = Uint8Array.from({ length: 64 }, (_, at) => (at % 8 < at >>> 3 ? byte : ZONE_BYTE));
  return { byte, double, edges: new Float64Array(bytes.buffer) };
}

export const FRESH = pattern(FRESH_BYTE);
export const FREED = pattern(FREED_BYTE);
export const ZONE = pattern(ZONE_BYTE);
/** Written, never compared. */
export const ZERO = pattern(0);

for (const { double } of [FRESH, FREED, ZONE]) {
  if (!Number.isFinite(double) || double === 0) throw new Error("patterns: a pattern does not equal itself");
}
for (const { edges } of [FRESH, ZERO]) {
  if (!edges.every(Number.isFinite)) throw new Error("patterns: an edge is no number, whose bits may change");
}

/** A byte that should be another. */
export interface WrongByte {
  /** Where it is. */
  readonly at: number;
  readonly found: number;
  readonly expected: number;
}

/** Two words of four bytes of `ZONE` each, and by the number of bytes the bits of the two words behind those. */
const ZONE_WORD = new Int32Array(new Uint8Array(4).fill(ZONE_BYTE).buffer)[0];
const BEHIND = new Int32Array(
  Uint8Array.from({ length: 64 }, (_, at) => (at % 8 < at >>> 3 ? 0 : 0xff)).buffer,
);

/** From so many bytes on, a call of `fill` is faster than a loop. */
const LONG_BYTES = 1024;

/** Writes and compares ranges of a buffer that growth may replace. */
export class Patterns {
  private readonly bufferNow: () => ArrayBufferLike;
  private doubles = new Float64Array(0);
  private words = new Int32Array(0);
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
    this.words = new Int32Array(buffer, 0, Math.floor(byteLength / 4));
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
    // Eight at a time: a loop's own work costs as much as a comparison.
    while (
      index + 8 <= last &&
      doubles[index] === double &&
      doubles[index + 1] === double &&
      doubles[index + 2] === double &&
      doubles[index + 3] === double &&
      doubles[index + 4] === double &&
      doubles[index + 5] === double &&
      doubles[index + 6] === double &&
      doubles[index + 7] === double
    ) {
      index += 8;
    }
    while (index < last && doubles[index] === double) index++;
    for (at = Math.max(at, index * 8); at < end; at++) if (bytes[at] !== byte) return at;
    return end;
  }

  /**
   * Lays an allocation out in a slot that is `FREED` all over: `ZONE` from `raw` to `offset` and from `end` to `rawEnd`,
   * `fresh` between; `raw`, `offset` and `rawEnd` are multiples of 8. Returns `rawEnd`, or the first byte that was not
   * `FREED`, up to the double of which it may have written `ZONE`.
   */
  layOut(raw: number, offset: number, end: number, rawEnd: number, fresh: Pattern): number {
    if (rawEnd - raw >= LONG_BYTES) {
      const wrong = this.firstOther(raw, rawEnd, FREED);
      if (wrong !== rawEnd) return wrong;
      this.fill(raw, offset, ZONE);
      this.fill(offset, end, fresh);
      this.fill(end, rawEnd, ZONE);
      return rawEnd;
    }
    const { doubles } = this;
    const freed = FREED.double;
    const zone = ZONE.double;
    const rawLast = rawEnd >>> 3;
    let index = raw >>> 3;
    while (index < rawLast && doubles[index] === freed) doubles[index++] = zone;
    if (index !== rawLast) return this.firstOther(index * 8, rawEnd, FREED);
    const inside = fresh.double;
    const last = end >>> 3;
    for (index = offset >>> 3; index < last; index++) doubles[index] = inside;
    if (end < rawEnd) doubles[last] = fresh.edges[end & 7];
    return rawEnd;
  }

  /**
   * The first byte from `raw` to `offset` or from `end` to `rawEnd` that is not `ZONE`; `rawEnd` when all are. `raw`,
   * `offset` and `rawEnd` are multiples of 8.
   */
  firstOutside(raw: number, offset: number, end: number, rawEnd: number): number {
    const { doubles, words } = this;
    const zone = ZONE.double;
    let index = raw >>> 3;
    while (index < offset >>> 3 && doubles[index] === zone) index++;
    if (index !== offset >>> 3) return this.firstOther(index * 8, offset, ZONE);
    if (end === rawEnd) return rawEnd;
    // The double that the end lies in, as two words, without the bytes before the end.
    const before = 2 * (end & 7);
    const word = (end >>> 3) * 2;
    const wrong =
      ((words[word] ^ ZONE_WORD) & BEHIND[before]) | ((words[word + 1] ^ ZONE_WORD) & BEHIND[before + 1]);
    if (wrong !== 0) return this.firstOther(end, rawEnd, ZONE);
    index = (word >>> 1) + 1;
    const rawLast = rawEnd >>> 3;
    if (rawLast - index > LONG_BYTES / 8) return this.firstOther(index * 8, rawEnd, ZONE);
    while (index < rawLast && doubles[index] === zone) index++;
    return index === rawLast ? rawEnd : this.firstOther(index * 8, rawEnd, ZONE);
  }

  /** Writes `pattern` over bytes `start` to `end`, exclusive, and returns what stood at `at`. */
  mend(at: number, start: number, end: number, pattern: Pattern): WrongByte {
    const found = this.bytes[at];
    this.fill(start, end, pattern);
    return { at, found, expected: pattern.byte };
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
