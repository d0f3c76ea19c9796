/**
 * A limit to the bytes that allocations hold, counted without being told of frees.
 *
 * Invariant: `most` is at least what is held. It was exact when it was last counted, and grows by what is allocated since;
 * it is counted again only when it would pass the limit.
 */
export class ByteLimit {
  /** True when there is a limit at all. */
  readonly isOn: boolean;
  private readonly limitBytes: number;
  private readonly countHeld: () => number;
  private most = 0;

  /** At most `limitBytes`, where that is given, of those that `countHeld` counts. */
  constructor(limitBytes: number | undefined, countHeld: () => number) {
    this.isOn = limitBytes !== undefined;
    this.limitBytes = limitBytes ?? Infinity;
    this.countHeld = countHeld;
  }

  /** Why a request was refused. */
  get reason(): string {
    return `the limit is ${this.limitBytes} bytes`;
  }

  /** True when `byteLength` bytes more may be held; they count as held from now on. O(1), near the limit O(caches). */
  allows(byteLength: number): boolean {
    if (this.most + byteLength > this.limitBytes) this.most = this.countHeld();
    if (this.most + byteLength > this.limitBytes) return false;
    this.most += byteLength;
    return true;
  }
}
