/**
 * The operation stream: what every subject, native or JavaScript, reads and carries out.
 *
 * A file of little-endian 32-bit words: a header, then operations in three parts. The *set-up* runs once,
 * untimed. The *round* is what is measured, again and again. The *teardown* runs untimed after each round and
 * frees what the round left alive, as a program's exit would; after it every slot is as the round found it.
 *
 *     header     0 magic "KMOP"              5 operations in the teardown
 *                1 version                   6 index of the operation after which the payload is largest,
 *                2 slots                       counted from the first of the set-up
 *                3 set-up operations       7, 8 that payload in bytes: low word, high word
 *                4 operations in a round   9 to 11 zero
 *
 *     operation  0 slot index << 3 | kind
 *                1 argument
 *
 * A *slot* here is a place in the table of live objects that the replaying program keeps: a `free` frees what
 * the last operation on that slot returned. The argument is the bytes to allocate (of a realloc, the new size);
 * for a buddy allocator the order of a block; 0 for a free. An aligned allocation has the logarithm of its
 * alignment in the argument's upper bits, see {@link alignedArgument}. `native/replay.c` and `wasm/replay.c`
 * know the same layout.
 */

/** First word of a stream file: "KMOP" in little-endian order. */
export const STREAM_MAGIC = 0x504f4d4b;
/** Second word of a stream file. */
export const STREAM_VERSION = 2;
/** Words before the first operation. */
export const HEADER_WORDS = 12;
/** Words of one operation. */
export const OPERATION_WORDS = 2;
/** Bits of an operation's first word below the slot index. */
export const KIND_BITS = 3;
/** Selects the kind from an operation's first word. */
export const KIND_MASK = (1 << KIND_BITS) - 1;
/** Kind of an operation that frees a slot. */
export const KIND_FREE = 0;
/** Kind of an operation that allocates into a slot. */
export const KIND_MALLOC = 1;
/** Kind of an operation that allocates zeroed bytes into a slot. */
export const KIND_CALLOC = 2;
/** Kind of an operation that resizes what a slot holds. */
export const KIND_REALLOC = 3;
/** Kind of an operation that allocates into a slot with an alignment. */
export const KIND_ALIGNED = 4;
/** Bits of an aligned allocation's argument that hold its size; those above hold log2 of the alignment. */
const ALIGNED_SIZE_BITS = 24;
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
  /** Operations that run after each round, untimed. */
  readonly teardownCount: number;
  /** Index of the operation, set-up first, after which the payload is largest within set-up and one round. */
  readonly peakIndex: number;
  /** That payload: the bytes asked for and not yet freed. */
  readonly peakPayloadBytes: number;
  /** Two words an operation: the set-up, the round, the teardown. */
  readonly words: Int32Array;
}

/** @returns the argument of an aligned allocation: `align` a power of two, `sizeBytes` below 2^24 */
export function alignedArgument(sizeBytes: number, align: number): number {
  return sizeBytes + Math.log2(align) * 2 ** ALIGNED_SIZE_BITS;
}

/** @returns the size in bytes of an aligned allocation's argument */
export function alignedSizeOf(argument: number): number {
  return argument & ((1 << ALIGNED_SIZE_BITS) - 1);
}

/** @returns the alignment in bytes of an aligned allocation's argument */
export function alignmentOf(argument: number): number {
  return 1 << (argument >>> ALIGNED_SIZE_BITS);
}

/**
 * FNV-1a over words in place of bytes: how subjects show that they carried out the same stream.
 *
 * @returns the checksum of all words of a stream: set-up, one round, teardown. O(words).
 */
export function checksumOf(stream: OperationStream): number {
  let checksum = 2166136261;
  for (const word of stream.words) checksum = Math.imul(checksum ^ word, 16777619) >>> 0;
  return checksum;
}
