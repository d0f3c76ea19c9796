/**
 * Opens a file that was dropped: sees by its first bytes what it is, and makes scripts or a still of it. A file that is
 * something else is refused with a message that says what it looks like and what was expected.
 */
import type { HeapSnapshot } from "kmem";
import { decompress } from "fzstd";
import { readerFor } from "../../../src/import/index.ts";
import { readTrace, type Trace, TraceBuilder, TraceError } from "../../../src/trace/index.ts";
import type { Film } from "../film/film.ts";
import type { Script } from "../film/script.ts";
import { stillOf } from "../film/still.ts";
import { traceScripts } from "../film/trace-scripts.ts";

/** What a file holds: films to shoot, or one that is complete. */
export type Opened = { readonly scripts: Script[] } | { readonly still: Film };

/** Told how far reading has come: 0 to 1, and a few words. */
export type OnProgress = (share: number | null, text: string) => void;

/** What can be opened, for messages. */
const EXPECTED =
  "Expected a trace file of kmem (Parquet), the text of ftrace, trace-cmd report or perf script with kmem events, heaptrack " +
  "data, a malloc-lab trace, or the JSON of a heap's snapshot(); plain, gzipped or zstd-compressed.";

/** Bytes of text between two words about progress. */
const PROGRESS_BYTES = 1 << 20;

/** A file that cannot be opened; its message is for people. */
class OpenError extends Error {
  override readonly name = "OpenError";
}

/** Opens a file's bytes. Throws an OpenError. */
export async function openFile(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  onProgress: OnProgress,
): Promise<Opened> {
  if (bytes.length === 0) throw new OpenError(`${name} is empty. ${EXPECTED}`);
  try {
    const looks = looksLike(bytes);
    if (looks === "parquet") {
      const trace = await readTrace(bytes, {
        file: name,
        onProgress: (read, total, events) =>
          onProgress(read / total, `${events.toLocaleString("en")} events`),
      });
      return scriptsOf(trace, name);
    }
    const text =
      looks === "gzip" ? await gunzipped(name, bytes) : looks === "zstd" ? unzstd(name, bytes) : bytes;
    if (startsWith(text, "{")) return { still: stillOf(snapshotOf(name, text), name) };
    if (looksLike(text) !== "text") throw new OpenError(`${name} is ${describe(text)}. ${EXPECTED}`);
    return scriptsOf(readText(name, text, onProgress), name);
  } catch (error) {
    if (error instanceof OpenError) throw error;
    if (error instanceof TraceError) throw new OpenError(`${error.message}. ${EXPECTED}`, { cause: error });
    throw new OpenError(`${name} cannot be opened: ${(error as Error).message}. ${EXPECTED}`, {
      cause: error,
    });
  }
}

function scriptsOf(trace: Trace, name: string): Opened {
  const scripts = traceScripts(trace, name);
  if (scripts.length === 0) {
    const count = trace.facts.eventCount.toLocaleString("en");
    throw new OpenError(`${name} holds ${count} events, but none that allocates memory. ${EXPECTED}`);
  }
  return { scripts };
}

function readText(name: string, text: Uint8Array, onProgress: OnProgress): Trace {
  const builder = new TraceBuilder();
  const reader = readerFor(text, { file: name, sink: builder, names: builder.names });
  for (let at = 0; at < text.length; at += PROGRESS_BYTES) {
    reader.push(text.subarray(at, at + PROGRESS_BYTES));
    onProgress(Math.min(1, at / text.length), `${reader.eventCount.toLocaleString("en")} events`);
  }
  reader.finish();
  return builder.finish({ ...reader.facts(), sources: [name], stoppedEarly: null });
}

async function gunzipped(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw new OpenError(`${name} is gzipped, but damaged or cut short. ${EXPECTED}`, { cause: error });
  }
}

function snapshotOf(name: string, text: Uint8Array): HeapSnapshot {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(text));
  } catch (error) {
    throw new OpenError(`${name} begins as JSON but is not: ${(error as Error).message}. ${EXPECTED}`, {
      cause: error,
    });
  }
  const { format, version } = value as { format?: unknown; version?: unknown };
  if (format === "kmem-heap" && version === 1) return value as HeapSnapshot;
  const what = typeof format === "string" ? `JSON of the format "${format}"` : "JSON, but no snapshot";
  throw new OpenError(`${name} is ${what}. ${EXPECTED}`);
}

function unzstd(name: string, bytes: Uint8Array): Uint8Array {
  try {
    return decompress(bytes);
  } catch (error) {
    throw new OpenError(`${name} is compressed with Zstandard, but damaged or cut short. ${EXPECTED}`, {
      cause: error,
    });
  }
}

type Looks = "parquet" | "gzip" | "zstd" | "text" | "binary";

function looksLike(bytes: Uint8Array): Looks {
  if (startsWith(bytes, "PAR1")) return "parquet";
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  if (startsWith(bytes, "\x28\xb5\x2f\xfd")) return "zstd";
  // Text has no control characters but tabs and line ends.
  const head = bytes.subarray(0, 1024);
  return head.some((byte) => byte < 9 || (byte > 13 && byte < 32)) ? "binary" : "text";
}

/** Files that people are likely to drop, by their first bytes. */
const KNOWN: readonly (readonly [magic: string, what: string])[] = [
  ["\x89PNG", "a PNG picture"],
  ["\xff\xd8\xff", "a JPEG picture"],
  ["%PDF", "a PDF document"],
  ["PK\x03\x04", "a ZIP archive"],
  ["\x7fELF", "a program (ELF)"],
  ["tracing", "a trace.dat of trace-cmd (make text of it by: trace-cmd report)"],
  ["\x17\x08\x44tracing", "a trace.dat of trace-cmd (make text of it by: trace-cmd report)"],
  ["PERFILE2", "a perf.data (make text of it by: perf script)"],
];

function describe(bytes: Uint8Array): string {
  return (
    KNOWN.find(([magic]) => startsWith(bytes, magic))?.[1] ?? "binary data of a kind that is not known here"
  );
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  for (let at = 0; at < text.length; at++) if (bytes[at] !== text.charCodeAt(at)) return false;
  return true;
}
