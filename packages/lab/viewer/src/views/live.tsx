/** This machine's own allocators, as `kmem live --web` streams them: free blocks of each zone, caches, and both over time. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { hexOf, PALETTES, rampPixel } from "../draw/palette.ts";
import { listenLive, liveState, looks, stopLive } from "../state/live.ts";
import * as store from "../state/store.ts";
import { BYTE_STEPS, bytes, count, percent } from "../ui/format.ts";
import { useSize } from "../ui/use-size.ts";
import type { Look, ZoneLook } from "../../../src/live/look.ts";

/** Caches that are listed. */
const CACHE_COUNT = 40;

/** The page. */
export function LiveView(): JSX.Element {
  useEffect(() => {
    listenLive();
    return stopLive;
  }, []);
  const look = looks.value.at(-1);
  if (look === undefined) return <Absent />;
  return (
    <div class="live">
      <p class="live-state" role="status">
        {liveState.value === "live"
          ? "This machine, now"
          : "The stream has ended; these are its last figures"}
      </p>
      <section class="panel">
        <h2>Free blocks of each zone</h2>
        <Zones zones={look.zones} />
      </section>
      <section class="panel">
        <h2>
          Free memory over time:
          <span class="swatch live-key" style={{ background: PALETTES[store.theme.value].ranked[0]! }} />
          in blocks of order 9 or more
          <span class="swatch live-key" style={{ background: PALETTES[store.theme.value].ranked[1]! }} />
          in smaller ones
        </h2>
        <FreePlot history={looks.value} />
      </section>
      <section class="panel live-caches">
        <h2>Caches</h2>
        <Caches look={look} />
      </section>
    </div>
  );
}

function Absent(): JSX.Element {
  return (
    <div class="opening">
      <h1>This machine, live</h1>
      <p class="lead">
        {liveState.value === "absent"
          ? "A page alone cannot see the kernel's allocators. Start the viewer on a Linux machine by this command, as root to see caches too:"
          : "Waiting for the first figures …"}
      </p>
      {liveState.value === "absent" && <code>npx kmem live --web</code>}
    </div>
  );
}

/** A row a zone; each order as its number, its change and a bar of its share of the free memory. */
function Zones({ zones }: { readonly zones: readonly ZoneLook[] }): JSX.Element {
  const orders = Math.max(...zones.map(({ freeBlocks }) => freeBlocks.length));
  const palette = PALETTES[store.theme.value];
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Free blocks of each zone">
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Zone</th>
            <th scope="col">Free</th>
            {Array.from({ length: orders }, (_, order) => (
              <th key={order} scope="col">
                2<sup>{order}</sup>
              </th>
            ))}
            <th scope="col" title="Share of the free space that a huge page (order 9) cannot use">
              Unusable, order 9
            </th>
          </tr>
        </thead>
        <tbody>
          {zones.map(
            ({ node, zone, freeBytes, managedBytes, freeBlocks, freeBlocksChange, unusableIndex }) => (
              <tr key={`${node}-${zone}`}>
                <th scope="row">
                  {zone} {node}
                </th>
                <td>
                  {bytes(freeBytes)} ({percent(freeBytes, managedBytes)})
                </td>
                {freeBlocks.map((free, order) => {
                  const change = freeBlocksChange?.[order] ?? 0;
                  const pageShare = (free * 2 ** order) / Math.max(1, sumOfPages(freeBlocks));
                  const color = hexOf(rampPixel(palette.orderRamp, order / Math.max(1, orders - 1)));
                  return (
                    <td key={order} class="live-order">
                      {count(free)}
                      <span class="change">
                        {change === 0 ? " " : `${change > 0 ? "+" : "−"}${count(Math.abs(change))}`}
                      </span>
                      <span
                        class="share"
                        style={{ width: `${(100 * pageShare).toFixed(1)}%`, background: color }}
                      />
                    </td>
                  );
                })}
                <td>{unusableIndex[9] === undefined ? "–" : `${(unusableIndex[9] / 10).toFixed(1)} %`}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}

function sumOfPages(freeBlocks: readonly number[]): number {
  return freeBlocks.reduce((sum, free, order) => sum + free * 2 ** order, 0);
}

function Caches({ look }: { readonly look: Look }): JSX.Element {
  if (look.caches === null) return <p class="empty">Only root may read the caches: start it with sudo.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Caches of the kernel">
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Cache</th>
            <th scope="col">Objects</th>
            <th scope="col">Change</th>
            <th scope="col">In use</th>
            <th scope="col">Object</th>
            <th scope="col">Slabs</th>
            <th scope="col">Held</th>
          </tr>
        </thead>
        <tbody>
          {look.caches.slice(0, CACHE_COUNT).map((cache) => (
            <tr key={cache.name}>
              <th scope="row">{cache.name}</th>
              <td>{count(cache.activeObjects)}</td>
              <td class="muted">{signed(cache.activeObjectsChange ?? 0)}</td>
              <td>{percent(cache.activeObjects, cache.slots)}</td>
              <td>{bytes(cache.objectBytes)}</td>
              <td>{count(cache.slabs)}</td>
              <td>{bytes(cache.heldBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function signed(change: number): string {
  return change === 0 ? "" : `${change > 0 ? "+" : "−"}${count(Math.abs(change))}`;
}

/** Free bytes of all zones, and of them those in blocks of order 9 and more. */
function FreePlot({ history }: { readonly history: readonly Look[] }): JSX.Element {
  const { ref, width, height } = useSize<HTMLDivElement>();
  const plot = useRef<uPlot | null>(null);
  const theme = store.theme.value;
  useLayoutEffect(() => {
    if (ref.current === null || width === 0) return;
    plot.current = new uPlot(livePlotOptions(width, height), liveData(looks.peek()), ref.current);
    return () => {
      plot.current?.destroy();
      plot.current = null;
    };
  }, [width, height, theme]);
  useLayoutEffect(() => plot.current?.setData(liveData(history)), [history]);
  return <div class="live-plot" ref={ref} role="img" aria-label="Free memory of all zones over time" />;
}

function liveData(history: readonly Look[]): uPlot.AlignedData {
  let seconds = 0;
  const time = history.map(({ elapsedSeconds }) => (seconds += elapsedSeconds ?? 0));
  const all = history.map(({ zones }) => zones.reduce((sum, { freeBytes }) => sum + freeBytes, 0));
  const large = history.map(({ zones }) =>
    zones.reduce(
      (sum, { freeBytes, unusableIndex }) => sum + freeBytes * (1 - (unusableIndex[9] ?? 1000) / 1000),
      0,
    ),
  );
  return [time, all, large];
}

function livePlotOptions(width: number, height: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const palette = PALETTES[store.theme.peek()];
  const axis = {
    stroke: style.getPropertyValue("--muted").trim(),
    grid: { stroke: style.getPropertyValue("--hairline").trim(), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false }, y: { range: (_, __, high) => [0, Math.max(1, high * 1.05)] } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
      { ...axis, size: 66, incrs: BYTE_STEPS, values: (_, ticks) => ticks.map((tick) => bytes(tick)) },
    ],
    series: [
      {},
      { label: "free", stroke: palette.ranked[1]!, fill: palette.ranked[1]!, points: { show: false } },
      {
        label: "free in blocks of order 9 or more",
        stroke: palette.ranked[0]!,
        fill: palette.ranked[0]!,
        points: { show: false },
      },
    ],
  };
}
