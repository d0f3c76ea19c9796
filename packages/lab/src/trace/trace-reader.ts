/** Reads a trace file into memory: from its bytes, or from whatever gives parts of them. */
import { parquetMetadataAsync, parquetRead, type AsyncBuffer, type FileMetaData } from "hyparquet";
import { crc32 } from "./crc32.ts";
import { NO_PAGE } from "./event.ts";
import { EventColumns } from "./event-columns.ts";
import { FILE_COLUMNS } from "./file-columns.ts";
import { unpackMetadata, type FileMetadata } from "./file-metadata.ts";
import type { Trace } from "./trace.ts";
import { TraceError } from "./trace-error.ts";
import { TraceNames } from "./trace-names.ts";

/** Parquet's first and last four bytes. */
export const PARQUET_MAGIC: readonly number[] = [0x50, 0x41, 0x52, 0x31];

/** Settings of `readTrace`. */
export interface ReadTraceOptions {
  /** The file's name, for messages. */
  readonly file?: string;
  /** Called after each row group. */
  readonly onProgress?: (readBytes: number, fileBytes: number, eventCount: number) => void;
}

/** Where the bytes of a file come from: `slice` gives those from `start` (inclusive) to `end` (exclusive). */
export interface TraceFile {
  readonly byteLength: number;
  slice(start: number, end: number): Promise<ArrayBuffer> | ArrayBuffer;
}

/**
 * Reads a trace file. Throws a TraceError: FOREIGN where it is no trace file, TRUNCATED, or DAMAGED, with the place.
 * O(bytes); 56 bytes of memory an event.
 */
export async function readTrace(
  source: Uint8Array | TraceFile,
  options: ReadTraceOptions = {},
): Promise<Trace> {
  const fileName = options.file ?? "the trace";
  const file = source instanceof Uint8Array ? inMemory(source) : source;
  const place = { file: fileName, line: 0 };
  const footer = await readFooter(file, fileName);
  const { parquet, metadata } = footer;
  const eventCount = Number(parquet.num_rows);
  const events = new EventColumns(eventCount);
  events.length = eventCount;
  events.key.fill(NO_PAGE);
  const names = new TraceNames();
  let firstRow = 0;
  let position = 0;
  for (const [index, sum] of metadata.rowGroups.entries()) {
    const damaged = (what: string, cause?: unknown): TraceError =>
      new TraceError("DAMAGED", place, `${fileName} is damaged in row group ${index + 1}: ${what}`, {
        cause,
      });
    const rows = Number(parquet.row_groups[index]?.num_rows ?? 0);
    const bytes = new Uint8Array(await file.slice(position, position + sum.byteLength));
    if (crc32(bytes) !== sum.crc32)
      throw damaged(`its bytes from ${position} on are not those that were written`);
    try {
      await unpackRowGroup({ file, parquet, firstRow, rows, events, names });
    } catch (error) {
      throw damaged((error as Error).message, error);
    }
    firstRow += rows;
    position += sum.byteLength;
    options.onProgress?.(position, file.byteLength, firstRow);
  }
  if (firstRow !== eventCount || metadata.facts.eventCount !== eventCount) {
    const what = `its footer counts ${metadata.facts.eventCount} events, its row groups ${firstRow}`;
    throw new TraceError("DAMAGED", place, `${fileName} is damaged: ${what}`);
  }
  const { facts, state, attachments } = metadata;
  return { facts, events, names, state, attachments };
}

function inMemory(bytes: Uint8Array): TraceFile {
  return {
    byteLength: bytes.length,
    // A copy, as Blob and fetch give: the decoder may keep views of it.
    slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
}

async function readFooter(
  file: TraceFile,
  name: string,
): Promise<{ parquet: FileMetaData; metadata: FileMetadata }> {
  const place = { file: name, line: 0 };
  const magicLength = PARQUET_MAGIC.length;
  const isMagic = async (at: number): Promise<boolean> => {
    const bytes = new Uint8Array(await file.slice(at, at + magicLength));
    return PARQUET_MAGIC.every((byte, index) => bytes[index] === byte);
  };
  if (file.byteLength === 0) throw new TraceError("EMPTY", place, `${name} is empty`);
  if (!(await isMagic(0))) throw new TraceError("FOREIGN", place, `${name} is no Parquet file`);
  if (file.byteLength < 3 * magicLength || !(await isMagic(file.byteLength - magicLength))) {
    const what = `it ends after ${file.byteLength} bytes without a footer`;
    throw new TraceError("TRUNCATED", place, `${name} is a truncated Parquet file: ${what}`);
  }
  try {
    const parquet = await parquetMetadataAsync(file as AsyncBuffer, { geoparquet: false });
    const metadata = unpackMetadata(parquet.key_value_metadata ?? []);
    if (metadata !== null) return { parquet, metadata };
  } catch (error) {
    throw new TraceError("DAMAGED", place, `${name} has a damaged footer: ${(error as Error).message}`, {
      cause: error,
    });
  }
  throw new TraceError("FOREIGN", place, `${name} is a Parquet file, but no kmem trace`);
}

/** Reads one row group: `rows` events from `firstRow` on. */
async function unpackRowGroup(group: {
  file: TraceFile;
  parquet: FileMetaData;
  firstRow: number;
  rows: number;
  events: EventColumns;
  names: TraceNames;
}): Promise<void> {
  const { file, parquet, firstRow, rows, events, names } = group;
  const chunks = new Map<string, { values: ArrayLike<unknown>; start: number }[]>();
  await parquetRead({
    file: file as AsyncBuffer,
    metadata: parquet,
    rowStart: firstRow,
    rowEnd: firstRow + rows,
    onChunk({ columnName, columnData, rowStart }) {
      const known = chunks.get(columnName) ?? [];
      chunks.set(columnName, [...known, { values: columnData, start: rowStart }]);
    },
  });
  for (const column of FILE_COLUMNS) {
    const { name } = column.schema;
    const parts = chunks.get(name) ?? [];
    const found = parts.reduce((sum, { values }) => sum + values.length, 0);
    if (found !== rows) throw new RangeError(`expected ${rows} values of ${name}, found ${found}`);
    for (const { values, start } of parts) column.unpack(values as never, start, events, names);
  }
}
