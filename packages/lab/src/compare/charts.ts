/**
 * A comparison as pictures: one SVG for the objects, one for the pages of a recording, each of four charts. Vega-Lite says
 * what is drawn, Vega draws it; neither needs a browser.
 */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { ContenderReport, WorkReport } from "./report.ts";
import { sizeLabel } from "./size-label.ts";

const WIDTH = 380;
const LINES_HEIGHT = 260;
/** Height of one bar with its gap. */
const BAR_STEP = 20;
const LABEL_LIMIT = 240;
/** Width of one bar among the failures. */
const NARROW_STEP = 7;
const MIB = 2 ** 20;

const GROUP_COLOURS: Readonly<Record<ContenderReport["group"], readonly string[]>> = {
  kmem: ["#d9480f", "#f59f00"],
  policy: ["#1864ab", "#4dabf7", "#0b7285", "#66d9e8", "#5f3dc4", "#9775fa", "#74b816"],
  guest: ["#868e96", "#495057", "#adb5bd", "#212529"],
};
const PAYLOAD_COLOUR = "#000000";
const PAYLOAD = "asked for";
const INSIDE = "inside blocks";
const BETWEEN = "between blocks";
const EITHER = "of both kinds";

/** Draws what one recording's objects or pages came to. Returns the SVG. */
export async function drawWork(title: string, work: WorkReport): Promise<string> {
  const { spec } = compile(specOf(title, work));
  const view = new View(parse(spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function specOf(title: string, work: WorkReport): TopLevelSpec {
  const names = work.contenders.map(({ name }) => name);
  const failing = failureRows(work);
  const firstRow = [footprintChart(work), wasteChart(work, names)];
  const secondRow = [timeChart(work, names), ...(failing.length > 0 ? [failureChart(work, failing)] : [])];
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: { text: title, anchor: "start", fontSize: 16, offset: 16 },
    padding: 16,
    background: "white",
    config: {
      font: "sans-serif",
      view: { stroke: null },
      axis: {
        gridColor: "#e9ecef",
        domainColor: "#adb5bd",
        tickColor: "#adb5bd",
        titleFontWeight: "normal",
        labelLimit: LABEL_LIMIT,
      },
      legend: { labelLimit: LABEL_LIMIT },
      title: { anchor: "start", fontSize: 13, fontWeight: "bold" },
      concat: { spacing: 36 },
    },
    vconcat: [
      { hconcat: firstRow, resolve: { scale: { color: "independent" } } },
      { hconcat: secondRow, resolve: { scale: { color: "independent" } } },
    ],
    resolve: { scale: { color: "independent" } },
  } as TopLevelSpec;
}

/** A colour for each contender, in the order in which they are told. */
function coloursOf(contenders: readonly ContenderReport[]): string[] {
  const taken = { kmem: 0, policy: 0, guest: 0 };
  return contenders.map(({ group }) => {
    const colours = GROUP_COLOURS[group];
    return colours[taken[group]++ % colours.length]!;
  });
}

function footprintChart({ contenders, recorded, operations }: WorkReport): object {
  const series = [
    ...contenders.map(({ name, memory }) => ({ name, bytes: memory.heldBytes })),
    { name: PAYLOAD, bytes: recorded.payloadBytes },
  ];
  const values = series.flatMap(({ name, bytes }) =>
    bytes.map((value, sample) => ({
      name,
      event: Math.round(((sample + 1) * operations) / bytes.length),
      mib: value / MIB,
    })),
  );
  return {
    title: "Footprint over time",
    width: WIDTH,
    height: LINES_HEIGHT,
    data: { values },
    mark: { type: "line", strokeWidth: 1.5, interpolate: "step-after" },
    encoding: {
      x: {
        field: "event",
        type: "quantitative",
        title: "allocations and frees",
        axis: { format: "~s", tickCount: 6 },
      },
      y: { field: "mib", type: "quantitative", title: "MiB held" },
      color: {
        field: "name",
        type: "nominal",
        title: null,
        scale: { domain: series.map(({ name }) => name), range: [...coloursOf(contenders), PAYLOAD_COLOUR] },
        legend: { orient: "right", symbolType: "stroke" },
      },
    },
  };
}

function wasteChart({ contenders }: WorkReport, names: readonly string[]): object {
  const values = contenders.flatMap(({ name, insideWaste, betweenWaste, waste, memory }) => {
    if (insideWaste === null || betweenWaste === null) return [{ name, kind: EITHER, share: waste }];
    // Both as shares of what is held, so that the bars add up.
    const inside = (insideWaste * (memory.usedAtPeakBytes ?? 0)) / memory.heldAtPeakBytes;
    return [
      { name, kind: INSIDE, share: inside },
      { name, kind: BETWEEN, share: betweenWaste },
    ];
  });
  return {
    title: "Waste at the peak, of what is held",
    width: WIDTH,
    height: { step: BAR_STEP },
    data: { values },
    mark: { type: "bar" },
    encoding: {
      y: { field: "name", type: "nominal", sort: names, title: null },
      x: { field: "share", type: "quantitative", title: null, axis: { format: "%" }, stack: "zero" },
      color: {
        field: "kind",
        type: "nominal",
        title: null,
        scale: { domain: [INSIDE, BETWEEN, EITHER], range: ["#d9480f", "#4dabf7", "#adb5bd"] },
        legend: { orient: "bottom" },
      },
      order: { field: "kind", sort: "descending" },
    },
  };
}

function timeChart({ contenders }: WorkReport, names: readonly string[]): object {
  const values = contenders.map(({ name, nanosecondsPerOperation }) => ({
    name,
    ns: nanosecondsPerOperation,
    label: `${Math.round(nanosecondsPerOperation)}`,
  }));
  const y = { field: "name", type: "nominal", sort: names, title: null };
  const x = { field: "ns", type: "quantitative", title: "nanoseconds, logarithmic", scale: { type: "log" } };
  return {
    title: "Time for one allocation or free",
    width: WIDTH,
    height: { step: BAR_STEP },
    data: { values },
    encoding: { y, x },
    layer: [
      { mark: { type: "point", filled: true, size: 70, color: "#1864ab", opacity: 1 } },
      {
        mark: { type: "text", align: "left", dx: 8, color: "#495057" },
        encoding: { text: { field: "label" } },
      },
    ],
  };
}

interface FailureRow {
  readonly name: string;
  readonly size: string;
  readonly sizeClass: number;
  readonly failures: number;
}

function failureRows({ contenders, kind }: WorkReport): FailureRow[] {
  return contenders.flatMap(({ name, tight }) =>
    (tight?.failuresByClass ?? []).flatMap((failures, sizeClass) =>
      failures > 0 ? [{ name, sizeClass, size: sizeLabel(kind, sizeClass), failures }] : [],
    ),
  );
}

function failureChart({ contenders, kind }: WorkReport, values: readonly FailureRow[]): object {
  const bounded = contenders.filter(({ tight }) => tight !== null);
  const sizes = [...new Set(values.map(({ sizeClass }) => sizeClass))].toSorted((a, b) => a - b);
  const colours = coloursOf(contenders);
  return {
    title: "Failed allocations where memory is short",
    width: { step: NARROW_STEP, for: "offset" },
    height: BAR_STEP * Math.max(4, contenders.length),
    data: { values },
    mark: { type: "bar" },
    encoding: {
      x: {
        field: "size",
        type: "nominal",
        sort: sizes.map((size) => sizeLabel(kind, size)),
        title: kind === "pages" ? "order" : "bytes, up to",
        axis: { labelAngle: 0 },
      },
      xOffset: { field: "name", type: "nominal", scale: { domain: bounded.map(({ name }) => name) } },
      y: { field: "failures", type: "quantitative", title: null },
      color: {
        field: "name",
        type: "nominal",
        title: null,
        scale: {
          domain: bounded.map(({ name }) => name),
          range: colours.filter((_, index) => contenders[index]!.tight !== null),
        },
        legend: { orient: "right" },
      },
    },
  };
}
