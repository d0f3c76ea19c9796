/** Recordings: events in memory, and the trace file. Runs in browsers, workers and Node alike. */
export {
  asksForBytes,
  blankEvent,
  EVENT_NAMES,
  EventKind,
  isPageKind,
  isProgramKind,
  LAST_NULL_KEY,
  NO_NAME,
  NO_PAGE,
  NODE_UNTOLD,
  UNTOLD,
  type TraceEvent,
  type TraceSink,
} from "./event.ts";
export { EventColumns } from "./event-columns.ts";
export { NameTable } from "./name-table.ts";
export { decodePageRanges, encodePageRanges } from "./page-ranges.ts";
export { PointerKeys } from "./pointer-keys.ts";
export {
  sourceFacts,
  type EventTotals,
  type PointerKind,
  type RecordingFacts,
  type SourceFacts,
  type SourceFormat,
  type TraceOrigin,
} from "./recording.ts";
export {
  NO_STATE,
  type StateMoment,
  type Trace,
  type TraceAttachments,
  type TraceExtras,
  type TraceState,
} from "./trace.ts";
export { TraceBuilder } from "./trace-builder.ts";
export { TraceError, type TraceErrorCode } from "./trace-error.ts";
export { TraceNames } from "./trace-names.ts";
export { readTrace, type ReadTraceOptions, type TraceFile } from "./trace-reader.ts";
export { TraceWriter, type ByteSink } from "./trace-writer.ts";
