/**
 * What a crew of workers and the test know beside the heap, in shared memory of its own: so it outlives a worker.
 *
 *     cells        1 word a cell        an object on its way from one holder to another: offset + 1, 0 is none
 *     seats        one a thread number  COMMAND, STATE, COUNT, DOING, PENDING, then its ledger: ENTRY_WORDS an object
 *
 * A worker notes what it is about to do (DOING, and the object as PENDING) before it does it, and clears DOING after. So
 * whoever finds the ledger of a worker that was killed knows what stands in it, and what may have been half done.
 *
 * Invariant BD1: an object that lives stands in one ledger or cell, but for the one that its holder's DOING is about.
 */
/** Commands to a worker. */
export const RUN = 0;
export const PARK = 1;
/** End without a word. */
export const END = 2;
/** Detach, and end. */
export const LEAVE = 3;

/** States of a seat. */
export const EMPTY = 0;
export const RUNNING = 1;
export const PARKED = 2;
export const ENDED = 3;
/** Stopped at the step that it was to stop at, for ever. */
export const STOPPED = 4;

/** What a worker is about. MALLOC and REALLOC may leave an object that no ledger has. */
export const NOTHING = 0;
export const MALLOC = 1;
export const REALLOC = 2;
/** The object may be freed, or in a cell, or both in a cell and in the ledger. */
export const FREE = 3;
export const MOVE = 4;

const CELL_COUNT = 64;
const LEDGER_SLOTS = 192;
const COMMAND = 0;
const STATE = 1;
const COUNT = 2;
const DOING = 3;
const PENDING = 4;
const SEAT_HEAD = 5;
const ENTRY_WORDS = 4;
const SEAT_WORDS = SEAT_HEAD + LEDGER_SLOTS * ENTRY_WORDS;
const FIRST_SEAT = CELL_COUNT;

/** An object, as the first bytes of its payload and its entry in a ledger tell of it. */
export interface BoardObject {
  readonly offset: number;
  readonly byteLength: number;
  /** Decides its pattern. */
  readonly id: number;
  /** The crew's number of the worker that made it: no two workers have the same. */
  readonly maker: number;
}

/** The words that the crew shares. */
export class Board {
  readonly words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
  }

  static bufferFor(seatCount: number): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (FIRST_SEAT + seatCount * SEAT_WORDS));
  }

  get cellCount(): number {
    return CELL_COUNT;
  }

  /** The offset in a cell; -1 when it is empty. */
  cell(index: number): number {
    return Atomics.load(this.words, index) - 1;
  }

  /** Puts `next` into a cell that holds `expected`; -1 stands for none. False when the cell holds something else. */
  exchange(index: number, expected: number, next: number): boolean {
    return Atomics.compareExchange(this.words, index, expected + 1, next + 1) === expected + 1;
  }

  seat(thread: number): Seat {
    return new Seat(this.words, FIRST_SEAT + thread * SEAT_WORDS);
  }
}

/** What the board has of one thread. Only that thread writes to it while it lives. */
export class Seat {
  private readonly words: Int32Array;
  private readonly at: number;

  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  get slotCount(): number {
    return LEDGER_SLOTS;
  }

  /** What the worker is to do. */
  get command(): number {
    return Atomics.load(this.words, this.at + COMMAND);
  }

  set command(command: number) {
    Atomics.store(this.words, this.at + COMMAND, command);
    Atomics.notify(this.words, this.at + COMMAND);
  }

  /** Sleeps while the command is `command`. */
  waitWhile(command: number): void {
    while (this.command === command) Atomics.wait(this.words, this.at + COMMAND, command);
  }

  get state(): number {
    return Atomics.load(this.words, this.at + STATE);
  }

  set state(state: number) {
    Atomics.store(this.words, this.at + STATE, state);
    Atomics.notify(this.words, this.at + STATE);
  }

  /** Resolves when the state may be another than `state`. */
  async stateAfter(state: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.words, this.at + STATE, state);
    if (waiting.async) await waiting.value;
  }

  /** Operations done. */
  get count(): number {
    return Atomics.load(this.words, this.at + COUNT);
  }

  countOne(): void {
    Atomics.add(this.words, this.at + COUNT, 1);
  }

  /** What the worker is about, and the offset of the object, or -1. */
  get doing(): { kind: number; pending: number } {
    return {
      kind: Atomics.load(this.words, this.at + DOING),
      pending: Atomics.load(this.words, this.at + PENDING) - 1,
    };
  }

  /** Notes what comes next. */
  begin(kind: number, pending = -1): void {
    Atomics.store(this.words, this.at + PENDING, pending + 1);
    Atomics.store(this.words, this.at + DOING, kind);
  }

  /** Notes that it is done. */
  done(): void {
    Atomics.store(this.words, this.at + DOING, NOTHING);
  }

  get(slot: number): BoardObject | undefined {
    const entry = this.entry(slot);
    const offset = Atomics.load(this.words, entry) - 1;
    if (offset < 0) return undefined;
    const [byteLength, id, maker] = this.words.subarray(entry + 1, entry + ENTRY_WORDS) as unknown as [
      number,
      number,
      number,
    ];
    return { offset, byteLength, id, maker };
  }

  put(slot: number, { offset, byteLength, id, maker }: BoardObject): void {
    const entry = this.entry(slot);
    this.words.set([byteLength, id, maker], entry + 1);
    Atomics.store(this.words, entry, offset + 1);
  }

  remove(slot: number): void {
    Atomics.store(this.words, this.entry(slot), 0);
  }

  /** Makes it an empty one. */
  clear(): void {
    this.words.fill(0, this.at, this.at + SEAT_WORDS);
  }

  private entry(slot: number): number {
    return this.at + SEAT_HEAD + slot * ENTRY_WORDS;
  }
}
