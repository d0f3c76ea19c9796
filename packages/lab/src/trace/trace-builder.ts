import type { TraceEvent, TraceSink } from "./event.ts";
import { EventColumns } from "./event-columns.ts";
import { EventTally } from "./event-tally.ts";
import type { SourceFacts } from "./recording.ts";
import { NO_STATE, type Trace, type TraceExtras } from "./trace.ts";
import { TraceNames } from "./trace-names.ts";

/** A recording in the making, in memory: what `TraceWriter` is for a file. */
export class TraceBuilder implements TraceSink {
  /** For the reader to fill: what the events' numbers stand for. */
  readonly names = new TraceNames();
  readonly #events = new EventColumns();

  /** Appends one event. Amortized O(1). */
  add(event: Readonly<TraceEvent>): void {
    this.#events.add(event);
  }

  /** The recording of all events so far. O(events). */
  finish(source: SourceFacts, { state = NO_STATE, attachments = new Map() }: TraceExtras = {}): Trace {
    const events = this.#events;
    return { facts: factsOf(source, events), events, names: this.names, state, attachments };
  }
}

/** The recording of the first `limit` events. Shares its columns with `trace`, which becomes as short. O(limit). */
export function shortened(trace: Trace, limit: number): Trace {
  const { events, facts } = trace;
  if (events.length <= limit) return trace;
  events.length = limit;
  const stoppedEarly = `only the first ${limit} events were asked for`;
  return { ...trace, facts: factsOf({ ...facts, stoppedEarly }, events) };
}

function factsOf(source: SourceFacts, events: EventColumns): Trace["facts"] {
  const tally = new EventTally();
  tally.add(events);
  return { ...source, ...tally.totals(source.clockCountsTicks) };
}
