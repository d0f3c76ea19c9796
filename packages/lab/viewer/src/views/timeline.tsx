/** The timeline: figures over the whole film, the moment in it, and the controls of playing. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { PALETTES, rampPixel, hexOf } from "../draw/palette.ts";
import { goTo, step, togglePlaying } from "../state/app.ts";
import * as store from "../state/store.ts";
import { Button, Choice, Segments } from "../ui/controls.tsx";
import { BYTE_STEPS, bytes, count, duration } from "../ui/format.ts";
import { Icon } from "../ui/icons.tsx";
import { useSize } from "../ui/use-size.ts";
import type { TakeSummary } from "../worker/protocol.ts";

type Chart = "memory" | "blocks" | "fragmentation";

const CHARTS = [
  ["memory", "Memory"],
  ["blocks", "Free blocks"],
  ["fragmentation", "Fragmentation"],
] as const;

const SPEEDS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].map(
  (speed) => [speed, `${count(speed)} events/s`] as const,
);

/** The chart, the scrubber and the buttons. */
export function Timeline(): JSX.Element | null {
  const [chart, setChart] = useState<Chart>("memory");
  const take = store.take.value;
  if (take === null) return null;
  return (
    <section class="timeline" aria-label="Timeline">
      <div class="transport">
        <Button label="To the start (Home)" onClick={() => goTo(0)}>
          <Icon name="start" />
        </Button>
        <Button label="One event back (comma)" onClick={() => step(-1)}>
          <Icon name="back" />
        </Button>
        <Button
          label={store.isPlaying.value ? "Pause (space)" : "Play (space)"}
          class="primary"
          onClick={togglePlaying}
        >
          <Icon name={store.isPlaying.value ? "pause" : "play"} />
        </Button>
        <Button label="One event on (full stop)" onClick={() => step(1)}>
          <Icon name="on" />
        </Button>
        <Button label="To the end (End)" onClick={() => goTo(take.position)}>
          <Icon name="end" />
        </Button>
        <Choice
          label="Speed"
          value={store.speed.value}
          options={SPEEDS}
          onChange={(speed) => (store.speed.value = speed)}
        />
        <Segments label="Chart" value={chart} options={CHARTS} onChange={setChart} />
        <Marks take={take} />
        <output class="moment" aria-label="Moment">
          <MomentText take={take} />
        </output>
      </div>
      <Plot take={take} chart={chart} />
      <Scrubber take={take} />
    </section>
  );
}

function Scrubber({ take }: { readonly take: TakeSummary }): JSX.Element {
  return (
    <input
      class="scrubber"
      type="range"
      min={0}
      max={take.position}
      step={1}
      value={store.moment.value}
      aria-label="Moment: events done"
      aria-valuetext={`event ${count(store.moment.value)} of ${count(take.operationCount)}`}
      onInput={(event) => goTo(event.currentTarget.valueAsNumber)}
    />
  );
}

function MomentText({ take }: { readonly take: TakeSummary }): JSX.Element {
  const nanoseconds = timeAt(take, store.moment.value);
  return (
    <>
      event {count(store.moment.value)} of {count(take.operationCount)}
      {nanoseconds === null ? "" : ` · ${duration(nanoseconds)}`}
    </>
  );
}

/** The time of a moment, from the samples around it. */
function timeAt({ sampleNanoseconds, series }: TakeSummary, moment: number): number | null {
  if (sampleNanoseconds === null || sampleNanoseconds.length < 2) return null;
  const after = series.moment.findIndex((each) => each >= moment);
  if (after <= 0) return sampleNanoseconds[after === 0 ? 0 : sampleNanoseconds.length - 1]!;
  const from = series.moment[after - 1]!;
  const share = (moment - from) / (series.moment[after]! - from);
  return sampleNanoseconds[after - 1]! + share * (sampleNanoseconds[after]! - sampleNanoseconds[after - 1]!);
}

/** Buttons to what is worth a look. */
function Marks({ take }: { readonly take: TakeSummary }): JSX.Element {
  const next = take.failures.find((moment) => moment > store.moment.value) ?? take.failures[0];
  return (
    <div class="marks" role="group" aria-label="Marks">
      <Button
        label={take.failures.length === 0 ? "No failures" : `Next of ${count(take.failures.length)} failures`}
        disabled={next === undefined}
        onClick={() => next !== undefined && goTo(next)}
      />
      <Button
        label="Largest jump"
        title={
          take.jumps[0] === undefined
            ? "The pages held never change"
            : `${bytes(take.jumps[0].bytes)} at event ${count(take.jumps[0].moment)}`
        }
        disabled={take.jumps.length === 0}
        onClick={() => goTo(nextJump(take))}
      />
    </div>
  );
}

/** The jumps in turn, the largest first. */
function nextJump({ jumps }: TakeSummary): number {
  const at = jumps.findIndex(({ moment }) => moment === store.moment.peek());
  return jumps[(at + 1) % jumps.length]!.moment;
}

/** uPlot in an element, made anew when what it draws is of another shape. */
function Plot({ take, chart }: { readonly take: TakeSummary; readonly chart: Chart }): JSX.Element {
  const { ref, width, height } = useSize<HTMLDivElement>();
  const plot = useRef<uPlot | null>(null);
  const playhead = useRef<HTMLDivElement>(null);
  const theme = store.theme.value;

  useLayoutEffect(() => {
    if (ref.current === null || width === 0) return;
    const options = plotOptions(take, chart, width, height, () =>
      placePlayhead(plot.current, playhead.current),
    );
    plot.current = new uPlot(options, chartData(take, chart), ref.current);
    return () => {
      plot.current?.destroy();
      plot.current = null;
    };
  }, [take.take, chart, theme, width, height, take.maxOrder]);

  useLayoutEffect(() => {
    plot.current?.setData(chartData(take, chart));
  }, [take, chart]);

  useEffect(() => store.moment.subscribe(() => placePlayhead(plot.current, playhead.current)), []);
  return (
    <div class="plot" ref={ref} role="img" aria-label={plotLabel(take, chart)}>
      <div class="playhead" ref={playhead} aria-hidden="true" />
      <Legend take={take} chart={chart} />
    </div>
  );
}

function placePlayhead(plot: uPlot | null, playhead: HTMLElement | null): void {
  if (plot === null || playhead === null) return;
  const x = plot.valToPos(store.moment.peek(), "x");
  const isInside = x >= 0 && x <= plot.over.clientWidth;
  playhead.style.transform = `translateX(${plot.over.offsetLeft + x}px)`;
  playhead.style.height = `${plot.over.clientHeight}px`;
  playhead.style.visibility = isInside ? "visible" : "hidden";
}

function plotLabel(take: TakeSummary, chart: Chart): string {
  const { series } = take;
  const peak = Math.max(...series.heldBytes);
  if (chart === "memory")
    return `Memory over ${count(take.operationCount)} events; at most ${bytes(peak)} of pages held`;
  if (chart === "blocks") return `Free blocks of each order over ${count(take.operationCount)} events`;
  return `Unusable free space for order ${Math.ceil(take.maxOrder / 2)} over ${count(take.operationCount)} events`;
}

function chartData({ series }: TakeSummary, chart: Chart): uPlot.AlignedData {
  if (chart === "memory") return [series.moment, series.heldBytes, series.usedBytes, series.liveBytes];
  if (chart === "blocks") return [series.moment, ...series.freeBlocks];
  return [series.moment, series.unusable.map((value) => value / 10)];
}

/** What each line of a chart is, with its colour. */
function chartLines(take: TakeSummary, chart: Chart): { name: string; color: string; fill: boolean }[] {
  const palette = PALETTES[store.theme.value];
  if (chart === "memory") {
    return [
      { name: "waste between objects", color: palette.ranked[1]!, fill: true },
      { name: "waste inside objects", color: palette.ranked[4]!, fill: true },
      { name: "asked for", color: palette.ranked[0]!, fill: true },
    ];
  }
  if (chart === "blocks") {
    return take.series.freeBlocks.map((_, order) => ({
      name: `order ${order}`,
      color: hexOf(rampPixel(palette.orderRamp, order / Math.max(1, take.maxOrder))),
      fill: false,
    }));
  }
  return [
    {
      name: `free space that order ${Math.ceil(take.maxOrder / 2)} cannot use, %`,
      color: palette.large,
      fill: true,
    },
  ];
}

function Legend({ take, chart }: { readonly take: TakeSummary; readonly chart: Chart }): JSX.Element {
  const lines = chartLines(take, chart);
  return (
    <ul class="plot-legend" aria-hidden="true">
      {lines.map(({ name, color }) => (
        <li key={name}>
          <span class="swatch" style={{ background: color }} />
          {name}
        </li>
      ))}
    </ul>
  );
}

function plotOptions(
  take: TakeSummary,
  chart: Chart,
  width: number,
  height: number,
  onDraw: () => void,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--muted").trim();
  const grid = { stroke: style.getPropertyValue("--hairline").trim(), width: 1 };
  const unit = chart === "memory" ? bytes : chart === "blocks" ? count : (value: number) => `${value} %`;
  const axis = { stroke: ink, grid, ticks: { show: false }, font: "11px system-ui" };
  return {
    width,
    height,
    padding: [24, 12, 0, 4],
    legend: { show: false },
    cursor: { drag: { x: true, y: false, dist: 6 }, points: { show: false }, y: false },
    scales: {
      x: { time: false },
      y: { range: (_, __, high) => [0, chart === "fragmentation" ? 100 : Math.max(1, high * 1.06)] },
    },
    axes: [
      { ...axis, size: 22, values: (_, ticks) => ticks.map((tick) => count(tick)) },
      {
        ...axis,
        size: 66,
        space: 26,
        values: (_, ticks) => ticks.map((tick) => unit(tick)),
        ...(chart === "memory" ? { incrs: BYTE_STEPS } : {}),
      },
    ],
    series: [
      {},
      ...chartLines(take, chart).map(({ name, color, fill }) => ({
        label: name,
        stroke: color,
        width: 1.25,
        points: { show: false },
        ...(fill ? { fill: color } : {}),
      })),
    ],
    hooks: {
      draw: [onDraw, (plot) => drawMarks(plot, take)],
      init: [(plot) => jumpOnClick(plot)],
    },
  };
}

/** A click goes to its moment; a drag zooms, which uPlot does by itself, and a double click shows everything again. */
function jumpOnClick(plot: uPlot): void {
  let pressedAt = 0;
  plot.over.addEventListener("pointerdown", (event) => {
    pressedAt = event.clientX;
  });
  plot.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - pressedAt) > 5) return;
    goTo(plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x"));
  });
}

/** Failures as ticks along the top, the largest jumps as triangles along the bottom. */
function drawMarks(plot: uPlot, { failures, jumps }: TakeSummary): void {
  const { ctx, bbox } = plot;
  const palette = PALETTES[store.theme.peek()];
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = palette.large;
  for (const moment of failures) ctx.fillRect(plot.valToPos(moment, "x", true) - 1, bbox.top, 2, 8);
  ctx.fillStyle = palette.mark;
  for (const { moment } of jumps) {
    const x = plot.valToPos(moment, "x", true);
    const y = bbox.top + bbox.height;
    ctx.beginPath();
    ctx.moveTo(x - 6, y);
    ctx.lineTo(x + 6, y);
    ctx.lineTo(x, y - 9);
    ctx.fill();
  }
  ctx.restore();
}
