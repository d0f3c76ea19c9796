/**
 * A group as a picture: SVG, drawn without a browser.
 *
 * Where the workloads of a group are one at different sizes, a line for each subject; else a row for each subject,
 * with a dot for each workload and a stroke at the geometric mean. Times are on a logarithmic scale.
 */

import { LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use, type EChartsCoreOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { payloadShareOf, type BenchmarkDocument, type Row } from "../harness/document.ts";
import { geometricMeanOf } from "../harness/statistics.ts";
import { OWN_PREFIX, SUBJECTS } from "../subjects/catalogue.ts";
import { NATIVE_SUBJECTS } from "../subjects/native.ts";
import { groupOf } from "../workloads/workload.ts";

use([LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const WIDTH = 900;
const ROW_HEIGHT = 24;
const LINE_PLOT_HEIGHT = 480;
/** Room around the rows, in pixels: title above, axis below. */
const MARGIN = { top: 56, bottom: 56, left: 170, right: 30 };
const FONT = "system-ui, sans-serif";

/** Colours of kmem's subjects, in their order, and of each family of others. They differ in lightness as well. */
const OWN_COLOURS = ["#c2410c", "#7c2d12", "#f97316", "#fdba74", "#9a3412", "#ea580c"];
const NATIVE_COLOURS = ["#1e3a8a", "#2563eb", "#60a5fa", "#93c5fd"];
const OTHER_COLOURS = [
  "#14532d",
  "#22863a",
  "#4d7c0f",
  "#84cc16",
  "#0f766e",
  "#6b21a8",
  "#a855f7",
  "#a16207",
  "#ca8a04",
];
const BASELINE_COLOUR = "#9ca3af";

const ALLOCATORS = SUBJECTS.filter(({ baseline }) => baseline !== undefined);
const FAMILIES = [
  { members: ALLOCATORS.filter(({ name }) => name.startsWith(OWN_PREFIX)), colours: OWN_COLOURS },
  { members: NATIVE_SUBJECTS.filter(({ baseline }) => baseline !== undefined), colours: NATIVE_COLOURS },
  {
    members: ALLOCATORS.filter(
      (each) => !each.name.startsWith(OWN_PREFIX) && !NATIVE_SUBJECTS.includes(each),
    ),
    colours: OTHER_COLOURS,
  },
];

/** A workload's size in its name, such as the 1e5 of `growth/1e5`. */
const SIZE_PATTERN = /\/1e\d+$/;

/** @returns the plot of a group's times as an SVG document */
export function plotTimes(document: BenchmarkDocument, group: string): string {
  const rows = document.rows.filter(({ workload }) => groupOf(workload) === group);
  const op = document.workloads.find(({ name }) => groupOf(name) === group)?.op ?? "op";
  const title = `${group}: ns for one ${op}`;
  return rows.every(({ workload }) => SIZE_PATTERN.test(workload))
    ? linePlot(title, rows, medianNsOf)
    : dotPlot(title, rows, medianNsOf, "log");
}

/** @returns the plot of a group's peak payload over peak footprint as an SVG document */
export function plotMemory(document: BenchmarkDocument, group: string): string {
  const rows = document.rows.filter(
    ({ workload, peakFootprintBytes }) => groupOf(workload) === group && peakFootprintBytes !== null,
  );
  return dotPlot(
    `${group}: peak payload over peak footprint; 1 wastes nothing`,
    rows,
    payloadShareOf,
    "value",
  );
}

function medianNsOf(row: Row): number {
  return row.nsPerOp.median;
}

function subjectsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.map(({ subject }) => subject))];
}

/** @returns a subject's colour, the same in every plot */
function colourOf(name: string): string {
  for (const { members, colours } of FAMILIES) {
    const at = members.findIndex((each) => each.name === name);
    if (at >= 0) return colours[at % colours.length] as string;
  }
  return BASELINE_COLOUR;
}

function linePlot(title: string, rows: readonly Row[], figureOf: (row: Row) => number): string {
  const sizes = [...new Set(rows.map(({ workload }) => workload.slice(workload.indexOf("/") + 1)))];
  const subjects = subjectsOf(rows);
  return draw(LINE_PLOT_HEIGHT, {
    ...head(title),
    grid: { left: 70, right: 220, top: MARGIN.top, bottom: MARGIN.bottom },
    legend: {
      right: 0,
      top: MARGIN.top,
      orient: "vertical",
      icon: "circle",
      textStyle: { fontFamily: FONT },
    },
    xAxis: { type: "category", data: sizes, boundaryGap: false },
    yAxis: { type: "log", name: "ns", min: ({ min }: { min: number }) => 10 ** Math.floor(Math.log10(min)) },
    series: subjects.map((subject) => ({
      type: "line",
      name: subject,
      color: colourOf(subject),
      lineStyle: { width: subject.startsWith(OWN_PREFIX) ? 3 : 1.5 },
      symbol: "circle",
      symbolSize: 6,
      data: sizes.map((size) => {
        const row = rows.find((each) => each.subject === subject && each.workload.endsWith(`/${size}`));
        return row === undefined ? null : figureOf(row);
      }),
    })),
  });
}

function dotPlot(
  title: string,
  rows: readonly Row[],
  figureOf: (row: Row) => number,
  scale: "log" | "value",
): string {
  const subjects = subjectsOf(rows);
  const dots = rows.map((row) => ({
    value: [figureOf(row), row.subject],
    itemStyle: { color: colourOf(row.subject), opacity: 0.6 },
  }));
  const means = subjects.map((subject) => ({
    value: [geometricMeanOf(rows.filter((row) => row.subject === subject).map(figureOf)), subject],
    itemStyle: { color: colourOf(subject) },
  }));
  return draw(MARGIN.top + MARGIN.bottom + ROW_HEIGHT * subjects.length, {
    ...head(title, "a dot: a workload; the stroke: their geometric mean"),
    grid: MARGIN,
    xAxis: { type: scale, position: "bottom", splitLine: { lineStyle: { color: "#e5e7eb" } } },
    yAxis: {
      type: "category",
      data: subjects,
      inverse: true,
      axisTick: { show: false },
      axisLabel: { fontFamily: FONT, color: "#111827" },
      splitLine: { show: true, lineStyle: { color: "#f3f4f6" } },
    },
    series: [
      { type: "scatter", symbolSize: 8, data: dots },
      { type: "scatter", symbol: "rect", symbolSize: [4, 18], data: means },
    ],
  });
}

function head(text: string, subtext = ""): EChartsCoreOption {
  return {
    backgroundColor: "#ffffff",
    title: {
      text,
      subtext,
      left: "center",
      textStyle: { fontFamily: FONT, fontSize: 15, color: "#111827" },
      subtextStyle: { fontFamily: FONT, color: "#6b7280" },
    },
  };
}

function draw(height: number, option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  chart.setOption({ animation: false, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
