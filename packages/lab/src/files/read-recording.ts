/** Pumps a file of any format but kmem's own through its reader. */
import { basename } from "node:path";
import { FORMAT_HEAD_BYTES, readerFor } from "../import/reader-for.ts";
import type { ReaderOptions, RecordingReader } from "../import/recording-reader.ts";
import type { SourceFacts } from "../trace/recording.ts";
import { TraceError } from "../trace/trace-error.ts";
import type { ByteSource } from "./byte-source.ts";
import { reasonOf } from "./user-error.ts";

/** How far reading has come. */
export interface ReadProgress {
  /** Of the file as it lies on disk. */
  readonly readBytes: number;
  /** null for a pipe. */
  readonly fileBytes: number | null;
  readonly eventCount: number;
}

/** Settings of `readRecording`. */
export interface ReadRecordingOptions extends ReaderOptions {
  /** Take a file that ends before its end as far as it goes, instead of throwing. */
  readonly partial?: boolean;
  /** Called every few hundred kilobytes. */
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}

/** zlib's words for data that ends before its end mark. */
const ENDS_EARLY = new Set(["Z_BUF_ERROR", "ZSTD_error_srcSize_wrong"]);
const DECOMPRESSION_FAILURE = /^(Z_|ZSTD_error_)/;

/**
 * Reads all of `source` (or the first `limit` events) into `sink`. Returns what the file says of the recording. Throws a
 * TraceError; what the sink throws passes.
 */
export async function readRecording(source: ByteSource, options: ReadRecordingOptions): Promise<SourceFacts> {
  const { file, limit = Infinity, onProgress } = options;
  let reader: RecordingReader | null = null;
  let stoppedEarly: string | null = null;
  try {
    for await (const chunk of withWholeHead(source.chunks)) {
      reader ??= readerFor(chunk, options);
      reader.push(chunk);
      onProgress?.({
        readBytes: source.readBytes(),
        fileBytes: source.fileBytes,
        eventCount: reader.eventCount,
      });
      if (reader.isDone) break;
    }
    reader ??= readerFor(new Uint8Array(0), options);
    if (reader.isDone) stoppedEarly = `only the first ${limit} events were asked for`;
    else reader.finish();
  } catch (error) {
    const traceError = asTraceError(error, file, reader?.lineCount ?? 0);
    const isUsable = reader !== null && traceError?.code === "TRUNCATED" && reader.eventCount > 0;
    if (options.partial !== true || !isUsable) throw traceError ?? error;
    stoppedEarly = traceError!.message;
  }
  return { ...reader!.facts(), sources: [basename(file)], stoppedEarly };
}

/** The chunks, of which the first holds as many bytes as tell the format, if there are so many. */
async function* withWholeHead(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head = new Uint8Array(0);
  let failure: unknown = null;
  try {
    while (head.length < FORMAT_HEAD_BYTES) {
      const { done, value } = await iterator.next();
      if (done === true) break;
      head = head.length === 0 ? new Uint8Array(value) : Buffer.concat([head, value]);
    }
  } catch (error) {
    // What came before the fault is read first, so that the fault is told with its place.
    failure = error;
  }
  if (head.length > 0) yield head;
  if (failure !== null) throw failure;
  yield* { [Symbol.asyncIterator]: () => iterator };
}

/** What went wrong with a file, as a TraceError; null for an error of another sort. */
function asTraceError(error: unknown, file: string, line: number): TraceError | null {
  if (error instanceof TraceError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return null;
  const place = { file, line: Math.max(1, line) };
  if (ENDS_EARLY.has(code)) {
    const what = `expected more compressed data after line ${line}; found the end of the file, so it was truncated`;
    return new TraceError("TRUNCATED", place, what, { cause: error });
  }
  if (DECOMPRESSION_FAILURE.test(code)) {
    const what = `expected intact compressed data after line ${line}; found damage (${message})`;
    return new TraceError("DAMAGED", place, what, { cause: error });
  }
  return new TraceError("UNREADABLE", { file, line: 0 }, `cannot read ${file}: ${reasonOf(error)}`, {
    cause: error,
  });
}
