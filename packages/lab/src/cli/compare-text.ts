/** The report of `kmem compare` as text for people. */
import { sizeLabel } from "../compare/size-label.ts";
import type { CompareReport, ComparedRecording, ContenderReport, WorkReport } from "../compare/report.ts";
import { formatCount, formatCounted, formatPercent, formatSize } from "./format.ts";
import { renderRecording } from "./recording-text.ts";
import { heading, type Style } from "./style.ts";
import { renderTable } from "./text-table.ts";

const UNTOLD = "-";
const RECORDED = "the recorded kernel";

/** Renders the whole report; ends in a newline. */
export function renderCompareReport(report: CompareReport, plots: readonly string[], style: Style): string {
  const sections = report.recordings.map((recording) => renderCompared(recording, style));
  const drawn = plots.map((path) => `  ${path}\n`).join("");
  if (plots.length > 0) sections.push(heading("Plots", formatCounted(plots.length, "file"), style) + drawn);
  return `\n${sections.join("\n")}\n`;
}

function renderCompared({ recording, works }: ComparedRecording, style: Style): string {
  return [renderRecording(recording, style), ...works.map((work) => renderWork(work, style))].join("\n");
}

function renderWork(work: WorkReport, style: Style): string {
  const what = work.kind === "objects" ? "object" : "block of pages";
  const plural = work.kind === "objects" ? "objects" : "blocks of pages";
  const summary = `${formatCounted(work.operations, "allocation and free", "allocations and frees")} of ${work.operations === 1 ? what : plural}`;
  const parts = [
    heading(work.kind === "objects" ? "Objects" : "Pages", summary, style),
    `  at the peak  ${formatSize(work.recorded.peakPayloadBytes)} asked for\n`,
    slabinfoLine(work),
    "\n",
    contenderTable(work, style),
    legend(work, style),
    failureTable(work, style),
    ...work.absent.map(({ name, why }) => `  ${name}: ${why}\n`),
  ];
  return parts.join("");
}

function slabinfoLine({ slabinfo }: WorkReport): string {
  if (slabinfo === null) return "";
  const { start, end } = slabinfo;
  const moment = ({ objectBytes, heldBytes }: typeof start): string =>
    `${formatSize(heldBytes)} in slabs for ${formatSize(objectBytes)} of objects`;
  return `  all caches of the kernel, older objects too: ${moment(start)} at the start,\n  ${moment(end)} at the end\n`;
}

function contenderTable(work: WorkReport, style: Style): string {
  const rows = work.contenders.map((contender) => [
    contender.name,
    formatSize(contender.memory.peakHeldBytes),
    formatShare(contender.waste),
    formatShare(contender.insideWaste),
    formatShare(contender.betweenWaste),
    contender.group === "kmem" ? formatSize(contender.memory.tableBytes) : UNTOLD,
    contender.tight === null ? UNTOLD : formatCount(contender.tight.failures),
    nanoseconds(contender),
  ]);
  return renderTable(
    [
      { title: "ALLOCATOR", align: "left" },
      { title: "HELD", align: "right" },
      { title: "WASTE", align: "right" },
      { title: "INSIDE", align: "right" },
      { title: "BETWEEN", align: "right" },
      { title: "TABLES", align: "right" },
      { title: "FAILED", align: "right" },
      { title: "ns/EVENT", align: "right" },
    ],
    rows,
    { style, footer: recordedRow(work) },
  );
}

/** What the kernel gave for the same objects; it tells no more. */
function recordedRow({ recorded, kind }: WorkReport): string[][] {
  const given = recorded.givenAtPeakBytes;
  if (given === null || kind === "pages") return [];
  const inside = formatPercent(given - recorded.peakPayloadBytes, given);
  return [[RECORDED, UNTOLD, UNTOLD, inside, UNTOLD, UNTOLD, UNTOLD, UNTOLD]];
}

function legend({ contenders }: WorkReport, style: Style): string {
  const space = contenders.find(({ tight }) => tight !== null)?.tight?.spaceBytes;
  const lines = [
    "HELD: the most of the space that was taken. WASTE: of what is held at the peak, not asked for;",
    "INSIDE: of the blocks handed out, rounding and headers; BETWEEN: of what is held, in no block.",
    ...(space === undefined ? [] : [`FAILED: allocations that failed in a space of ${formatSize(space)}.`]),
  ];
  return lines.map((line) => `${style.dim(`  ${line}`)}\n`).join("");
}

function countOf({ tight }: ContenderReport, sizeClass: number): number {
  return tight?.failuresByClass[sizeClass] ?? 0;
}

/** Failures by size, where there are any. */
function failureTable({ contenders, kind }: WorkReport, style: Style): string {
  const failing = contenders.filter(({ tight }) => tight !== null && tight.failures > 0);
  if (failing.length === 0) return "";
  const classCount = Math.max(...failing.map(({ tight }) => tight!.failuresByClass.length));
  const classes = Array.from({ length: classCount }, (_, sizeClass) => sizeClass).filter((sizeClass) =>
    failing.some((contender) => countOf(contender, sizeClass) > 0),
  );
  const title = kind === "pages" ? "FAILED, BY ORDER" : "FAILED, BY BYTES UP TO";
  const table = renderTable(
    [
      { title, align: "left" },
      ...classes.map((sizeClass) => ({ title: sizeLabel(kind, sizeClass), align: "right" as const })),
    ],
    failing.map((contender) => [
      contender.name,
      ...classes.map((sizeClass) => formatCount(countOf(contender, sizeClass))),
    ]),
    { style, gap: 1 },
  );
  return `\n${table}`;
}

function nanoseconds({ nanosecondsPerOperation }: ContenderReport): string {
  return formatCount(Math.round(nanosecondsPerOperation));
}

function formatShare(share: number | null): string {
  return share === null ? UNTOLD : formatPercent(share, 1);
}
