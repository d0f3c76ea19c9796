/** The report of `kmem replay` as text for people. Fits 100 columns. */
import type { FreeBlocksOverTime, ReplayReport, SkipReason, SpeedReport } from "../replay/report.ts";
import type { Arrangement } from "../replay/arrangement.ts";
import type { StepReport } from "../replay/step-recorder.ts";
import { renderCacheTable } from "./cache-table.ts";
import {
  formatCount,
  formatCounted,
  formatPercent,
  formatRate,
  formatSeconds,
  formatSize,
  formatThousandths,
} from "./format.ts";
import { renderRecording } from "./recording-text.ts";
import { heading, type Style } from "./style.ts";
import { renderTable } from "./text-table.ts";

/** Settings of the text. */
export interface ReplayTextOptions {
  readonly style: Style;
  /** Rows of the table of caches; 0 for all. */
  readonly topCaches: number;
}

const ARRANGEMENTS: Readonly<Record<Arrangement, string>> = {
  heap: "",
  malloc: ", all by malloc",
  slabs: ", in slab caches only",
};

/** Width of a column of free blocks, at least, so that three small numbers still read as columns. */
const MIN_ORDER_COLUMNS = 4;

const SKIP_REASONS: Readonly<Record<SkipReason, string>> = {
  "kfree-from-before": "kfree of an object from before the recording began",
  "kmem_cache_free-from-before": "kmem_cache_free of an object from before the recording began",
  "free-from-before": "free of memory from before the recording began",
  "page-free-from-before": "mm_page_free of pages from before the recording began",
  "null-free": "kfree of NULL, which does nothing",
  "failed-allocation": "allocations that failed in the kernel",
  "told-twice": "mm_page_free_batched: mm_page_free tells of the same pages",
  "kernel-internal": "pages that moved between the kernel's own free lists",
};

/** Renders the whole report; ends in a newline. */
export function renderReplayReport(report: ReplayReport, options: ReplayTextOptions): string {
  const { style } = options;
  const sections = [
    renderRecording(report.recording, style),
    eventsSection(report, style),
    ...(hasObjects(report) ? [objectsSection(report, options)] : []),
    ...(hasPages(report) ? [pagesSection(report, style)] : []),
    speedSection(report, style),
  ];
  return `\n${sections.join("\n")}\n`;
}

function hasObjects({ objects }: ReplayReport): boolean {
  return objects.speed.operations > 0;
}

function hasPages({ pages }: ReplayReport): boolean {
  return pages.speed.operations > 0;
}

function eventsSection(report: ReplayReport, style: Style): string {
  const { events, objects, pages } = report;
  const share = (count: number): string[] => [formatCount(count), formatPercent(count, events.read)];
  const objectEvents = share(objects.counts.allocations + objects.counts.frees);
  const pageEvents = share(pages.counts.allocations + pages.counts.frees);
  const rows = [
    ...(hasObjects(report) ? [[...objectEvents, "objects allocated and freed, through a Heap"]] : []),
    ...(hasPages(report)
      ? [[...pageEvents, "blocks of pages allocated and freed, through a BuddyAllocator"]]
      : []),
    ...events.skipped
      .filter(({ count }) => count > 0)
      .map(({ reason, count }) => [...share(count), `skipped: ${SKIP_REASONS[reason]}`]),
  ];
  const table = renderTable(
    [
      { title: "EVENTS", align: "right" },
      { title: "SHARE", align: "right" },
      { title: "WHAT BECAME OF THEM", align: "left" },
    ],
    rows,
    { style, footer: [[...share(events.read), "read"]] },
  );
  const summary = `${formatCount(events.replayed)} of ${formatCount(events.read)} replayed`;
  return `${heading("Events", summary, style)}${table}${eventRemarks({ objects, pages })}`;
}

/** How the replay made up for what the recording lacks. */
function eventRemarks({ objects, pages }: Pick<ReplayReport, "objects" | "pages">): string {
  const remarks: string[] = [];
  const unrecorded = objects.counts.unrecordedFrees + pages.counts.unrecordedFrees;
  if (unrecorded > 0) {
    remarks.push(
      `${formatCounted(unrecorded, "free")} added: the memory was handed out again, its free was not recorded`,
    );
    if (objects.kernelBytesAtPeak > 0 || pages.counts.unrecordedFrees > 0) {
      remarks.push("(the kernel traces no bulk frees).");
    }
  }
  if (pages.counts.orderMismatches > 0) {
    remarks.push(
      `${formatCounted(pages.counts.orderMismatches, "block")} freed with another order than allocated: freed whole.`,
    );
  }
  return remarks.map((remark) => `  ${remark}\n`).join("");
}

function objectsSection(
  { objects, pageSizeBytes }: ReplayReport,
  { style, topCaches }: ReplayTextOptions,
): string {
  const { footprint, kernelBytesAtPeak } = objects;
  const lines = [
    `at the peak  ${formatSize(footprint.peakPayloadBytes)} asked for, ${formatSize(footprint.heldAtPeakPayloadBytes)} of pages held ` +
      `(${formatPercent(footprint.peakPayloadBytes, footprint.heldAtPeakPayloadBytes)} in use)` +
      (kernelBytesAtPeak > 0 ? `; the kernel gave ${formatSize(kernelBytesAtPeak)}` : ""),
    `at the end   ${formatSize(footprint.endPayloadBytes)} asked for, ${formatSize(footprint.endHeldBytes)} of pages held; ` +
      `${formatCounted(objects.liveAtEnd, "object")} still live`,
  ];
  const summary =
    `a Heap of ${formatSize(objects.spaceBytes)} in pages of ${formatCount(pageSizeBytes)} bytes` +
    ARRANGEMENTS[objects.arrangement];
  return [
    heading("Objects", summary, style),
    ...lines.map((line) => `  ${line}\n`),
    "\n",
    renderCacheTable(objects.caches, { style, topCaches }),
    style.dim(
      kernelBytesAtPeak > 0
        ? "  At the peak. KERNEL KiB: what the kernel gave for the same live objects (the sum of bytes_alloc)."
        : "  At the peak.",
    ) + "\n",
    "\n",
    renderFreeBlocks(objects.blocks, style),
    renderSteps(objects.steps, style),
  ].join("");
}

function pagesSection({ pages, pageSizeBytes }: ReplayReport, style: Style): string {
  const { footprint } = pages;
  const grown = pages.growths > 0 ? `, doubled ${formatCounted(pages.growths, "time")} on the way` : "";
  const lines = [
    `at the peak  ${formatSize(footprint.heldAtPeakPayloadBytes)} in use`,
    `at the end   ${formatSize(footprint.endHeldBytes)} in use; ${formatCounted(pages.liveAtEnd, "block")} still live`,
  ];
  const summary = `a BuddyAllocator of ${formatSize(pages.spaceBytes)} in pages of ${formatCount(pageSizeBytes)} bytes${grown}`;
  return [
    heading("Pages", summary, style),
    ...lines.map((line) => `  ${line}\n`),
    "\n",
    renderFragmentation(pages.blocks, style),
    renderSteps(pages.steps, style),
  ].join("");
}

/** The states on the way, where they were asked for. */
function renderSteps(steps: readonly StepReport[], style: Style): string {
  if (steps.length === 0) return "";
  const columns = ["AFTER", "ASKED FOR", "HELD", "IN USE", "FREE BLOCKS", "LARGEST"];
  const table = renderTable(
    columns.map((title) => ({ title, align: "right" as const })),
    steps.map(({ operations, payloadBytes, heldBytes, freeBlocks, largestFreeBytes }) => [
      formatCount(operations),
      formatSize(payloadBytes),
      formatSize(heldBytes),
      formatPercent(payloadBytes, heldBytes),
      formatCount(freeBlocks.reduce((sum, count) => sum + count, 0)),
      formatSize(largestFreeBytes),
    ]),
    { style },
  );
  return `\n${table}`;
}

/** Free blocks, an order a column. The heap's empty highest orders are left out. */
function renderFreeBlocks(blocks: FreeBlocksOverTime, style: Style): string {
  const counts = [blocks.before, blocks.atPeak, blocks.after].map(({ freeBlocks }) => freeBlocks);
  const orderCount = Math.max(
    ...counts.map((freeBlocks) => freeBlocks.findLastIndex((count) => count > 0) + 1),
    1,
  );
  return orderTable(orderCount, freeBlockRows(blocks), style);
}

/** Free blocks and both of the kernel's indices, an order a column. */
function renderFragmentation(blocks: FreeBlocksOverTime, style: Style): string {
  const { before, atPeak, after } = blocks;
  const orderCount = Math.max(before.freeBlocks.length, atPeak.freeBlocks.length, after.freeBlocks.length);
  const table = orderTable(
    orderCount,
    [
      ...freeBlockRows(blocks),
      ["extfrag at peak", ...atPeak.externalFragmentationThousandths.map(formatThousandths)],
      ["extfrag after", ...after.externalFragmentationThousandths.map(formatThousandths)],
      ["unusable at peak", ...atPeak.unusableFreeSpaceThousandths.map(formatThousandths)],
      ["unusable after", ...after.unusableFreeSpaceThousandths.map(formatThousandths)],
    ],
    style,
  );
  const notes = [
    "extfrag: -1 where a request would succeed; else near 0 memory is short, near 1 it is in pieces.",
    "unusable: the share of the free memory that lies in blocks too small for a request.",
  ];
  return table + notes.map((note) => style.dim(`  ${note}`) + "\n").join("");
}

function freeBlockRows({ before, atPeak, after }: FreeBlocksOverTime): string[][] {
  return [
    ["free before", ...before.freeBlocks.map(formatCount)],
    ["free at peak", ...atPeak.freeBlocks.map(formatCount)],
    ["free after", ...after.freeBlocks.map(formatCount)],
  ];
}

/** A table with a column for each order; a row may be shorter or longer. */
function orderTable(orderCount: number, rows: readonly (readonly string[])[], style: Style): string {
  const orders = Array.from({ length: orderCount }, (_, order) => order);
  return renderTable(
    [
      { title: "ORDER", align: "left" },
      ...orders.map((order) => ({
        title: String(order).padStart(MIN_ORDER_COLUMNS),
        align: "right" as const,
      })),
    ],
    rows.map(([label, ...cells]) => [label!, ...orders.map((order) => cells[order] ?? "-")]),
    { style, gap: 1 },
  );
}

function speedSection(report: ReplayReport, style: Style): string {
  const { objects, pages, time, recording, events } = report;
  const table = renderTable(
    [
      { title: "STEP", align: "left" },
      { title: "DONE", align: "right" },
      { title: "TIME", align: "right" },
      { title: "RATE", align: "right" },
    ],
    [
      [
        "read the recording",
        formatCounted(recording.eventCount, "event"),
        formatSeconds(time.readSeconds),
        formatRate(time.eventsReadPerSecond),
      ],
      [
        "link frees to allocations",
        formatCounted(events.read, "event"),
        formatSeconds(time.linkSeconds),
        formatRate(rate(events.read, time.linkSeconds)),
      ],
      ...(hasObjects(report) ? [speedRow("replay the objects", objects.speed)] : []),
      ...(hasPages(report) ? [speedRow("replay the pages", pages.speed)] : []),
    ],
    { style },
  );
  return `${heading("Speed", `${formatRate(time.operationsPerSecond).replace("/s", " events a second")} replayed`, style)}${table}`;
}

function speedRow(step: string, { operations, seconds, operationsPerSecond }: SpeedReport): string[] {
  return [
    step,
    formatCounted(operations, "operation"),
    formatSeconds(seconds),
    formatRate(operationsPerSecond),
  ];
}

function rate(count: number, seconds: number): number {
  return seconds > 0 ? count / seconds : 0;
}
