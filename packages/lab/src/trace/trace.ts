import type { EventColumns } from "./event-columns.ts";
import type { RecordingFacts } from "./recording.ts";
import type { TraceNames } from "./trace-names.ts";

/** The kernel's allocators at one moment, as texts of /proc. Null is what was not stored. */
export interface StateMoment {
  /** When the first and the last of it was read, on the clock of the events. */
  readonly beganNanoseconds: number;
  readonly endedNanoseconds: number;
  readonly buddyinfo: string | null;
  readonly pagetypeinfo: string | null;
  readonly slabinfo: string | null;
  readonly zoneinfo: string | null;
  /** The pages in free blocks of the page allocator, as `page-ranges.ts` describes them. */
  readonly freePages: Float64Array | null;
}

/** The kernel's allocators at both ends of a recording. */
export interface TraceState {
  readonly start: StateMoment | null;
  readonly end: StateMoment | null;
}

/** What else a recording carries, by name: a text or bytes. */
export type TraceAttachments = ReadonlyMap<string, string | Uint8Array>;

/** The attachment that says: the recorder's own events are left out. */
export const WITHOUT_SELF = "without-self";

/** What a recording carries besides its events. */
export interface TraceExtras {
  readonly state?: TraceState;
  readonly attachments?: TraceAttachments;
}

/** A recording in memory. */
export interface Trace {
  readonly facts: RecordingFacts;
  readonly events: EventColumns;
  /** What the numbers in the events stand for. */
  readonly names: TraceNames;
  readonly state: TraceState;
  readonly attachments: TraceAttachments;
}

/** Of a recording that holds no state. */
export const NO_STATE: TraceState = { start: null, end: null };
