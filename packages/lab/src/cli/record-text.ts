/** What `kmem record` says at the end, for people. Fits 100 columns. */
import type { CommandEnd } from "../record/command.ts";
import type { RecordEnding, RecordOutcome } from "../record/record.ts";
import { EVENT_NAMES } from "../trace/event.ts";
import {
  formatCount,
  formatCounted,
  formatPercent,
  formatRate,
  formatSeconds,
  formatSize,
} from "./format.ts";
import type { Style } from "./style.ts";
import { renderTable } from "./text-table.ts";

const ENDINGS: Readonly<Record<RecordEnding, string>> = {
  command: "until the command ended",
  time: "for the time asked",
  interrupt: "until Ctrl-C",
};

/** Renders the outcome; ends in a newline. */
export function renderRecordOutcome(file: string, outcome: RecordOutcome, style: Style): string {
  const { facts, seconds, ending, command } = outcome;
  const lines = [
    `${style.bold("Recorded")}  ${file}, ${formatSize(outcome.fileBytes)}`,
    `  ${formatCounted(facts.eventCount, "event")} of Linux ${facts.kernelRelease} in ${formatSeconds(seconds)}, ${ENDINGS[ending]}`,
    ...(command === null ? [] : [`  ${endText(command)}`]),
  ];
  const sections = [
    `${lines.join("\n")}\n`,
    `${style.bold("Events")}\n${eventTable(outcome, style)}`,
    `${style.bold("Processors")}  ${lossText(outcome)}\n${processorTable(outcome, style)}`,
    `${style.bold("Overhead")}  ${overheadText(outcome)}\n`,
  ];
  return `\n${sections.join("\n")}\n`;
}

function endText({ exitCode, signal }: CommandEnd): string {
  return signal === null
    ? `the command ended with exit code ${exitCode}`
    : `the command was ended by ${signal}`;
}

function eventTable({ facts }: RecordOutcome, style: Style): string {
  const rows = EVENT_NAMES.flatMap((name, kind) => {
    const count = facts.countByKind[kind] ?? 0;
    return count === 0 ? [] : [[formatCount(count), formatPercent(count, facts.eventCount), name]];
  });
  return renderTable(
    [
      { title: "EVENTS", align: "right" },
      { title: "SHARE", align: "right" },
      { title: "KIND", align: "left" },
    ],
    rows,
    { style },
  );
}

function lossText({ facts }: RecordOutcome): string {
  if (facts.lostEvents === 0) return "the kernel lost no events";
  const lost = formatCounted(facts.lostEvents, "event");
  return `the kernel lost ${lost}: a larger --buffer, or less to record, keeps all of them`;
}

function processorTable({ processors }: RecordOutcome, style: Style): string {
  return renderTable(
    [
      { title: "PROCESSOR", align: "right" },
      { title: "EVENTS", align: "right" },
      { title: "LOST", align: "right" },
    ],
    processors
      .filter(({ readEvents, lostEvents }) => readEvents + lostEvents > 0)
      .map(({ processor, readEvents, lostEvents }) => [
        String(processor),
        formatCount(readEvents),
        formatCount(lostEvents),
      ]),
    { style },
  );
}

function overheadText(outcome: RecordOutcome): string {
  const { ownProcessorSeconds, seconds, processors, rawBytes, facts, staleInstances } = outcome;
  const own = formatSeconds(ownProcessorSeconds);
  const share = formatPercent(ownProcessorSeconds, seconds * processors.length);
  const lines = [
    `kmem took ${own} of processor time while it recorded, ${share} of ${formatCounted(processors.length, "processor")}`,
    `  ${formatSize(rawBytes)} of raw events kept meanwhile; ${formatRate(facts.eventCount / seconds)} events`,
  ];
  if (staleInstances > 0) {
    lines.push(`  removed what ${formatCounted(staleInstances, "killed recording")} had left in the kernel`);
  }
  return lines.join("\n");
}
