/**
 * The operation stream: what every subject, native or JavaScript, reads and carries out.
 *
 * A file of little-endian 32-bit words: a header, the set-up operations, then the operations of one
 * round. The set-up runs once, untimed. A round leaves every slot as it found it (live or free), so it
 * can be repeated.
 *
 *     header     0 magic "KMOP"            4 operations in a round
 *                1 version                 5 index of the operation after which the payload is largest,
 *                2 slots                     counted from the first of the set-up, in set-up and one round
 *                3 set-up operations       6, 7 that payload in bytes: low word, high word
 *
 *     operation  0 slot index << 3 | kind
 *                1 argument: bytes to allocate (heaps, caches) or the order of a block (buddy); 0 for a free
 *
 * A *slot* here is a place in the table of live objects that the replaying program keeps: operation
 * `free` frees what the last `malloc` of that slot returned. `native/replay.c` knows the same layout.
 */

/** First word of a stream file: "KMOP" in little-endian order. */
export const STREAM_MAGIC = 0x504f4d4b;
/** Second word of a stream file. */
export const STREAM_VERSION = 1;
/** Words before the first operation. */
export const HEADER_WORDS = 8;
/** Words of one operation. */
export const OPERATION_WORDS = 2;
/** Bits of an operation's first word below the slot index. */
export const KIND_BITS = 3;
/** Selects the kind from an operation's first word. */
export const KIND_MASK = (1 << KIND_BITS) - 1;
/** Kind of an operation that frees a slot. Kinds 2 to 7 are free for realloc, calloc and their like. */
export const KIND_FREE = 0;
/** Kind of an operation that allocates into a slot. */
export const KIND_MALLOC = 1;
/** Most slots that an operation's first word can name. */
export const MAX_SLOT_COUNT = 2 ** (31 - KIND_BITS);

/** An operation stream in memory. */
export interface OperationStream {
  /** Size of the table of live objects. */
  readonly slotCount: number;
  /** Operations that run once, before the first round. */
  readonly setupCount: number;
  /** Operations of one round. */
  readonly roundCount: number;
  /** Index of the operation, set-up first, after which the payload is largest within set-up and one round. */
  readonly peakIndex: number;
  /** That payload: the bytes asked for and not yet freed. */
  readonly peakPayloadBytes: number;
  /** Two words an operation: the set-up, then the round. */
  readonly words: Int32Array;
}

/** Value of {@link addToChecksum} before the first word. */
export const EMPTY_CHECKSUM = 2166136261;

/**
 * FNV-1a over words in place of bytes: how subjects show that they carried out the same stream.
 *
 * @returns the checksum with `word` added, an unsigned 32-bit integer
 */
export function addToChecksum(checksum: number, word: number): number {
  return Math.imul(checksum ^ word, 16777619) >>> 0;
}

/** @returns the checksum of all words of a stream: set-up, then one round. O(words). */
export function checksumOf(stream: OperationStream): number {
  let checksum = EMPTY_CHECKSUM;
  for (const word of stream.words) checksum = addToChecksum(checksum, word);
  return checksum;
}
