/** What a guard knows of one allocation: while it lives, while its place is in quarantine, and for some time after. */
import { type Moment, stackOf } from "./tracker.ts";
import type { Ward } from "./ward.ts";

/** Its owner has it. */
export const LIVE = 0;
/** It was freed, and its place is kept from reuse. */
export const QUARANTINED = 1;
/** Its place has gone back to the heap; only the guard remembers it. */
export const RELEASED = 2;

/** The calls of a stack that an error's message shows. */
const SHOWN_CALLS = 8;

/** One guarded allocation. The red zones are `raw` to `offset`, and the end of its bytes to `rawEnd`. */
export class Guarded {
  /** Where its bytes begin. */
  offset = 0;
  /** Bytes asked for. */
  byteLength = 0;
  /** The slot or run that it lies in: its first byte, and its end, exclusive. */
  raw = 0;
  rawEnd = 0;
  /** The cache whose slot that is; 0 when it is a run of pages. */
  slotCache = 0;
  /** What it was allocated from. */
  ward: Ward;
  /** Its number among the guarded allocations of its heap, from 1 on. */
  number = 0;
  state: typeof LIVE | typeof QUARANTINED | typeof RELEASED = LIVE;
  /** When and where it was allocated and freed, where that was recorded. */
  allocated: Moment | undefined = undefined;
  freed: Moment | undefined = undefined;
  /** The number of the latest allocation when it was freed. */
  freedAfter = 0;
  /** Whether `reset` freed it. */
  isReset = false;

  constructor(ward: Ward) {
    this.ward = ward;
  }
}

/** The lines of an error's message that tell who allocated and freed something; each begins with a line break. */
export function historyText({ number, allocated, freed, freedAfter, isReset, state }: Guarded): string {
  const allocation = `\n  allocated as number ${number}${momentText(allocated)}`;
  if (state === LIVE) return allocation;
  const by = isReset ? "by reset() " : "";
  return `${allocation}\n  freed ${by}after allocation ${freedAfter}${momentText(freed)}`;
}

/** A moment as text: the time, and the calls, each on a line of its own. */
function momentText(moment: Moment | undefined): string {
  if (moment === undefined) return ", where is not recorded";
  const calls = stackOf(moment).slice(0, SHOWN_CALLS);
  return ` at ${new Date(moment.timeMs).toISOString()}${calls.map((call) => `\n    ${call}`).join("")}`;
}
