/**
 * What a guard knows of each of its allocations, in eight words of one array: live, in quarantine, or remembered.
 *
 *     word   0        1           2     3               4       5             6, 7
 *            offset   byteLength  raw   rawEnd - raw,   flags   next unused   number
 *                                       in granules             record
 *
 *     flags  bit 15 … 5    4             3           2          1 … 0
 *                slot cache  is superseded  is tracked  was reset  state
 *
 * Words are unsigned; the number is a double, since four thousand million allocations take minutes. A record is named by the
 * index of its first word; 0 is none. Those that are unused are chained. Beside the words there are each record's ward, the
 * latest number when it was freed, and the moments of the few allocations of which they were taken.
 *
 * Cost: O(1); 40 bytes an allocation and a reference to its ward. (An object takes 120, and the collector's time.)
 */
import type { Guarded, GuardedState } from "./guarded.ts";
import type { Moment } from "./tracker.ts";
import type { Ward } from "./ward.ts";

const RECORD_SHIFT = 3;
const RECORD_WORDS = 2 ** RECORD_SHIFT;
const OFFSET = 0;
const BYTE_LENGTH = 1;
const RAW = 2;
const RAW_GRANULES = 3;
const FLAGS = 4;
const NEXT_UNUSED = 5;
/** Of the doubles, of which a record has half as many. */
const NUMBER = 3;

const STATE_MASK = 3;
const WAS_RESET = 4;
const IS_TRACKED = 8;
const IS_SUPERSEDED = 16;
const SLOT_CACHE_SHIFT = 5;

const FIRST_CAPACITY = 256;

/** The table. */
export class Records {
  private words = new Int32Array(FIRST_CAPACITY * RECORD_WORDS);
  private doubles = new Float64Array(this.words.buffer);
  private freedAfter = new Float64Array(FIRST_CAPACITY);
  private readonly wards: Ward[] = [];
  private readonly moments = new Map<number, { allocated: Moment; freed: Moment | undefined }>();
  private firstUnused = 0;
  /** Behind the records that were ever used. */
  private end = RECORD_WORDS;

  /** Makes the record of a live allocation. */
  add(
    ward: Ward,
    slotCache: number,
    raw: number,
    rawEnd: number,
    offset: number,
    byteLength: number,
    number: number,
  ): number {
    let record = this.firstUnused;
    if (record === 0) record = this.another();
    const { words } = this;
    this.firstUnused = words[record + NEXT_UNUSED];
    words[record + OFFSET] = offset;
    words[record + BYTE_LENGTH] = byteLength;
    words[record + RAW] = raw;
    words[record + RAW_GRANULES] = (rawEnd - raw) >>> 4;
    words[record + FLAGS] = slotCache << SLOT_CACHE_SHIFT;
    this.doubles[(record >>> 1) + NUMBER] = number;
    this.wards[record >>> RECORD_SHIFT] = ward;
    return record;
  }

  /** Forgets an allocation: its record is unused. */
  remove(record: number): void {
    const { words } = this;
    if ((words[record + FLAGS] & IS_TRACKED) !== 0) this.moments.delete(record);
    words[record + NEXT_UNUSED] = this.firstUnused;
    this.firstUnused = record;
  }

  offset(record: number): number {
    return this.words[record + OFFSET] >>> 0;
  }

  byteLength(record: number): number {
    return this.words[record + BYTE_LENGTH] >>> 0;
  }

  setByteLength(record: number, byteLength: number): void {
    this.words[record + BYTE_LENGTH] = byteLength;
  }

  raw(record: number): number {
    return this.words[record + RAW] >>> 0;
  }

  /** Bytes from `raw` to `rawEnd`. */
  rawBytes(record: number): number {
    return this.words[record + RAW_GRANULES] * 16;
  }

  slotCache(record: number): number {
    return this.words[record + FLAGS] >>> SLOT_CACHE_SHIFT;
  }

  state(record: number): GuardedState {
    return (this.words[record + FLAGS] & STATE_MASK) as GuardedState;
  }

  setState(record: number, state: GuardedState): void {
    const { words } = this;
    words[record + FLAGS] = (words[record + FLAGS] & ~STATE_MASK) | state;
  }

  ward(record: number): Ward {
    return this.wards[record >>> RECORD_SHIFT];
  }

  number(record: number): number {
    return this.doubles[(record >>> 1) + NUMBER];
  }

  /** Writes down that it is freed now, after allocation `lastNumber`. */
  markFreed(record: number, lastNumber: number): void {
    this.freedAfter[record >>> RECORD_SHIFT] = lastNumber;
  }

  /** Writes down that `reset` freed it. */
  markReset(record: number): void {
    this.words[record + FLAGS] |= WAS_RESET;
  }

  /** True when a later allocation stands for the offset. */
  isSuperseded(record: number): boolean {
    return (this.words[record + FLAGS] & IS_SUPERSEDED) !== 0;
  }

  markSuperseded(record: number): void {
    this.words[record + FLAGS] |= IS_SUPERSEDED;
  }

  isTracked(record: number): boolean {
    return (this.words[record + FLAGS] & IS_TRACKED) !== 0;
  }

  /** Writes down when and where it was allocated. */
  track(record: number, allocated: Moment): void {
    this.words[record + FLAGS] |= IS_TRACKED;
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
      freedAfter: this.freedAfter[record >>> RECORD_SHIFT],
      isReset: (this.words[record + FLAGS] & WAS_RESET) !== 0,
    };
  }

  /** A record that was never used, as the only unused one. */
  private another(): number {
    const record = this.end;
    this.end += RECORD_WORDS;
    if (this.end > this.words.length) this.grow();
    return record;
  }

  private grow(): void {
    const { words, freedAfter } = this;
    this.words = new Int32Array(2 * words.length);
    this.words.set(words);
    this.doubles = new Float64Array(this.words.buffer);
    this.freedAfter = new Float64Array(2 * freedAfter.length);
    this.freedAfter.set(freedAfter);
  }
}
