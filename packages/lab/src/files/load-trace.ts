/** Opens a recording of any format as a trace in memory. */
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { FtraceReader } from "../import/ftrace-reader.ts";
import type { TraceOrigin } from "../trace/recording.ts";
import type { Trace } from "../trace/trace.ts";
import { shortened, TraceBuilder } from "../trace/trace-builder.ts";
import { TraceError } from "../trace/trace-error.ts";
import { readTrace, type TraceFile } from "../trace/trace-reader.ts";
import { openByteSource, type ByteSource } from "./byte-source.ts";

/** A recording, and where it was read from. */
export interface LoadedTrace {
  readonly trace: Trace;
  readonly origin: TraceOrigin;
}

/** How far reading has come. */
export interface LoadProgress {
  /** Of the file as it lies on disk. */
  readonly readBytes: number;
  /** null for a pipe. */
  readonly fileBytes: number | null;
  readonly eventCount: number;
}

/** Settings of `loadTrace`. */
export interface LoadTraceOptions {
  /** Read only this many events. */
  readonly limit?: number;
  /** Take a text that ends before its end as far as it goes, instead of throwing. */
  readonly partial?: boolean;
  /** Called every few hundred kilobytes. */
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** zlib's words for data that ends before its end mark. */
const ENDS_EARLY = "Z_BUF_ERROR";

/**
 * Reads a recording from a file or (`-`) the standard input: a trace file, or any format that can be imported. Holds the
 * events, 56 bytes each, never a text. Throws a TraceError.
 */
export async function loadTrace(file: string, options: LoadTraceOptions = {}): Promise<LoadedTrace> {
  const source = await openByteSource(file);
  const origin = { file, fileBytes: source.fileBytes, compressed: source.compressed };
  try {
    const trace = source.isTraceFile
      ? await loadTraceFile(file, source, options)
      : await loadText(file, source, options);
    return { trace: shortened(trace, options.limit ?? Infinity), origin };
  } finally {
    source.close();
  }
}

async function loadTraceFile(file: string, source: ByteSource, options: LoadTraceOptions): Promise<Trace> {
  const onProgress = (readBytes: number, fileBytes: number, eventCount: number): void =>
    options.onProgress?.({ readBytes, fileBytes, eventCount });
  if (source.fileBytes === null) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.chunks) chunks.push(chunk);
    return readTrace(Buffer.concat(chunks), { file, onProgress });
  }
  const handle = await open(file);
  try {
    return await readTrace(sliced(handle, source.fileBytes), { file, onProgress });
  } finally {
    await handle.close();
  }
}

/** The parts of an open file. */
function sliced(handle: Awaited<ReturnType<typeof open>>, byteLength: number): TraceFile {
  return {
    byteLength,
    async slice(start, end) {
      const bytes = new Uint8Array(Math.min(end, byteLength) - start);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
      return bytes.buffer.slice(0, bytesRead);
    },
  };
}

async function loadText(file: string, source: ByteSource, options: LoadTraceOptions): Promise<Trace> {
  const builder = new TraceBuilder();
  const limit = options.limit ?? Infinity;
  const reader = new FtraceReader({ file, sink: builder, names: builder.names, limit });
  let stoppedEarly: string | null = null;
  try {
    await readAll(source, reader, options.onProgress);
    if (reader.isDone) stoppedEarly = `only the first ${limit} events were asked for`;
  } catch (error) {
    const traceError = asTraceError(error, file, reader.lineCount);
    if (options.partial !== true || traceError.code !== "TRUNCATED" || reader.eventCount === 0)
      throw traceError;
    stoppedEarly = traceError.message;
  }
  return builder.finish({ ...reader.facts(), sources: [basename(file)], stoppedEarly });
}

async function readAll(
  source: ByteSource,
  reader: FtraceReader,
  onProgress: LoadTraceOptions["onProgress"],
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
