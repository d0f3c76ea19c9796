/** Opens a recording of any format as a trace in memory. */
import { open } from "node:fs/promises";
import type { TraceOrigin } from "../trace/recording.ts";
import type { Trace } from "../trace/trace.ts";
import { shortened, TraceBuilder } from "../trace/trace-builder.ts";
import { readTrace, type TraceFile } from "../trace/trace-reader.ts";
import { openByteSource, type ByteSource } from "./byte-source.ts";
import { readRecording, type ReadProgress } from "./read-recording.ts";

/** A recording, and where it was read from. */
export interface LoadedTrace {
  readonly trace: Trace;
  readonly origin: TraceOrigin;
}

/** Settings of `loadTrace`. */
export interface LoadTraceOptions {
  /** Read only this many events. */
  readonly limit?: number;
  /** Take a text that ends before its end as far as it goes, instead of throwing. */
  readonly partial?: boolean;
  /** Called every few hundred kilobytes. */
  readonly onProgress?: (progress: ReadProgress) => void;
}

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
      : await loadOther(file, source, options);
    return { trace, origin };
  } finally {
    source.close();
  }
}

async function loadTraceFile(file: string, source: ByteSource, options: LoadTraceOptions): Promise<Trace> {
  const onProgress = (readBytes: number, fileBytes: number, eventCount: number): void =>
    options.onProgress?.({ readBytes, fileBytes, eventCount });
  const { limit = Infinity } = options;
  if (source.fileBytes === null) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.chunks) chunks.push(chunk);
    return shortened(await readTrace(Buffer.concat(chunks), { file, onProgress }), limit);
  }
  const handle = await open(file);
  try {
    return shortened(await readTrace(sliced(handle, source.fileBytes), { file, onProgress }), limit);
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

async function loadOther(file: string, source: ByteSource, options: LoadTraceOptions): Promise<Trace> {
  const builder = new TraceBuilder();
  const facts = await readRecording(source, { ...options, file, sink: builder, names: builder.names });
  return builder.finish(facts);
}
