import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { loadTrace } from "../../src/files/load-trace.ts";
import { FtraceReader } from "../../src/import/ftrace-reader.ts";
import { EVENT_NAMES, NO_NAME, type TraceEvent } from "../../src/trace/event.ts";
import type { RecordingFacts } from "../../src/trace/recording.ts";
import type { Trace } from "../../src/trace/trace.ts";
import { TraceBuilder } from "../../src/trace/trace-builder.ts";

/** An ftrace text of the given lines, with or without the header that counts its events. */
export function ftraceText(
  lines: readonly string[],
  entries?: { inBuffer: number; written: number },
): string {
  const header =
    entries === undefined
      ? ["# tracer: nop", "#"]
      : [
          "# tracer: nop",
          "#",
          `# entries-in-buffer/entries-written: ${entries.inBuffer}/${entries.written}   #P:2`,
          "#",
        ];
  return [...header, ...lines, ""].join("\n");
}

/** One event line as Linux 6.18 prints it. */
export function eventLine(text: string, options: { task?: string; time?: string } = {}): string {
  const task = (options.task ?? "sh-42").padEnd(8);
  return `${" ".repeat(Math.max(0, 16 - task.lastIndexOf("-")))}${task} [001] .....  ${options.time ?? "12.345678"}: ${text}`;
}

/** What every event has, with names in place of numbers. */
export type SeenEvent = Pick<
  TraceEvent,
  "timeNanoseconds" | "key" | "bytesRequested" | "bytesAllocated" | "order"
> & { kind: string; cache: string | null };

/** What else an event may have; null, or the number for "untold". */
export type SeenDetails = Pick<TraceEvent, "migrateType" | "node" | "cpu" | "pid"> & {
  callSite: string | null;
  gfpFlags: string | null;
  task: string | null;
};

/** A recording's events as the tests name them. */
export function seenEvents({ events, names }: Trace): { events: SeenEvent[]; details: SeenDetails[] } {
  const rows = Array.from({ length: events.length }, (_, row) => row);
  const named = (table: { names: readonly string[] }, index: number): string | null =>
    index === NO_NAME ? null : table.names[index]!;
  return {
    events: rows.map((row) => ({
      kind: EVENT_NAMES[events.kind[row]!]!,
      timeNanoseconds: events.timeNanoseconds[row]!,
      key: events.key[row]!,
      cache: named(names.caches, events.cacheIndex[row]!),
      bytesRequested: events.bytesRequested[row]!,
      bytesAllocated: events.bytesAllocated[row]!,
      order: events.order[row]!,
    })),
    details: rows.map((row) => ({
      callSite: named(names.callSites, events.callSiteIndex[row]!),
      gfpFlags: named(names.gfpFlags, events.gfpIndex[row]!),
      task: named(names.tasks, events.taskIndex[row]!),
      migrateType: events.migrateType[row]!,
      node: events.node[row]!,
      cpu: events.cpu[row]!,
      pid: events.pid[row]!,
    })),
  };
}

/** Reads bytes that come in the given chunks. */
export function readChunks(
  chunks: Iterable<Uint8Array>,
  options: { limit?: number } = {},
): { events: SeenEvent[]; details: SeenDetails[]; facts: RecordingFacts } {
  const builder = new TraceBuilder();
  const reader = new FtraceReader({ file: "test.ftrace", ...options, sink: builder, names: builder.names });
  for (const chunk of chunks) reader.push(chunk);
  reader.finish();
  const trace = builder.finish(reader.facts());
  return { ...seenEvents(trace), facts: trace.facts };
}

/** Reads a text that comes in one piece. */
export function readText(text: string, options: { limit?: number } = {}): ReturnType<typeof readChunks> {
  return readChunks([new TextEncoder().encode(text)], options);
}

/** A folder for a test file's own files, removed after its last test. */
export function temporaryFolder(): {
  write: (name: string, content: string | Uint8Array) => string;
  path: string;
} {
  const path = mkdtempSync(join(tmpdir(), "kmem-lab-test-"));
  afterAll(() => rmSync(path, { recursive: true }));
  return {
    path,
    write(name, content) {
      const file = join(path, name);
      writeFileSync(file, content);
      return file;
    },
  };
}

/** The text as a recording in memory, by way of a file. */
export async function traceOf(folder: ReturnType<typeof temporaryFolder>, text: string): Promise<Trace> {
  return (await loadTrace(folder.write("trace.ftrace", text))).trace;
}

/** Where tests say that a trace comes from. */
export const TEST_ORIGIN = { file: "test", fileBytes: null, compressed: false };
