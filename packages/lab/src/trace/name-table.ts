const INITIAL_BUCKETS = 256;
/** FNV-1a, 32 bit. */
const HASH_START = 0x811c9dc5;
const HASH_FACTOR = 0x01000193;

interface Entry {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly index: number;
}

/**
 * Names of one sort, each held once. A name is looked up by its bytes, so that reading a million events decodes only
 * the few hundred different names among them. The table of buckets doubles when there is a name for each.
 */
export class NameTable {
  /** Every name, in the order of first appearance. */
  readonly names: string[] = [];
  #buckets: Entry[][] = Array.from({ length: INITIAL_BUCKETS }, () => []);
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();

  /** The index of the name that lies in `bytes` from `start` (inclusive) to `end` (exclusive). Expected O(length). */
  intern(bytes: Uint8Array, start: number, end: number): number {
    let hash = HASH_START;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, HASH_FACTOR);
    const bucket = this.#buckets[hash & (this.#buckets.length - 1)]!;
    for (const entry of bucket) {
      if (entry.hash === hash && equals(entry.bytes, bytes, start, end)) return entry.index;
    }
    const own = bytes.slice(start, end);
    const index = this.names.push(this.#decoder.decode(own)) - 1;
    bucket.push({ bytes: own, hash, index });
    if (this.names.length > this.#buckets.length) this.#double();
    return index;
  }

  /** The index of `name`. */
  internText(name: string): number {
    const bytes = this.#encoder.encode(name);
    return this.intern(bytes, 0, bytes.length);
  }

  #double(): void {
    const buckets: Entry[][] = Array.from({ length: 2 * this.#buckets.length }, () => []);
    for (const entry of this.#buckets.flat()) buckets[entry.hash & (buckets.length - 1)]!.push(entry);
    this.#buckets = buckets;
  }
}

function equals(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let at = 0; at < name.length; at++) {
    if (name[at] !== bytes[start + at]) return false;
  }
  return true;
}
