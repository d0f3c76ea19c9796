/** Readers of other formats, for any source of bytes. Runs in browsers, workers and Node alike. */
export { FORMAT_HEAD_BYTES, readerFor } from "./reader-for.ts";
export type { ReaderOptions, RecordingReader } from "./recording-reader.ts";
