import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { EVENT_NAMES, NO_CACHE, type TraceEvent } from "../../src/trace/event.ts";
import { readTrace, type Trace } from "../../src/trace/read-trace.ts";
import { FtraceReader, type TextFacts } from "../../src/trace/ftrace-reader.ts";

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

/** What a sink saw, with names in place of numbers. */
export type SeenEvent = Omit<TraceEvent, "kind" | "cacheIndex"> & { kind: string; cache: string | null };

/** Reads bytes that come in the given chunks. */
export function readChunks(
  chunks: Iterable<Uint8Array>,
  options: { limit?: number } = {},
): { events: SeenEvent[]; facts: TextFacts } {
  const events: SeenEvent[] = [];
  const indices: number[] = [];
  const reader = new FtraceReader({
    file: "test.ftrace",
    ...options,
    sink: {
      add: ({ kind, cacheIndex, ...rest }) => {
        indices.push(cacheIndex);
        events.push({ ...rest, kind: EVENT_NAMES[kind]!, cache: null });
      },
    },
  });
  for (const chunk of chunks) reader.push(chunk);
  reader.finish();
  for (const [at, index] of indices.entries()) {
    if (index !== NO_CACHE) events[at]!.cache = reader.names.names[index]!;
  }
  return { events, facts: reader.facts() };
}

/** Reads a text that comes in one piece. */
export function readText(
  text: string,
  options: { limit?: number } = {},
): { events: SeenEvent[]; facts: TextFacts } {
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
export function traceOf(folder: ReturnType<typeof temporaryFolder>, text: string): Promise<Trace> {
  return readTrace(folder.write("trace.ftrace", text));
}
