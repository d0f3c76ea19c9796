import type { TraceSink } from "../trace/event.ts";
import type { SourceFacts } from "../trace/recording.ts";
import type { TraceNames } from "../trace/trace-names.ts";

/** How a reader is set up. */
export interface ReaderOptions {
  /** For messages. */
  readonly file: string;
  readonly sink: TraceSink;
  /** Takes the names that the events' numbers stand for. */
  readonly names: TraceNames;
  /** Stop after this many events; by default, never. */
  readonly limit?: number;
}

/** Reads one file of one format: `push` its bytes, then `finish`. Both throw a TraceError at the first fault. */
export interface RecordingReader {
  /** Lines read so far. */
  readonly lineCount: number;
  /** Events handed to the sink so far. */
  readonly eventCount: number;
  /** Has the limit been reached? Further bytes are then ignored. */
  readonly isDone: boolean;
  push(chunk: Uint8Array): void;
  /** Ends the file; throws if it ends before its end. */
  finish(): void;
  /** What the file says of the recording, as far as it has been read. */
  facts(): SourceFacts;
}
