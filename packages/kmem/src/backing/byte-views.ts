/**
 * The views through which a heap clears and copies bytes where its caller asks for it. They are made anew only when the
 * buffer has changed: a view for each call would be work for the garbage collector.
 *
 * Short stretches are done word by word, since a call of `fill` or `copyWithin` costs more than that.
 */

/** Up to so many bytes, a loop is faster than a call. */
const SHORT_BYTES = 256;

export class ByteViews {
  private buffer: ArrayBufferLike | undefined = undefined;
  private byteLength = -1;
  private words = new Int32Array(0);
  private bytes = new Uint8Array(0);

  /** Sets bytes `offset`, a multiple of 4, to `offset + byteLength` of `buffer` to zero. O(byteLength). */
  clear(buffer: ArrayBufferLike, offset: number, byteLength: number): void {
    this.look(buffer);
    if (byteLength > SHORT_BYTES) {
      this.bytes.fill(0, offset, offset + byteLength);
      return;
    }
    const { words, bytes } = this;
    const first = offset >>> 2;
    const count = byteLength >>> 2;
    for (let index = 0; index < count; index++) words[first + index] = 0;
    for (let at = 4 * count; at < byteLength; at++) bytes[offset + at] = 0;
  }

  /** Copies `byteLength` bytes of `buffer` from `from` to `to`, multiples of 4 that are apart. O(byteLength). */
  copy(buffer: ArrayBufferLike, to: number, from: number, byteLength: number): void {
    this.look(buffer);
    if (byteLength > SHORT_BYTES) {
      this.bytes.copyWithin(to, from, from + byteLength);
      return;
    }
    const { words, bytes } = this;
    const target = to >>> 2;
    const source = from >>> 2;
    const count = byteLength >>> 2;
    for (let index = 0; index < count; index++) words[target + index] = words[source + index];
    for (let at = 4 * count; at < byteLength; at++) bytes[to + at] = bytes[from + at];
  }

  private look(buffer: ArrayBufferLike): void {
    const { byteLength } = buffer;
    if (buffer === this.buffer && byteLength === this.byteLength) return;
    this.buffer = buffer;
    this.byteLength = byteLength;
    this.words = new Int32Array(buffer as ArrayBuffer, 0, Math.floor(byteLength / 4));
    this.bytes = new Uint8Array(buffer as ArrayBuffer, 0, byteLength);
  }
}
