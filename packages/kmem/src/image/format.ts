/**
 * Where the words of a heap's image lie; `docs/image-format.md` describes them for others.
 *
 * An image is 32-bit words, unsigned and little-endian. In order:
 *
 *     head          7 words                 what HEAD_… names
 *     caches        one record a cache      5 words, then a word for each UTF-16 unit of the name
 *     allocations   one record a block or run that is allocated, by rising offset
 *                   3 words                 its first page, its pages, its cache's number (0: it is no slab)
 *                   for a slab, a word for each 512 bytes: bit n is set while an object begins at byte 16 n of them
 *
 * Pages are counted from offset 0. The size classes are the caches 1 to 33; the named ones follow in their order.
 */
import { GRANULE } from "../heap/size-classes.ts";

/** "kmem". A machine of the other byte order finds another word, and refuses. */
export const MAGIC = 0x6d656d6b;
export const VERSION = 2;

export const HEAD_MAGIC = 0;
export const HEAD_VERSION = 1;
/** CRC-32 of all bytes behind this word. */
export const HEAD_CHECKSUM = 2;
export const HEAD_PAGE_SIZE = 3;
export const HEAD_BASE_PAGE = 4;
export const HEAD_PAGE_COUNT = 5;
/** Records of caches. */
export const HEAD_CACHE_COUNT = 6;
export const HEAD_WORDS = 7;

/** In the flags of a cache: its slots were constructed. */
export const CONSTRUCTED = 1;
/** The most UTF-16 units of a cache's name. */
export const MAX_NAME_LENGTH = 4096;

/** Bytes of a slab that one word of its in-use bits tells of. */
export const BYTES_PER_WORD = 32 * GRANULE;

/** CRC-32, as of zip and PNG, of what the checksum of an image is about. O(words). */
export function checksumOf({ buffer }: Int32Array): number {
  let crc = -1;
  for (const byte of new Uint8Array(buffer, 4 * (HEAD_CHECKSUM + 1))) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc;
}
