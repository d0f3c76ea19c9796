import { openByteSource, type ByteSource } from "./byte-source.ts";
import { EventColumns } from "./event-columns.ts";
import { FtraceReader } from "./ftrace-reader.ts";
import type { RecordingFacts } from "./recording.ts";
import { TraceError } from "./trace-error.ts";

/** A recording in memory. */
export interface Trace {
  readonly facts: RecordingFacts;
  readonly events: EventColumns;
  /** What `EventColumns.cacheIndex` points into. */
  readonly cacheNames: readonly string[];
}

/** How far reading has come. */
export interface ReadProgress {
  /** Of the file as it lies on disk. */
  readonly readBytes: number;
  /** null for a pipe. */
  readonly fileBytes: number | null;
  readonly eventCount: number;
}

/** Settings of `readTrace`. */
export interface ReadTraceOptions {
  /** Read only this many kmem events. */
  readonly limit?: number;
  /** Take a recording that ends before its end as far as it goes, instead of throwing. */
  readonly partial?: boolean;
  /** Called every few hundred kilobytes of text. */
  readonly onProgress?: (progress: ReadProgress) => void;
}

/** zlib's words for data that ends before its end mark. */
const ENDS_EARLY = "Z_BUF_ERROR";

/**
 * Reads a recording in the kernel's ftrace text, plain or gzipped, from a file or (`-`) the standard input.
 * Holds the events, 30 bytes each, never the text. Throws a TraceError.
 */
export async function readTrace(file: string, options: ReadTraceOptions = {}): Promise<Trace> {
  const source = await openByteSource(file);
  const events = new EventColumns();
  const limit = options.limit ?? Infinity;
  const reader = new FtraceReader({ file, sink: events, limit });
  let stoppedEarly: string | null = null;
  try {
    await readAll(source, reader, options.onProgress);
    if (reader.isDone) stoppedEarly = `only the first ${limit} events were asked for`;
  } catch (error) {
    const traceError = asTraceError(error, file, reader.lineCount);
    if (options.partial !== true || traceError.code !== "TRUNCATED" || reader.eventCount === 0)
      throw traceError;
    stoppedEarly = traceError.message;
  } finally {
    source.close();
  }
  const facts = {
    ...reader.facts(),
    compressed: source.compressed,
    fileBytes: source.fileBytes,
    stoppedEarly,
  };
  return { facts, events, cacheNames: reader.names.names };
}

async function readAll(
  source: ByteSource,
  reader: FtraceReader,
  onProgress: ReadTraceOptions["onProgress"],
): Promise<void> {
  const { fileBytes } = source;
  for await (const chunk of source.chunks) {
    reader.push(chunk);
    onProgress?.({ readBytes: source.readBytes(), fileBytes, eventCount: reader.eventCount });
    if (reader.isDone) break;
  }
  reader.finish();
}

function asTraceError(error: unknown, file: string, line: number): TraceError {
  if (error instanceof TraceError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const place = { file, line: Math.max(1, line) };
  if (code === ENDS_EARLY) {
    const what = `expected more gzip data after line ${line}; found the end of the file, so it was truncated`;
    return new TraceError("TRUNCATED", place, what, { cause: error });
  }
  if (code?.startsWith("Z_") === true) {
    const what = `expected intact gzip data after line ${line}; found damage (${message})`;
    return new TraceError("DAMAGED", place, what, { cause: error });
  }
  return new TraceError("UNREADABLE", { file, line: 0 }, `cannot read ${file}: ${message}`, { cause: error });
}
