/** The report of `kmem verify` as text for people. Fits 100 columns for kernels with up to 11 orders. */
import type {
  Comparison,
  MovingReport,
  StillReport,
  VerifyReport,
  ZoneComparison,
} from "../verify/report.ts";
import { formatCount, formatCounted } from "./format.ts";
import type { Style } from "./style.ts";
import { renderTable, type TextColumn } from "./text-table.ts";

/** Width of a column of free blocks, at least, so that the three tables stand alike. */
const MIN_ORDER_COLUMNS = 5;

/** What is known of pages that are wrong at the end, by the last event that named them. */
const CAUSES: Readonly<Record<string, string>> = {
  mm_page_free: "freed past a processor's list, as that was locked: no event tells",
  none: "moved without an event: compaction, memory put to use",
};

/** Renders the whole report; ends in a newline. */
export function renderVerifyReport(report: VerifyReport, style: Style): string {
  const sections = [
    recordingSection(report, style),
    stillSection("Still, at the start", report.stillAtStart, style),
    stillSection("Still, at the end", report.stillAtEnd, style),
    movingSection(report, style),
  ];
  return `\n${sections.join("\n")}\n`;
}

function recordingSection(report: VerifyReport, style: Style): string {
  const command = report.command === null ? "" : `: ${report.command}`;
  const lost =
    report.lostEvents === 0 ? "no events lost" : `${formatCounted(report.lostEvents, "event")} lost`;
  return [
    `${style.bold("Recording")}  ${report.file}${command}`,
    `  ${formatCounted(report.eventCount, "event")} of Linux ${report.kernelRelease} in ${report.seconds.toFixed(2)} s, ${lost}`,
    "",
  ].join("\n");
}

function stillSection(title: string, still: StillReport, style: Style): string {
  const settled = formatCounted(still.settledPages, "page");
  return [
    `${style.bold(title)}  the free lists that kmem builds from the set of free pages`,
    `  ${settled} moved while the set was read, and ${still.settledPages === 1 ? "is" : "are"} what an event says`,
    "",
    `${comparisonTable(still, style)}${verdict(still, style)}`,
  ].join("\n");
}

function movingSection({ moving }: VerifyReport, style: Style): string {
  return [
    `${style.bold("Moving")}  the same lists at the end, after ${formatCounted(moving.moveCount, "move")} in the recording`,
    `  ${movesText(moving)}`,
    `  ${formatCounted(moving.contradictions, "move")} contradicted the lists`,
    "",
    `${comparisonTable(moving, style)}${verdict(moving, style)}${wrongPagesText(moving)}`,
  ].join("\n");
}

function movesText({ moves }: MovingReport): string {
  const { refills, allocations, steals, drains, frees } = moves;
  const out = `${formatCount(refills)} refills, ${formatCount(allocations)} allocations, ${formatCount(steals)} steals`;
  return `out: ${out}; in: ${formatCount(drains)} drains, ${formatCount(frees)} frees`;
}

function comparisonTable({ zones }: Comparison, style: Style): string {
  const orders = Math.max(...zones.map(({ kmem }) => kmem.length));
  const columns: TextColumn[] = [
    { title: "ZONE", align: "left" },
    { title: "", align: "left" },
    ...Array.from({ length: orders }, (_, order) => ({
      title: String(order).padStart(MIN_ORDER_COLUMNS),
      align: "right" as const,
    })),
  ];
  const nodes = new Set(zones.map(({ node }) => node));
  return renderTable(
    columns,
    zones.flatMap((zone) => zoneRows(zone, nodes.size > 1)),
    { style, gap: 1 },
  );
}

function zoneRows(zone: ZoneComparison, tellsNode: boolean): string[][] {
  const name = tellsNode ? `${zone.node} ${zone.zone}` : zone.zone;
  return [
    [name, "kernel", ...zone.kernel.map(formatCount)],
    ["", "kmem", ...zone.kmem.map(formatCount)],
    [
      "",
      "diff",
      ...zone.difference.map((count) => (count > 0 ? `+${formatCount(count)}` : formatCount(count))),
    ],
  ];
}

function verdict(comparison: Comparison, style: Style): string {
  const { differingBlocks, kernelBlocks, differingPercent, tolerancePercent, isWithinTolerance } = comparison;
  const share = differingBlocks === 0 ? "equal" : `${differingPercent.toFixed(3)} %`;
  const judged = isWithinTolerance ? "within" : style.bold("beyond");
  return `\n  ${formatCount(differingBlocks)} of ${formatCounted(kernelBlocks, "free block")} differ: ${share}, ${judged} the tolerance of ${tolerancePercent} %\n`;
}

function wrongPagesText({ wrongPages }: MovingReport): string {
  const { freeInKernelOnly, freeInKmemOnly, byLastEvent } = wrongPages;
  if (freeInKernelOnly + freeInKmemOnly === 0) return "  every page is free in both or in neither\n";
  const lines = [
    `  ${formatCounted(freeInKernelOnly, "page")} free in the kernel only, ${formatCount(freeInKmemOnly)} in kmem only; last named by`,
    ...Object.entries(byLastEvent).map(
      ([name, count]) =>
        `    ${formatCount(count)} ${name}${CAUSES[name] === undefined ? "" : `  (${CAUSES[name]})`}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}
