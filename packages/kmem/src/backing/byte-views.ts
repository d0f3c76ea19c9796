/**
 * The bytes of a heap as it clears and copies them where its caller asks for it. The views are made anew only when they
 * do not reach far enough any more: a view for each call would be work for the garbage collector, and asking a buffer
 * for its length costs more than a short copy.
 *
 * A view whose buffer was detached or shrunk has length 0, and one from before a growth ends too early; so the length of
 * the view tells all. Short stretches are done word by word, since a call of `fill` or `copyWithin` costs more than that.
 *
 * Invariant V1: where there are bytes, the views reach at least as far as the space did when they were made.
 */
import { roundUp } from "../bits/integers.ts";
import { AllocError } from "../errors.ts";
import type { Backing } from "./backing.ts";

/** Up to so many bytes, a loop is faster than a call of `fill`, or of `copyWithin`. */
const SHORT_CLEAR_BYTES = 1024;
const SHORT_COPY_BYTES = 256;

export class ByteViews {
  /** True where there are bytes at all. */
  readonly exist: boolean;
  private readonly backing: Backing;
  private readonly endOffset: () => number;
  private bytes = new Uint8Array(0);
  private words = new Int32Array(0);
  private doubles = new Float64Array(0);

  /** The views of a space on `backing`, whose end, exclusive, is `endOffset()` at each moment. */
  constructor(backing: Backing, endOffset: () => number) {
    this.backing = backing;
    this.endOffset = endOffset;
    this.exist = backing.buffer() !== undefined;
  }

  /**
   * The buffer as it is now, undefined when there are no bytes. Throws `AllocError` `DETACHED` when it does not reach to
   * the end of the space.
   */
  buffer(): ArrayBufferLike | undefined {
    // The end first: another thread that grows a shared heap grows its bytes before it.
    const end = this.endOffset();
    const buffer = this.backing.buffer(end);
    if (buffer !== undefined && buffer.byteLength < end) {
      throw new AllocError("DETACHED", "the heap's buffer was transferred or shrunk");
    }
    return buffer;
  }

  /** True where there are bytes, and views on them at hand. O(1). */
  get isAttached(): boolean {
    return this.doubles.length > 0;
  }

  /** Throws `AllocError` `DETACHED` when there were bytes and they are gone. O(1). */
  requireAttached(): void {
    if (this.exist) this.reach(1);
  }

  /**
   * Sets the bytes at `offset`, a multiple of 16, to zero: `byteLength` of them, rounded up to a multiple of 16. Throws as
   * `requireAttached` does. O(byteLength).
   */
  clear(offset: number, byteLength: number): void {
    if (this.clearShort(offset, byteLength) || !this.exist) return;
    const end = roundUp(offset + byteLength, 16);
    this.reach(end);
    this.bytes.fill(0, offset, end);
  }

  /** As `clear`, for a short stretch to which the views at hand reach; false, having done nothing, for any other. Never throws. */
  clearShort(offset: number, byteLength: number): boolean {
    const { doubles } = this;
    let index = offset >>> 3;
    const end = index + 2 * ((byteLength + 15) >>> 4);
    if (byteLength > SHORT_CLEAR_BYTES || end > doubles.length) return false;
    for (; index < end; index += 2) {
      doubles[index] = 0;
      doubles[index + 1] = 0;
    }
    return true;
  }

  /** Copies the `byteLength` bytes at `from` to `to`, multiples of 4 that are apart. O(byteLength). */
  copy(to: number, from: number, byteLength: number): void {
    if (!this.exist) return;
    this.reach(Math.max(to, from) + byteLength);
    if (byteLength > SHORT_COPY_BYTES) {
      this.bytes.copyWithin(to, from, from + byteLength);
      return;
    }
    const { words, bytes } = this;
    const target = to >>> 2;
    const source = from >>> 2;
    const count = byteLength >>> 2;
    let index = 0;
    for (const last = count - 4; index <= last; index += 4) {
      words[target + index] = words[source + index];
      words[target + index + 1] = words[source + index + 1];
      words[target + index + 2] = words[source + index + 2];
      words[target + index + 3] = words[source + index + 3];
    }
    for (; index < count; index++) words[target + index] = words[source + index];
    for (let at = 4 * count; at < byteLength; at++) bytes[to + at] = bytes[from + at];
  }

  /** Makes views that reach to `end`, exclusive, unless they do. So short that V8 inlines it everywhere. */
  private reach(end: number): void {
    if (this.bytes.length < end) this.renew();
  }

  private renew(): void {
    const buffer = this.buffer() as ArrayBuffer;
    const { byteLength } = buffer;
    this.bytes = new Uint8Array(buffer, 0, byteLength);
    this.words = new Int32Array(buffer, 0, Math.floor(byteLength / 4));
    this.doubles = new Float64Array(buffer, 0, Math.floor(byteLength / 8));
  }
}
