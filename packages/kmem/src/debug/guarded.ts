/** What a guard knows of one allocation, as it is told: while it lives, while its place is in quarantine, and after. */
import { type Moment, stackOf } from "./tracker.ts";

/** Its owner has it. */
export const LIVE = 0;
/** It was freed, and its place is kept from reuse. */
export const QUARANTINED = 1;
/** Its place has gone back to the heap; only the guard remembers it. */
export const RELEASED = 2;
/** What becomes of an allocation, in this order. */
export type GuardedState = typeof LIVE | typeof QUARANTINED | typeof RELEASED;

/** The calls of a stack that an error's message shows. */
const SHOWN_CALLS = 8;

/** One guarded allocation. The red zones are `raw` to `offset`, and the end of its bytes to `rawEnd`. */
export interface Guarded {
  /** Where its bytes begin. */
  readonly offset: number;
  /** Bytes asked for. */
  readonly byteLength: number;
  /** The slot, place or run that it lies in: its first byte, and the end, exclusive, of what is looked at. */
  readonly raw: number;
  readonly rawEnd: number;
  /** The cache whose slot that is; 0 when it lies outside of slabs. */
  readonly slotCache: number;
  /** Its number among the guarded allocations of its heap, from 1 on. */
  readonly number: number;
  readonly state: GuardedState;
  /** When and where it was allocated and freed, where that was recorded. */
  readonly allocated: Moment | undefined;
  readonly freed: Moment | undefined;
  /** The number of the latest allocation when it was freed, where that is known. */
  readonly freedAfter: number | undefined;
  /** Whether `reset` freed it. */
  readonly isReset: boolean;
  /** The threads that made and freed it, in a heap that threads share; -1 where none has. */
  readonly threads?: { readonly madeBy: number; readonly freedBy: number };
}

/** The lines of an error's message that tell who allocated and freed something; each begins with a line break. */
export function historyText(guarded: Guarded): string {
  const { number, allocated, freed, freedAfter, isReset, state, threads } = guarded;
  const maker = threads === undefined ? "" : ` of thread ${threads.madeBy}`;
  const allocation = `\n  allocated as number ${number}${maker}${momentText(allocated)}`;
  if (state === LIVE) return allocation;
  const by = isReset ? " by reset()" : "";
  const after = freedAfter === undefined ? "" : ` after allocation ${freedAfter}`;
  const freer = threads === undefined ? "" : ` by thread ${threads.freedBy}`;
  return `${allocation}\n  freed${by}${after}${freer}${momentText(freed)}`;
}

/** A moment as text: the time, and the calls, each on a line of its own. */
function momentText(moment: Moment | undefined): string {
  if (moment === undefined) return ", where is not recorded";
  const calls = stackOf(moment).slice(0, SHOWN_CALLS);
  return ` at ${new Date(moment.timeMs).toISOString()}${calls.map((call) => `\n    ${call}`).join("")}`;
}
