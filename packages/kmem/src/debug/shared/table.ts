/**
 * What the threads of a shared heap for debugging have in common beside the heap's own tables: one `SharedArrayBuffer` of
 * words.
 *
 *     header    16 words             what the heap was made with: never changes
 *     aligns    1 word a cache       the alignment of the objects of each cache, in bytes; 0 where it is not guarded
 *     threads   16 words a thread    head and tail of its ring; the number of its latest guarded allocation
 *     rings     so many a thread     the cells of what it freed and keeps in quarantine, the earliest at the head
 *     cells     4 words a granule    of the guarded allocation that was given out last with its first byte there
 *
 *     cell   word 0                                          1            2                    3
 *            bits 31 … 11              10 … 3       2 … 0    byteLength   bit 16: is tracked   number
 *                 offset − raw,        claimed by   state                 15 … 8: freed by
 *                 in granules                                             7 … 0: made by
 *
 * Threads stand as their number + 1, in `claimed by` 0 for none. Word 0 decides
 * everything: of two threads that free an allocation, the claim of one finds it live. Where the place of a guarded allocation begins, the
 * cell says `PLACE`, and leads to its offset in the same way; when that has gone back to the heap, `FREE_PLACE`, and the number is
 * its granules.
 *
 * What hands an allocation over is atomic: its begin, each claim, and the end of one that puts it into quarantine. The other
 * words are ordered by those, and by the atomic operation of the heap below that takes a place back; and a state that is read
 * too early is what the claim after it refuses. (V8 calls a function for each atomic operation. With all of them atomic a pair
 * costs three times as much.)
 *
 * Cells are never cleared: an offset is known as freed for as long as nothing else was given out at it. It costs as much
 * memory as the bytes that the heap has used, in pages that are taken when they are first written.
 */
import { GRANULE } from "../../heap/size-classes.ts";
import { checksum } from "../../shared/layout.ts";

/** "kmdb" in ASCII. */
const MAGIC = 0x6b6d6462;
/** Counts up with every change of this layout, or of what may be done to it. */
const VERSION = 1;

const HEADER_WORDS = 16;
const HEADER_MAGIC = 0;
const HEADER_VERSION = 1;
const HEADER_SAMPLE = 2;
const HEADER_RED_ZONE = 3;
const HEADER_FILL = 4;
const HEADER_OBJECTS = 5;
/** In granules. */
const HEADER_GRANULES = 6;
const HEADER_CHECKSUM = 7;

const THREAD_WORDS = 16;
const THREAD_HEAD = 0;
const THREAD_TAIL = 1;
const THREAD_NUMBER = 2;

const GRANULE_SHIFT = Math.log2(GRANULE);
const CELL_SHIFT = 2;
const CELL_WORDS = 2 ** CELL_SHIFT;
const BYTE_LENGTH = 1;
const THREADS = 2;
const NUMBER = 3;

const STATE_MASK = 7;
const CLAIM_SHIFT = 3;
const DELTA_SHIFT = 11;
/** The furthest that an offset may lie behind the begin of its place, in bytes. */
export const MAX_BEFORE = (2 ** (32 - DELTA_SHIFT) - 1) * GRANULE;
const THREAD_MASK = 0xff;
const FREED_BY_SHIFT = 8;
const IS_TRACKED = 0x10000;

/** Nothing guarded was given out here. */
export const UNKNOWN = 0;
/** An allocation that its owner has. */
export const LIVE = 1;
/** One that a thread has claimed: to free it, or to let it out of quarantine. */
export const CLAIMED = 2;
/** One that was freed, and whose place is kept from reuse. */
export const QUARANTINED = 3;
/** One whose place has gone back to the heap. */
export const RELEASED = 4;
/** No allocation, but the begin of the place of one. */
export const PLACE = 5;
/** The begin of the place that a released one had. */
export const FREE_PLACE = 6;

/** What a heap was made with, which holds for all of its threads. */
export interface SharedSettings {
  /** One allocation in so many is guarded; 0: none. */
  readonly sample: number;
  /** Bytes, a multiple of the granule. */
  readonly redZone: number;
  readonly fill: boolean;
  /** What each thread may keep in quarantine: allocations, and bytes of their places. */
  readonly quarantine: { readonly objects: number; readonly bytes: number };
}

/** For how much there is to be room. */
export interface TableGeometry {
  /** Offset of the heap's first byte. */
  readonly base: number;
  /** Bytes that the heap may grow to. */
  readonly maxSize: number;
  readonly maxThreads: number;
  /** Caches, the size classes included. */
  readonly cacheLimit: number;
}

/** Who makes an allocation. */
export interface Maker {
  readonly thread: number;
  /** The number of the allocation among those of the thread. */
  readonly number: number;
  /** True when the thread records where it is made. */
  readonly isTracked: boolean;
}

/** Where the parts begin, in words. */
function layoutOf({ maxSize, maxThreads, cacheLimit }: TableGeometry, objects: number): TableLayout {
  const threads = HEADER_WORDS * Math.ceil((HEADER_WORDS + cacheLimit + 1) / HEADER_WORDS);
  const rings = threads + THREAD_WORDS * maxThreads;
  // One more than are kept: what is about to be freed stands there before it is claimed.
  const ringWords = 2 ** Math.ceil(Math.log2(objects + 2));
  const cells = HEADER_WORDS * Math.ceil((rings + ringWords * maxThreads) / HEADER_WORDS);
  return { threads, rings, ringWords, cells, wordCount: cells + CELL_WORDS * (maxSize / GRANULE) };
}

interface TableLayout {
  readonly threads: number;
  readonly rings: number;
  readonly ringWords: number;
  readonly cells: number;
  readonly wordCount: number;
}

/** What a heap with these tables was made with; a string, which says what is wrong, where they are none. */
function readSettings(words: Int32Array): SharedSettings | string {
  if (words.length < HEADER_WORDS || words[HEADER_MAGIC] !== MAGIC) return "it has no tables of a guard";
  const version = words[HEADER_VERSION];
  if (version !== VERSION) return `its guard is of version ${version}, this is version ${VERSION}`;
  if (words[HEADER_CHECKSUM] !== checksum(words, HEADER_CHECKSUM))
    return "the tables of its guard are damaged";
  return {
    sample: words[HEADER_SAMPLE],
    redZone: words[HEADER_RED_ZONE],
    fill: words[HEADER_FILL] !== 0,
    quarantine: { objects: words[HEADER_OBJECTS], bytes: (words[HEADER_GRANULES] >>> 0) * GRANULE },
  };
}

/** The table, as one of its threads sees it. */
export class GuardTable {
  readonly settings: SharedSettings;
  private readonly words: Int32Array;
  private readonly layout: TableLayout;
  private readonly base: number;
  private readonly end: number;

  private constructor(words: Int32Array, geometry: TableGeometry, settings: SharedSettings) {
    this.words = words;
    this.settings = settings;
    this.layout = layoutOf(geometry, settings.quarantine.objects);
    this.base = geometry.base;
    this.end = geometry.base + geometry.maxSize;
  }

  /** Makes a table. */
  static create(geometry: TableGeometry, settings: SharedSettings): GuardTable {
    const { sample, redZone, fill, quarantine } = settings;
    const { wordCount } = layoutOf(geometry, quarantine.objects);
    const words = new Int32Array(new SharedArrayBuffer(4 * wordCount));
    words[HEADER_MAGIC] = MAGIC;
    words[HEADER_VERSION] = VERSION;
    words[HEADER_SAMPLE] = sample;
    words[HEADER_RED_ZONE] = redZone;
    words[HEADER_FILL] = fill ? 1 : 0;
    words[HEADER_OBJECTS] = quarantine.objects;
    words[HEADER_GRANULES] = Math.min(2 ** 32 - 1, Math.floor(quarantine.bytes / GRANULE));
    words[HEADER_CHECKSUM] = checksum(words, HEADER_CHECKSUM);
    return new GuardTable(words, geometry, settings);
  }

  /** The table that another thread has made in `buffer`; a string, which says what is wrong, where it is none for such a heap. */
  static open(buffer: SharedArrayBuffer, geometry: TableGeometry): GuardTable | string {
    const words = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    const settings = readSettings(words);
    if (typeof settings === "string") return settings;
    const { wordCount } = layoutOf(geometry, settings.quarantine.objects);
    if (words.length === wordCount) return new GuardTable(words, geometry, settings);
    return `the tables of its guard have ${buffer.byteLength} bytes, not ${4 * wordCount}`;
  }

  /** The buffer, for other threads. */
  get buffer(): SharedArrayBuffer {
    return this.words.buffer as SharedArrayBuffer;
  }

  /** The alignment of the objects of cache `number`, as its maker wrote it down. */
  align(number: number): number {
    return this.words[HEADER_WORDS + number];
  }

  setAlign(number: number, align: number): void {
    this.words[HEADER_WORDS + number] = align;
  }

  /** The cell of `offset`, which may be anything; 0 where there can be none. */
  cellAt(offset: number): number {
    const isPlace = offset >>> 0 === offset && offset >= this.base && offset < this.end;
    return isPlace && offset % GRANULE === 0 ? this.cell(offset) : 0;
  }

  /** The cell of an offset in the heap that is a multiple of the granule. */
  cell(offset: number): number {
    return this.layout.cells + (((offset - this.base) >>> GRANULE_SHIFT) << CELL_SHIFT);
  }

  /** The offset that a cell is for. */
  offset(cell: number): number {
    return this.base + ((cell - this.layout.cells) >>> CELL_SHIFT) * GRANULE;
  }

  /** The state of a cell now; `UNKNOWN` for cell 0. */
  state(cell: number): number {
    return cell === 0 ? UNKNOWN : this.words[cell] & STATE_MASK;
  }

  /** True while thread `thread` has claimed the allocation at a cell. */
  isClaimedBy(cell: number, thread: number): boolean {
    const word = Atomics.load(this.words, cell);
    return (word & STATE_MASK) === CLAIMED && ((word >>> CLAIM_SHIFT) & THREAD_MASK) === thread + 1;
  }

  /** Where the place of the allocation at the cell begins; of a `PLACE` or `FREE_PLACE`, where the allocation does, or did. */
  partner(cell: number): number {
    const word = this.words[cell];
    const delta = (word >>> DELTA_SHIFT) * GRANULE;
    return (word & STATE_MASK) >= PLACE ? this.offset(cell) + delta : this.offset(cell) - delta;
  }

  byteLength(cell: number): number {
    return this.words[cell + BYTE_LENGTH] >>> 0;
  }

  setByteLength(cell: number, byteLength: number): void {
    this.words[cell + BYTE_LENGTH] = byteLength;
  }

  /** The number that its thread gave the allocation. */
  number(cell: number): number {
    return this.words[cell + NUMBER] >>> 0;
  }

  /** The thread that made the allocation. */
  madeBy(cell: number): number {
    return (this.words[cell + THREADS] & THREAD_MASK) - 1;
  }

  /** The thread that freed it; -1 while none has. */
  freedBy(cell: number): number {
    return ((this.words[cell + THREADS] >>> FREED_BY_SHIFT) & THREAD_MASK) - 1;
  }

  setFreedBy(cell: number, thread: number): void {
    const { words } = this;
    const others = words[cell + THREADS] & ~(THREAD_MASK << FREED_BY_SHIFT);
    words[cell + THREADS] = others | ((thread + 1) << FREED_BY_SHIFT);
  }

  /** True when its thread has recorded where the allocation was made. */
  isTracked(cell: number): boolean {
    return (this.words[cell + THREADS] & IS_TRACKED) !== 0;
  }

  /** True when the place at `raw`, about to be used, is to have its allocation one step further on: at every second use. */
  turn(raw: number): boolean {
    const at = this.cell(raw) + BYTE_LENGTH;
    this.words[at] ^= 1;
    return (this.words[at] & 1) === 0;
  }

  /** Lets a live allocation be at `offset`, in the place at `raw`. Returns its cell. */
  add(raw: number, offset: number, byteLength: number, { thread, number, isTracked }: Maker): number {
    const { words } = this;
    const cell = this.cell(offset);
    const delta = ((offset - raw) / GRANULE) << DELTA_SHIFT;
    words[cell + BYTE_LENGTH] = byteLength;
    words[cell + THREADS] = (thread + 1) | (isTracked ? IS_TRACKED : 0);
    words[cell + NUMBER] = number;
    words[this.cell(raw)] = delta | PLACE;
    // From here on it lives.
    Atomics.store(words, cell, delta | LIVE);
    return cell;
  }

  /** Claims the allocation at a cell for `thread` if it is in state `from`; false, having done nothing, otherwise. */
  claim(cell: number, from: number, thread: number): boolean {
    const { words } = this;
    const word = words[cell];
    if ((word & STATE_MASK) !== from) return false;
    const claimed = (word & (-1 << DELTA_SHIFT)) | ((thread + 1) << CLAIM_SHIFT) | CLAIMED;
    return Atomics.compareExchange(words, cell, word, claimed) === word;
  }

  /** Lets what this thread has claimed be in another state. What it wrote before is seen by whoever claims it next. */
  settle(cell: number, state: number): void {
    Atomics.store(this.words, cell, (this.words[cell] & (-1 << DELTA_SHIFT)) | state);
  }

  /** Lets what this thread has claimed be released; its place must be given back after this. */
  release(cell: number): void {
    this.words[cell] = (this.words[cell] & (-1 << DELTA_SHIFT)) | RELEASED;
  }

  /** Says that the place at `raw`, of `byteLength` bytes, is about to go back to the heap. */
  vacate(raw: number, byteLength: number): void {
    const { words } = this;
    const cell = this.cell(raw);
    words[cell + NUMBER] = byteLength / GRANULE;
    words[cell] = (words[cell] & (-1 << DELTA_SHIFT)) | FREE_PLACE;
  }

  /** Bytes of the place of a released allocation that begins at `raw`; 0 where none does. */
  vacantBytes(raw: number): number {
    const cell = this.cell(raw);
    return this.state(cell) === FREE_PLACE ? this.number(cell) * GRANULE : 0;
  }

  /** Says that no place of a guarded allocation begins at `raw`. */
  forgetPlace(raw: number): void {
    const cell = this.cell(raw);
    if (this.state(cell) >= PLACE) this.words[cell] = UNKNOWN;
  }

  /** The number of a new guarded allocation of `thread`. They go on where an earlier thread of the same number ended. */
  nextNumber(thread: number): number {
    return ++this.words[this.layout.threads + THREAD_WORDS * thread + THREAD_NUMBER] >>> 0;
  }

  /** Guarded allocations so far, of `thread`. */
  lastNumber(thread: number): number {
    return this.words[this.layout.threads + THREAD_WORDS * thread + THREAD_NUMBER] >>> 0;
  }

  /** Guarded allocations so far, of as many threads as the heap can have. */
  allocationCount(maxThreads: number): number {
    let count = 0;
    for (let thread = 0; thread < maxThreads; thread++) count += this.lastNumber(thread);
    return count;
  }

  /** The ring of `thread`. */
  ring(thread: number): Ring {
    const { threads, rings, ringWords } = this.layout;
    const start = rings + thread * ringWords;
    const at = threads + THREAD_WORDS * thread;
    return new Ring(this.words, at, this.words.subarray(start, start + ringWords));
  }

  /** The cells from offset `from` to `end`, exclusive, that are in state `state` when they are come to. O(end - from). */
  *cells(state: number, from: number, end: number): IterableIterator<number> {
    const { words } = this;
    const last = this.cell(end);
    for (let cell = this.cell(from); cell < last; cell += CELL_WORDS) {
      if ((words[cell] & STATE_MASK) === state) yield cell;
    }
  }

  /** Lets everything below offset `end` that lives or waits be freed by `thread`, alone attached. O(size). */
  releaseAll(thread: number, end: number): void {
    const { words } = this;
    for (let cell = this.layout.cells; cell < this.cell(end); cell += CELL_WORDS) {
      const state = words[cell] & STATE_MASK;
      if (state === LIVE) this.setFreedBy(cell, thread);
      if (state >= PLACE) words[cell] = UNKNOWN;
      else if (state !== UNKNOWN) this.settle(cell, RELEASED);
    }
  }
}

/**
 * What one thread has freed and keeps in quarantine, in the order in which it did.
 *
 * The thread alone adds and removes; others may let single allocations out, whose cells then are in another state. Behind
 * the tail stands what the thread is about to claim: so what a killed thread had claimed is found.
 */
export class Ring {
  private readonly words: Int32Array;
  private readonly head: number;
  private readonly tail: number;
  private readonly entries: Int32Array;

  /** The ring whose head and tail are at index `at` of `words`. */
  constructor(words: Int32Array, at: number, entries: Int32Array) {
    this.words = words;
    this.head = at + THREAD_HEAD;
    this.tail = at + THREAD_TAIL;
    this.entries = entries;
  }

  /** How many it holds. */
  get count(): number {
    return (this.words[this.tail] - this.words[this.head]) | 0;
  }

  /** How many it could hold. */
  get capacity(): number {
    return this.entries.length;
  }

  /** The earliest freed. There must be any. */
  get first(): number {
    return this.entries[this.words[this.head] & (this.entries.length - 1)];
  }

  /** Takes the earliest out, and returns at which index it stood. */
  shift(): number {
    const at = this.words[this.head];
    this.words[this.head] = at + 1;
    return at & (this.entries.length - 1);
  }

  /** Writes down what is about to be claimed. The claim orders it. */
  announce(cell: number): void {
    this.entries[this.words[this.tail] & (this.entries.length - 1)] = cell;
  }

  /** Adds what was announced, and returns at which index it stands. */
  push(): number {
    const at = this.words[this.tail];
    this.words[this.tail] = at + 1;
    return at & (this.entries.length - 1);
  }

  /** What was announced last, and added or not; 0 when nothing was yet. */
  get announced(): number {
    return this.entries[Atomics.load(this.words, this.tail) & (this.entries.length - 1)];
  }

  /** Every one that it holds, the earliest first. Others may have let some out, and they may have come in again. */
  *[Symbol.iterator](): IterableIterator<number> {
    const { words, entries } = this;
    const end = Atomics.load(words, this.tail);
    for (let at = Atomics.load(words, this.head); at !== end; at = (at + 1) | 0) {
      yield entries[at & (entries.length - 1)];
    }
  }

  /** Drops all. */
  clear(): void {
    this.entries.fill(0);
    this.words[this.head] = this.words[this.tail];
  }
}
