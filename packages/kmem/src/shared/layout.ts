/**
 * Where everything that the threads of a shared heap have in common lies: one `SharedArrayBuffer` of tables.
 *
 *     header       32 words             what the words below name; those up to the checksum never change
 *     threads      1 word a thread      one of the THREAD_… states
 *     names        16 words a cache     a named cache's name: its length, then two UTF-16 units a word
 *     buddy state, buddy lists, page map    as `buddy/tables.ts` says
 *     pool         as `slab/layout.ts` says, with a region for the magazines of each thread, then one for its inboxes
 *     owners       1 byte a granule     the owner of the object that begins there; only where owners are tracked
 *     homes        1 byte a page        the home of the slab that begins there: see `inboxes.ts`
 *
 * Each part begins on a cache line. A thread's number is counted from 0; where 0 must mean nobody, as in the lock word,
 * the owner and the home bytes, it stands as number + 1.
 */
import { roundUp } from "../bits/integers.ts";
import { freeListWordCount } from "../buddy/free-lists.ts";
import { type BuddyTables, STATE_WORDS } from "../buddy/tables.ts";
import { WAITING_WORDS } from "../buddy/waiting-runs.ts";
import { poolLayout } from "../slab/layout.ts";

/** "kmem" in ASCII. */
const MAGIC = 0x6b6d656d;
/** Counts up with every change of this layout, or of what may be done to it. */
const VERSION = 3;

export const HEADER_WORDS = 32;
const HEADER_MAGIC = 0;
const HEADER_VERSION = 1;
/** Offset of the heap's first page, in pages. */
const HEADER_BASE_PAGE = 2;
/** log2 of the page size. */
const HEADER_PAGE_SHIFT = 3;
/** Pages that the heap may grow to. */
const HEADER_MAX_PAGES = 4;
const HEADER_MAX_THREADS = 5;
/** The most named caches. */
const HEADER_MAX_CACHES = 6;
/** FLAG_… bits. */
const HEADER_FLAGS = 7;
/** How long a thread waits for the lock before it asks whether its owner is dead, in milliseconds. */
const HEADER_STALL_MS = 8;
/** The sum of the words before it, mixed: garbage is very unlikely to have it right. */
const HEADER_CHECKSUM = 9;
/** The lock: see `lock.ts`. On a cache line of its own. */
export const HEADER_LOCK = 16;

const FLAG_TRACK_OWNERS = 1;
const FLAG_ZERO = 2;

/** Nobody has the number. */
export const THREAD_FREE = 0;
/** A thread is attached under it. */
export const THREAD_ALIVE = 1;
/** Its thread was declared dead, and what it held has not all been given back. */
export const THREAD_DEAD = 2;
/** All was given back but the objects that it owned, which `freeOwnedBy` frees. */
export const THREAD_MOURNED = 3;

export const NAME_WORDS = 16;
/** The most UTF-16 units of a named cache's name. */
export const MAX_NAME_LENGTH = 2 * (NAME_WORDS - 1);

/** The most threads: an owner is a byte. */
export const MAX_THREADS = 254;

/** Regions of the pool for each thread: one for its magazines, and, after those of all threads, one for its inboxes. */
export const REGIONS_PER_THREAD = 2;

/** A slab has the bits of its slots on cache lines of its own: 64 bytes of map are 8 KiB of slots. */
export const MIN_SLAB_BYTES = 8192;
/** As many slots as half of the largest magazine move at once: so the lock is taken seldom. */
export const MAX_BATCH = 64;
/**
 * A magazine may hold all that it ever may from the start, so that the lock is taken seldom. It is less than in a heap of one
 * thread: each thread has its own.
 */
export const MAGAZINE_DEPTH = 128;
export const MAGAZINE_BYTES = 65536;

const LINE_BYTES = 64;

/** What decides a shared heap's layout. */
export interface SharedGeometry {
  /** Offset of the heap's first byte. */
  readonly base: number;
  readonly pageSize: number;
  readonly maxSize: number;
  readonly maxThreads: number;
  readonly maxCaches: number;
  readonly trackOwners: boolean;
  readonly zero: boolean;
  readonly stallMs: number;
}

/** Everything a shared heap's buddy allocator counts in pages, from its origin. */
export interface PageCounts {
  readonly maxOrder: number;
  readonly firstPage: number;
  readonly tablePages: number;
}

/** The parts of the tables, as views on their buffer. */
export interface SharedTables {
  readonly header: Int32Array;
  readonly threads: Int32Array;
  readonly names: Int32Array;
  readonly buddy: BuddyTables;
  readonly pool: Int32Array;
  readonly owners: Uint8Array | undefined;
  readonly homes: Uint8Array;
}

/** What `SharedHeap`'s buddy allocator will count, from its geometry. */
export function pageCounts({ base, pageSize, maxSize }: SharedGeometry): PageCounts {
  const maxOrder = Math.floor(Math.log2(maxSize / pageSize));
  const firstPage = (base / pageSize) % 2 ** maxOrder;
  return { maxOrder, firstPage, tablePages: firstPage + maxSize / pageSize };
}

/** Cuts parts off a buffer, one behind the other; without a buffer, only counts their bytes. */
class Cutter {
  byteLength = 0;
  private readonly buffer: SharedArrayBuffer | undefined;

  constructor(buffer: SharedArrayBuffer | undefined) {
    this.buffer = buffer;
  }

  bytes(count: number): Uint8Array {
    const at = this.byteLength;
    this.byteLength += roundUp(count, LINE_BYTES);
    return this.buffer === undefined ? new Uint8Array(0) : new Uint8Array(this.buffer, at, count);
  }

  words(count: number): Int32Array {
    const { buffer, byteOffset, length } = this.bytes(4 * count);
    return new Int32Array(buffer, byteOffset, length / 4);
  }
}

function cut(cutter: Cutter, geometry: SharedGeometry, cacheLimit: number, granule: number): SharedTables {
  const { base, pageSize, maxSize, maxThreads, maxCaches, trackOwners } = geometry;
  const { maxOrder, tablePages } = pageCounts(geometry);
  const endOffset = base + maxSize;
  const space = { cacheLimit, endOffset, granule, pageSize, threadCount: REGIONS_PER_THREAD * maxThreads };
  return {
    header: cutter.words(HEADER_WORDS),
    threads: cutter.words(maxThreads),
    names: cutter.words(maxCaches * NAME_WORDS),
    buddy: {
      state: cutter.words(STATE_WORDS),
      lists: cutter.words(freeListWordCount(tablePages, maxOrder)),
      waiting: cutter.words(WAITING_WORDS),
      pages: cutter.bytes(tablePages),
    },
    pool: cutter.words(poolLayout(space).wordCount),
    owners: trackOwners ? cutter.bytes(Math.ceil(endOffset / granule)) : undefined,
    homes: cutter.bytes(Math.ceil(endOffset / pageSize)),
  };
}

/** Bytes of the tables. */
export function tableBytes(geometry: SharedGeometry, cacheLimit: number, granule: number): number {
  const cutter = new Cutter(undefined);
  cut(cutter, geometry, cacheLimit, granule);
  return cutter.byteLength;
}

/** The parts of tables in `buffer`, which must be long enough. */
export function cutTables(
  buffer: SharedArrayBuffer,
  geometry: SharedGeometry,
  cacheLimit: number,
  granule: number,
): SharedTables {
  return cut(new Cutter(buffer), geometry, cacheLimit, granule);
}

/** The checksum of a header's first `count` words: FNV-1a. */
export function checksum(header: Int32Array, count: number): number {
  let sum = 0x811c9dc5 | 0;
  for (let index = 0; index < count; index++) sum = Math.imul(sum ^ header[index], 0x01000193);
  return sum;
}

/** Writes the words that never change. */
export function writeGeometry(header: Int32Array, geometry: SharedGeometry): void {
  header[HEADER_MAGIC] = MAGIC;
  header[HEADER_VERSION] = VERSION;
  header[HEADER_BASE_PAGE] = geometry.base / geometry.pageSize;
  header[HEADER_PAGE_SHIFT] = Math.log2(geometry.pageSize);
  header[HEADER_MAX_PAGES] = geometry.maxSize / geometry.pageSize;
  header[HEADER_MAX_THREADS] = geometry.maxThreads;
  header[HEADER_MAX_CACHES] = geometry.maxCaches;
  header[HEADER_FLAGS] = (geometry.trackOwners ? FLAG_TRACK_OWNERS : 0) | (geometry.zero ? FLAG_ZERO : 0);
  header[HEADER_STALL_MS] = geometry.stallMs;
  header[HEADER_CHECKSUM] = checksum(header, HEADER_CHECKSUM);
}

/** Reads them back; a string, which says what is wrong, where they are not those of such a heap. */
export function readGeometry(header: Int32Array): SharedGeometry | string {
  if (header[HEADER_MAGIC] !== MAGIC) return "its tables are not those of a shared heap";
  const version = header[HEADER_VERSION];
  if (version !== VERSION) return `its tables are of version ${version}, this is version ${VERSION}`;
  if (header[HEADER_CHECKSUM] !== checksum(header, HEADER_CHECKSUM)) return "its tables are damaged";
  const pageSize = 2 ** header[HEADER_PAGE_SHIFT];
  const flags = header[HEADER_FLAGS];
  return {
    base: header[HEADER_BASE_PAGE] * pageSize,
    pageSize,
    maxSize: header[HEADER_MAX_PAGES] * pageSize,
    maxThreads: header[HEADER_MAX_THREADS],
    maxCaches: header[HEADER_MAX_CACHES],
    trackOwners: (flags & FLAG_TRACK_OWNERS) !== 0,
    zero: (flags & FLAG_ZERO) !== 0,
    stallMs: header[HEADER_STALL_MS],
  };
}
