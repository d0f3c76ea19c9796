/**
 * Runs one contender through one recording, three times: to look at what it holds, to take its time, and with little room
 * to see what fails. Each run has a contender of its own.
 */
import { NO_ROOM, type Contender, type ContenderSpace } from "./contender.ts";
import { sizeClassOf, type Work } from "./work.ts";

/** Moments of a run at which the footprint is looked at, besides the peak of the payload. */
export const SAMPLE_COUNT = 200;

/** Makes a contender; a new one for each run. */
export type ContenderMaker = (space: ContenderSpace) => Contender;

/** What was found out about the memory of a contender. All in bytes. */
export interface MemoryFigures {
  /** The most that was held. */
  readonly peakHeldBytes: number;
  /** When the payload was at its peak. */
  readonly heldAtPeakBytes: number;
  /** In blocks handed out, at that moment; null where the contender does not tell. */
  readonly usedAtPeakBytes: number | null;
  /** Outside the space, at the end. */
  readonly tableBytes: number;
  /** Held at each of `SAMPLE_COUNT` evenly spread moments. */
  readonly heldBytes: readonly number[];
}

/** What failed in a space with little room. */
export interface FailureFigures {
  readonly spaceBytes: number;
  readonly failures: number;
  /** The index is the size class: see `sizeClassOf`. */
  readonly failuresByClass: readonly number[];
}

/** A contender that did not get through in the time it had. */
export class TooSlow extends Error {
  override readonly name = "TooSlow";
}

/** Runs for the time: as many as begin within half a second. The memory pass before has had the code compiled. */
const MAX_ROUNDS = 10;
const TIMING_MILLISECONDS = 500;

/** Operations between two looks at the clock. */
const CLOCK_STRIDE = 1 << 12;

/** One pass over a recording. */
class Run {
  readonly contender: Contender;
  readonly failuresByClass: number[] = [];
  failures = 0;
  readonly #work: Work;
  readonly #handles: Float64Array;
  /** Operations applied so far. */
  position = 0;

  constructor(contender: Contender, work: Work) {
    this.contender = contender;
    this.#work = work;
    this.#handles = new Float64Array(work.sizes.length);
  }

  /** Applies the operations up to `position` (exclusive). What cannot be allocated is counted, and not freed later. */
  advanceTo(position: number): void {
    const { operations, sizes } = this.#work;
    const { contender } = this;
    const handles = this.#handles;
    for (let at = this.position; at < position; at++) {
      const operation = operations[at]!;
      if (operation >= 0) {
        const handle = contender.allocate(sizes[operation]!, operation);
        handles[operation] = handle;
        if (handle === NO_ROOM) this.#countFailure(sizes[operation]!);
      } else {
        const piece = ~operation;
        const handle = handles[piece]!;
        if (handle !== NO_ROOM) contender.free(handle, sizes[piece]!, piece);
      }
    }
    this.position = position;
  }

  #countFailure(size: number): void {
    const sizeClass = sizeClassOf(size);
    this.failures++;
    while (this.failuresByClass.length <= sizeClass) this.failuresByClass.push(0);
    this.failuresByClass[sizeClass]!++;
  }
}

/**
 * What a contender holds over a recording, with room for all of it. Throws TooSlow after `budgetSeconds`, and a RangeError
 * if an allocation fails all the same.
 */
export function measureMemory(
  make: ContenderMaker,
  work: Work,
  space: ContenderSpace,
  budgetSeconds: number,
): MemoryFigures {
  const run = new Run(make(space), work);
  const { contender } = run;
  const { length } = work.operations;
  const { unitBytes } = space;
  const started = performance.now();
  let peakHeld = 0;
  let heldAtPeak = 0;
  let usedAtPeak: number | null = null;
  const heldBytes: number[] = [];
  const advanceTo = (position: number): void => {
    while (run.position < position) {
      run.advanceTo(Math.min(position, run.position + CLOCK_STRIDE));
      if ((performance.now() - started) / 1e3 > budgetSeconds) throw new TooSlow();
    }
    if (run.failures > 0) throw new RangeError(`does not fit into ${space.limit * unitBytes} bytes`);
  };
  for (let sample = 1; sample <= SAMPLE_COUNT; sample++) {
    const position = Math.round((sample * length) / SAMPLE_COUNT);
    if (run.position < work.peakPosition && work.peakPosition <= position) {
      advanceTo(work.peakPosition);
      heldAtPeak = contender.heldUnits();
      usedAtPeak = contender.usedUnits();
      peakHeld = Math.max(peakHeld, heldAtPeak);
    }
    advanceTo(position);
    const held = contender.heldUnits();
    peakHeld = Math.max(peakHeld, held);
    heldBytes.push(held * unitBytes);
  }
  return {
    peakHeldBytes: peakHeld * unitBytes,
    heldAtPeakBytes: heldAtPeak * unitBytes,
    usedAtPeakBytes: usedAtPeak === null ? null : usedAtPeak * unitBytes,
    tableBytes: contender.tableBytes(),
    heldBytes,
  };
}

/** Nanoseconds for one operation, over the whole recording: the best of as many runs as fit into a short while. */
export function measureTime(make: ContenderMaker, work: Work, space: ContenderSpace): number {
  const { length } = work.operations;
  let best = Infinity;
  let spent = 0;
  for (let round = 0; round < MAX_ROUNDS && spent < TIMING_MILLISECONDS; round++) {
    const run = new Run(make(space), work);
    const started = performance.now();
    run.advanceTo(length);
    const milliseconds = performance.now() - started;
    best = Math.min(best, milliseconds);
    spent += milliseconds;
  }
  return (1e6 * best) / length;
}

/** What fails in a space of `space.limit` units. */
export function measureFailures(make: ContenderMaker, work: Work, space: ContenderSpace): FailureFigures {
  const run = new Run(make(space), work);
  run.advanceTo(work.operations.length);
  const { failures, failuresByClass } = run;
  return { spaceBytes: space.limit * space.unitBytes, failures, failuresByClass };
}

/** What was live, and what the recorded allocator had given for it. */
export interface RecordedFigures {
  /** Sum of what was asked for, at each of `SAMPLE_COUNT` moments. */
  readonly payloadBytes: readonly number[];
  readonly peakPayloadBytes: number;
  /** At the peak of the payload; null where the recording does not tell. */
  readonly givenAtPeakBytes: number | null;
}

/** Follows a recording without any allocator. O(operations). */
export function followRecording(work: Work): RecordedFigures {
  const { operations, sizes, given, unitBytes, peakUnits, peakPosition } = work;
  const { length } = operations;
  const payloadBytes: number[] = [];
  let live = 0;
  let liveGiven = 0;
  let givenAtPeak = 0;
  for (let at = 0; at < length; at++) {
    const operation = operations[at]!;
    const piece = operation >= 0 ? operation : ~operation;
    const sign = operation >= 0 ? 1 : -1;
    live += sign * sizes[piece]!;
    liveGiven += sign * given[piece]!;
    if (at + 1 === peakPosition) givenAtPeak = liveGiven;
    while (payloadBytes.length < Math.floor(((at + 1) * SAMPLE_COUNT) / length)) {
      payloadBytes.push(live * unitBytes);
    }
  }
  return {
    payloadBytes,
    peakPayloadBytes: peakUnits * unitBytes,
    givenAtPeakBytes: givenAtPeak > 0 ? givenAtPeak * unitBytes : null,
  };
}
