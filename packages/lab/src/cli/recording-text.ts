/** What a recording is, as text for people: the first section of every report about one. */
import { basename } from "node:path";
import type { RecordingReport } from "../replay/report.ts";
import type { SourceFormat } from "../trace/recording.ts";
import { formatCounted, formatSeconds, formatSize } from "./format.ts";
import { heading, type Style } from "./style.ts";

/** Of a line of the report, without its indent. */
const MAX_COLUMNS = 98;

/** How each format calls itself, and whose events it holds. */
const FORMATS: Readonly<Record<SourceFormat, { readonly name: string; readonly subject: string }>> = {
  ftrace: { name: "ftrace text", subject: "memory event of a Linux kernel" },
  "trace-cmd": { name: "trace-cmd's text", subject: "memory event of a Linux kernel" },
  "perf-script": { name: "perf's text", subject: "memory event of a Linux kernel" },
  tracefs: { name: "the kernel's buffers", subject: "memory event of a Linux kernel" },
  heaptrack: { name: "heaptrack data", subject: "memory event of a program" },
  "malloc-lab": { name: "malloc-lab text", subject: "memory event of a program" },
  snapshot: { name: "a kmem snapshot", subject: "object of a heap" },
};

/** Renders the section about a recording. Ends in a newline. */
export function renderRecording(recording: RecordingReport, style: Style): string {
  const lines = [countLine(recording), ...sourceLines(recording), ...remarks(recording)];
  return heading("Recording", basename(recording.file), style) + lines.map((line) => `  ${line}\n`).join("");
}

function countLine({
  format,
  eventCount,
  durationSeconds,
  processorCount,
  command,
}: RecordingReport): string {
  const duration = durationSeconds === null ? "" : ` in ${formatSeconds(durationSeconds)}`;
  const processors = processorCount === null ? "" : ` on ${formatCounted(processorCount, "processor")}`;
  const subject = FORMATS[format].subject;
  const plural = subject.replace(/^(.*?)(event|object)/, "$1$2s");
  const line = `${formatCounted(eventCount, subject, plural)}${duration}${processors}`;
  return command === null ? line : shortened(`${line}: ${command}`);
}

function sourceLines(recording: RecordingReport): string[] {
  const { format, lineCount, textBytes, compressed, fileBytes, sources, file } = recording;
  const { name } = FORMATS[format];
  if (textBytes === 0)
    return [`recorded from ${name}${fileBytes === null ? "" : `, ${formatSize(fileBytes)}`}`];
  const isImported = sources.length > 0 && !sources.includes(basename(file)) && file !== "-";
  const text = lineCount === 0 ? name : `${formatCounted(lineCount, "line")} of ${name}`;
  const stored = compressed ? "compressed" : "in the file";
  const packed = fileBytes !== null && fileBytes !== textBytes ? `, ${formatSize(fileBytes)} ${stored}` : "";
  return [
    ...(isImported ? [`imported from ${sources.join(", ")}`] : []),
    `${text}, ${formatSize(textBytes)}${packed}`,
  ];
}

/** A line that fits; a command can be a whole program. */
function shortened(line: string): string {
  return line.length <= MAX_COLUMNS ? line : `${line.slice(0, MAX_COLUMNS - 1)}…`;
}

/** What is missing from the recording or odd about it. */
function remarks(recording: RecordingReport): string[] {
  const lines: string[] = [];
  const lost = recording.overwrittenEvents + recording.lostEvents;
  if (lost > 0 || recording.lostEventLines > 0) {
    const many = lost > 0 ? formatCounted(lost, "event") : "an unknown number of events";
    lines.push(`The kernel lost ${many}: its buffer was full. This is the rest.`);
  } else if (recording.entriesInBuffer !== null || recording.lostByProcessor !== null) {
    lines.push("The kernel lost no events.");
  }
  if (recording.pointers === "hashed") {
    lines.push(
      "Pointers are hashed to 32 bits, so two objects may look like one (hash-ptr=0 records real ones).",
    );
  }
  const others = Object.entries(recording.otherEvents);
  if (others.length > 0) {
    const sum = others.reduce((total, [, count]) => total + count, 0);
    lines.push(
      `${formatCounted(sum, "event")} of other kinds passed over: ${others.map(([name]) => name).join(", ")}`,
    );
  }
  if (recording.stoppedEarly !== null) lines.push(`Stopped early: ${recording.stoppedEarly}`);
  return lines;
}
