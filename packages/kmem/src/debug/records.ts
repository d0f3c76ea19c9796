/**
 * What a guard knows of each of its allocations, in ten words of one array: live, in quarantine, or remembered.
 *
 *     word   0        1           2     3               4       5             6, 7     8, 9
 *            offset   byteLength  raw   rawEnd - raw,   flags   next unused   number   the latest number when
 *                                       in granules             record                 it was freed
 *
 *     flags  bit 14 … 4    3           2          1 … 0
 *                slot cache  is tracked  was reset  state
 *
 * Words are unsigned; the numbers are doubles, since four thousand million allocations take minutes. Records are numbered
 * from 1 on; 0 is none. Those that are unused are chained. Beside the words there are each record's ward, and the moments
 * of the few allocations of which they were taken.
 *
 * Cost: O(1); 40 bytes an allocation and a reference to its ward. (An object takes 120, and the collector's time.)
 */
import type { Guarded, GuardedState } from "./guarded.ts";
import type { Moment } from "./tracker.ts";
import type { Ward } from "./ward.ts";

const RECORD_WORDS = 10;
const OFFSET = 0;
const BYTE_LENGTH = 1;
const RAW = 2;
const RAW_GRANULES = 3;
const FLAGS = 4;
const NEXT_UNUSED = 5;

const RECORD_DOUBLES = RECORD_WORDS / 2;
const NUMBER = 3;
const FREED_AFTER = 4;

const STATE_MASK = 3;
const WAS_RESET = 4;
const IS_TRACKED = 8;
const SLOT_CACHE_SHIFT = 4;

const FIRST_CAPACITY = 256;

/** The table. */
export class Records {
  private words = new Int32Array(FIRST_CAPACITY * RECORD_WORDS);
  private doubles = new Float64Array(this.words.buffer);
  private readonly wards: Ward[] = [];
  private readonly moments = new Map<number, { allocated: Moment; freed: Moment | undefined }>();
  private firstUnused = 0;
  /** Records that were ever used, and 1. */
  private count = 1;

  /** Makes the record of a live allocation, and returns its number. */
  add(
    ward: Ward,
    slotCache: number,
    raw: number,
    rawEnd: number,
    offset: number,
    byteLength: number,
    number: number,
  ): number {
    const record = this.unused();
    const { words } = this;
    const at = record * RECORD_WORDS;
    words[at + OFFSET] = offset;
    words[at + BYTE_LENGTH] = byteLength;
    words[at + RAW] = raw;
    words[at + RAW_GRANULES] = (rawEnd - raw) / 16;
    words[at + FLAGS] = slotCache << SLOT_CACHE_SHIFT;
    this.doubles[record * RECORD_DOUBLES + NUMBER] = number;
    this.wards[record] = ward;
    return record;
  }

  /** Forgets an allocation: its record is unused. */
  remove(record: number): void {
    const at = record * RECORD_WORDS;
    if ((this.words[at + FLAGS] & IS_TRACKED) !== 0) this.moments.delete(record);
    this.words[at + NEXT_UNUSED] = this.firstUnused;
    this.firstUnused = record;
  }

  offset(record: number): number {
    return this.words[record * RECORD_WORDS + OFFSET] >>> 0;
  }

  byteLength(record: number): number {
    return this.words[record * RECORD_WORDS + BYTE_LENGTH] >>> 0;
  }

  setByteLength(record: number, byteLength: number): void {
    this.words[record * RECORD_WORDS + BYTE_LENGTH] = byteLength;
  }

  raw(record: number): number {
    return this.words[record * RECORD_WORDS + RAW] >>> 0;
  }

  /** Bytes from `raw` to `rawEnd`. */
  rawBytes(record: number): number {
    return this.words[record * RECORD_WORDS + RAW_GRANULES] * 16;
  }

  slotCache(record: number): number {
    return this.words[record * RECORD_WORDS + FLAGS] >>> SLOT_CACHE_SHIFT;
  }

  state(record: number): GuardedState {
    return (this.words[record * RECORD_WORDS + FLAGS] & STATE_MASK) as GuardedState;
  }

  setState(record: number, state: GuardedState): void {
    const at = record * RECORD_WORDS + FLAGS;
    this.words[at] = (this.words[at] & ~STATE_MASK) | state;
  }

  ward(record: number): Ward {
    return this.wards[record];
  }

  number(record: number): number {
    return this.doubles[record * RECORD_DOUBLES + NUMBER];
  }

  /** Writes down that it is freed now, after allocation `lastNumber`. */
  markFreed(record: number, lastNumber: number): void {
    this.doubles[record * RECORD_DOUBLES + FREED_AFTER] = lastNumber;
  }

  /** Writes down that `reset` freed it. */
  markReset(record: number): void {
    this.words[record * RECORD_WORDS + FLAGS] |= WAS_RESET;
  }

  isTracked(record: number): boolean {
    return (this.words[record * RECORD_WORDS + FLAGS] & IS_TRACKED) !== 0;
  }

  /** Writes down when and where it was allocated. */
  track(record: number, allocated: Moment): void {
    this.words[record * RECORD_WORDS + FLAGS] |= IS_TRACKED;
    this.moments.set(record, { allocated, freed: undefined });
  }

  /** Writes down when and where a tracked one was freed. */
  trackFree(record: number, freed: Moment): void {
    const moments = this.moments.get(record);
    if (moments !== undefined) moments.freed = freed;
  }

  /** All of it, for a person. */
  read(record: number): Guarded {
    const moments = this.moments.get(record);
    const raw = this.raw(record);
    return {
      offset: this.offset(record),
      byteLength: this.byteLength(record),
      raw,
      rawEnd: raw + this.rawBytes(record),
      slotCache: this.slotCache(record),
      number: this.number(record),
      state: this.state(record),
      allocated: moments?.allocated,
      freed: moments?.freed,
      freedAfter: this.doubles[record * RECORD_DOUBLES + FREED_AFTER],
      isReset: (this.words[record * RECORD_WORDS + FLAGS] & WAS_RESET) !== 0,
    };
  }

  private unused(): number {
    const record = this.firstUnused;
    if (record !== 0) {
      this.firstUnused = this.words[record * RECORD_WORDS + NEXT_UNUSED];
      return record;
    }
    if ((this.count + 1) * RECORD_WORDS > this.words.length) this.grow();
    return this.count++;
  }

  private grow(): void {
    const old = this.words;
    this.words = new Int32Array(2 * old.length);
    this.words.set(old);
    this.doubles = new Float64Array(this.words.buffer);
  }
}
