/**
 * A cache of strings in one buffer, which drops what was used longest ago when the buffer is full.
 *
 * An entry is one allocation: a header of links, then the key's bytes, then the value's (UTF-8). The buckets of the
 * hash table lie in the same buffer. So the limit is one of bytes, exact, and JavaScript's own heap holds nothing of
 * an entry: the garbage collector has nothing to walk, however many there are.
 *
 * Invariants:
 *   1. Every entry is on the list by age, newest first, and on the chain of its key's bucket.
 *   2. Links are offsets; NONE ends a list (0 is a valid offset).
 *
 * Cost: get, set and delete O(length of the strings) on average; set O(1) more for each entry that it drops.
 */
import { Heap, NONE } from "kmem";

/** Words of an entry's header, by index; the key's bytes follow, then the value's. */
const NEWER = 0;
const OLDER = 1;
const NEXT_IN_BUCKET = 2;
const HASH = 3;
const KEY_BYTES = 4;
const VALUE_BYTES = 5;
const HEADER_BYTES = 24;

/** A UTF-16 unit takes at most 3 bytes in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

export class StringLru {
  /** Entries held now. */
  size = 0;
  private readonly heap: Heap;
  private readonly bytes: Uint8Array;
  private readonly words: Int32Array;
  private readonly buckets: Int32Array;
  private readonly encoder = new TextEncoder();
  private readonly decoder = new TextDecoder();
  /** Where strings are encoded, to learn how long they are. */
  private scratch = new Uint8Array(4096);
  private newest = NONE;
  private oldest = NONE;

  /** An empty cache of `byteLength` bytes in all, below 2 GiB; `bucketCount`, a power of two, suits as many entries. */
  constructor(byteLength: number, bucketCount: number) {
    const buffer = new ArrayBuffer(byteLength);
    this.heap = new Heap({ buffer });
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.buckets = this.heap.array(Int32Array, bucketCount).fill(NONE);
  }

  /** The value of `key`, which becomes the newest entry; undefined when it is not held. */
  get(key: string): string | undefined {
    const entry = this.find(hashOf(key), this.encode(key, 0));
    if (entry === NONE) return undefined;
    if (entry !== this.newest) {
      this.unlinkAge(entry);
      this.linkNewest(entry);
    }
    const start = entry + HEADER_BYTES + this.word(entry, KEY_BYTES);
    return this.decoder.decode(this.bytes.subarray(start, start + this.word(entry, VALUE_BYTES)));
  }

  /** Holds `value` under `key`, as the newest entry. False, with no entry of that key, when no buffer could hold it. */
  set(key: string, value: string): boolean {
    const hash = hashOf(key);
    const keyBytes = this.encode(key, 0);
    const valueBytes = this.encode(value, keyBytes);
    const old = this.find(hash, keyBytes);
    if (old !== NONE) this.drop(old);
    const entry = this.allocate(HEADER_BYTES + keyBytes + valueBytes);
    if (entry === NONE) return false;
    this.bytes.set(this.scratch.subarray(0, keyBytes + valueBytes), entry + HEADER_BYTES);
    this.setWord(entry, HASH, hash);
    this.setWord(entry, KEY_BYTES, keyBytes);
    this.setWord(entry, VALUE_BYTES, valueBytes);
    const bucket = this.bucketOf(hash);
    this.setWord(entry, NEXT_IN_BUCKET, this.buckets[bucket]!);
    this.buckets[bucket] = entry;
    this.linkNewest(entry);
    this.size++;
    return true;
  }

  /** Drops the entry of `key`; false when there is none. */
  delete(key: string): boolean {
    const entry = this.find(hashOf(key), this.encode(key, 0));
    if (entry !== NONE) this.drop(entry);
    return entry !== NONE;
  }

  /** Keys, newest first. */
  *keys(): Generator<string> {
    for (let entry = this.newest; entry !== NONE; entry = this.word(entry, OLDER)) {
      const start = entry + HEADER_BYTES;
      yield this.decoder.decode(this.bytes.subarray(start, start + this.word(entry, KEY_BYTES)));
    }
  }

  /** Allocates, dropping old entries until there is room; NONE when the cache is empty and there still is none. */
  private allocate(byteLength: number): number {
    let entry = this.heap.tryMalloc(byteLength);
    while (entry === NONE && this.oldest !== NONE) {
      this.drop(this.oldest);
      entry = this.heap.tryMalloc(byteLength);
    }
    return entry;
  }

  private drop(entry: number): void {
    this.unlinkAge(entry);
    const bucket = this.bucketOf(this.word(entry, HASH));
    const next = this.word(entry, NEXT_IN_BUCKET);
    let before = this.buckets[bucket]!;
    if (before === entry) {
      this.buckets[bucket] = next;
    } else {
      while (this.word(before, NEXT_IN_BUCKET) !== entry) before = this.word(before, NEXT_IN_BUCKET);
      this.setWord(before, NEXT_IN_BUCKET, next);
    }
    this.heap.free(entry);
    this.size--;
  }

  /** The entry of a key, whose `keyBytes` bytes lie at the start of the scratch. */
  private find(hash: number, keyBytes: number): number {
    let entry = this.buckets[this.bucketOf(hash)]!;
    while (entry !== NONE) {
      const same = this.word(entry, HASH) === hash && this.word(entry, KEY_BYTES) === keyBytes;
      if (same && this.holdsScratch(entry + HEADER_BYTES, keyBytes)) return entry;
      entry = this.word(entry, NEXT_IN_BUCKET);
    }
    return NONE;
  }

  private holdsScratch(offset: number, byteLength: number): boolean {
    for (let index = 0; index < byteLength; index++) {
      if (this.bytes[offset + index] !== this.scratch[index]) return false;
    }
    return true;
  }

  private linkNewest(entry: number): void {
    this.setWord(entry, NEWER, NONE);
    this.setWord(entry, OLDER, this.newest);
    if (this.newest === NONE) this.oldest = entry;
    else this.setWord(this.newest, NEWER, entry);
    this.newest = entry;
  }

  private unlinkAge(entry: number): void {
    const newer = this.word(entry, NEWER);
    const older = this.word(entry, OLDER);
    if (newer === NONE) this.newest = older;
    else this.setWord(newer, OLDER, older);
    if (older === NONE) this.oldest = newer;
    else this.setWord(older, NEWER, newer);
  }

  /** Encodes `text` into the scratch, from byte `start` on, and returns how many bytes it took. */
  private encode(text: string, start: number): number {
    const needed = start + text.length * MAX_BYTES_PER_UNIT;
    if (needed > this.scratch.length) {
      const longer = new Uint8Array(2 * needed);
      longer.set(this.scratch.subarray(0, start));
      this.scratch = longer;
    }
    return this.encoder.encodeInto(text, this.scratch.subarray(start)).written;
  }

  private bucketOf(hash: number): number {
    return hash & (this.buckets.length - 1);
  }

  private word(entry: number, index: number): number {
    return this.words[(entry >>> 2) + index]!;
  }

  private setWord(entry: number, index: number, value: number): void {
    this.words[(entry >>> 2) + index] = value;
  }
}

/** A hash of a string as a signed 32-bit word: FNV-1a over its UTF-16 units, with a last mix for the low bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}
