/** Tells a recording's format by its first bytes, never by its name. */
import { FtraceReader } from "./ftrace-reader.ts";
import { HeaptrackReader } from "./heaptrack-reader.ts";
import { MallocLabReader } from "./malloc-lab-reader.ts";
import type { ReaderOptions, RecordingReader } from "./recording-reader.ts";
import { SnapshotReader } from "./snapshot-reader.ts";

/** Bytes of a file that tell its format. */
export const FORMAT_HEAD_BYTES = 4096;

/** A heaptrack file begins with its version. */
const HEAPTRACK = /^v [0-9a-f]+ [0-9a-f]+\r?\n/;
/** A malloc-lab trace begins with two or four numbers on lines of their own or on one, and an operation. */
const MALLOC_LAB = /^(\s*\d+){2,4}\s+[arf] -?\d/;
/** A snapshot is a JSON object. */
const SNAPSHOT = /^\s*\{/;

/**
 * A reader for the text that begins with `head`, its first `FORMAT_HEAD_BYTES` bytes, decompressed. What is like nothing
 * else is taken for the text of a kernel's events, whose reader says what it expected.
 */
export function readerFor(head: Uint8Array, options: ReaderOptions): RecordingReader {
  const text = new TextDecoder().decode(head.subarray(0, FORMAT_HEAD_BYTES));
  if (HEAPTRACK.test(text)) return new HeaptrackReader(options);
  if (MALLOC_LAB.test(text)) return new MallocLabReader(options);
  if (SNAPSHOT.test(text)) return new SnapshotReader(options);
  return new FtraceReader(options);
}
