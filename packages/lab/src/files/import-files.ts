/** Recordings of other formats into a trace file, at any size: memory use does not depend on it. */
import type { RecordingReport } from "../replay/report.ts";
import { joinedFacts, namedFacts, type SourceFacts } from "../trace/recording.ts";
import { TraceNames } from "../trace/trace-names.ts";
import { TraceWriter } from "../trace/trace-writer.ts";
import { openByteSource } from "./byte-source.ts";
import { OutputFile } from "./output-file.ts";
import { readRecording, type ReadProgress } from "./read-recording.ts";
import { UserError } from "./user-error.ts";

/** Settings of `importFiles`. */
export interface ImportOptions {
  /** The trace file to write. */
  readonly output: string;
  /** Replace it if it exists. */
  readonly force: boolean;
  /** Take a recording that ends before its end as far as it goes. */
  readonly partial: boolean;
  /** Of each file take only so many events. */
  readonly limit: number;
  readonly onProgress: (progress: ReadProgress) => void;
}

/** What `kmem import --json` prints. */
export interface ImportReport {
  readonly schema: "kmem-import/1";
  readonly output: { readonly file: string; readonly bytes: number };
  readonly recording: RecordingReport;
  readonly seconds: number;
}

/**
 * Reads the files one after the other, as parts of one recording, into a trace file. Throws a TraceError or UserError,
 * and leaves no file then.
 */
export async function importFiles(inputs: readonly string[], options: ImportOptions): Promise<ImportReport> {
  const start = performance.now();
  const output = new OutputFile(options.output, options);
  const names = new TraceNames();
  try {
    const writer = new TraceWriter(names, (bytes) => output.write(bytes));
    let source: SourceFacts | null = null;
    for (const file of inputs) {
      const facts = await importInto(writer, names, file, options);
      if (source !== null && source.format !== facts.format) {
        throw new UserError(
          `${file} is ${facts.format}, the file before it ${source.format}: import them one by one`,
        );
      }
      source = source === null ? facts : joinedFacts(source, facts);
    }
    const recording = writer.finish(source!);
    output.complete();
    const origin = { file: options.output, fileBytes: output.byteLength, compressed: false };
    return {
      schema: "kmem-import/1",
      output: { file: options.output, bytes: output.byteLength },
      recording: { ...origin, ...namedFacts(recording) },
      seconds: (performance.now() - start) / 1e3,
    };
  } catch (error) {
    output.discard();
    throw error;
  }
}

async function importInto(
  writer: TraceWriter,
  names: TraceNames,
  file: string,
  options: ImportOptions,
): Promise<SourceFacts> {
  const source = await openByteSource(file);
  try {
    if (source.isTraceFile)
      throw new UserError(`${file} is a trace file already: kmem replay and compare read it`);
    return await readRecording(source, { ...options, file, sink: writer, names });
  } finally {
    source.close();
  }
}
