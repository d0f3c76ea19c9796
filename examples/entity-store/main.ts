// An entity store on slab caches beside stores of objects: times of a frame, and pauses of the garbage collector.
//
//   npm run example -- entity-store [frames]      1,000 frames unless told otherwise

import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { measureAlone } from "../shared/own-process.ts";
import { KINDS, STORES, World } from "./world.ts";

const FRAMES = 1000;
/** Frames before the measured ones: as long as the longest life, so that births and deaths have spread out. */
const WARM_UP_FRAMES = 400;
/** Columns of the picture. */
const COLUMNS = 64;
const BARS = [..."▁▂▃▄▅▆▇█"];

interface Result {
  /** Milliseconds of each frame. */
  readonly framesMs: number[];
  /** Milliseconds of each pause of the collector. */
  readonly pausesMs: number[];
  readonly spawned: number;
  readonly checksum: number;
}

/** Runs a world and watches the collector. Between frames the program is idle for a moment, as one that draws would be. */
async function measure(store: string, frames: number): Promise<Result> {
  const world = new World(STORES[store]!.make());
  for (let frame = 0; frame < WARM_UP_FRAMES; frame++) world.step();
  const pausesMs: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) pausesMs.push(duration);
  });
  global.gc!();
  await setImmediate();
  observer.observe({ entryTypes: ["gc"] });
  const spawnedBefore = world.spawned;
  const framesMs: number[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const startedMs = performance.now();
    world.step();
    framesMs.push(performance.now() - startedMs);
    await setImmediate();
  }
  observer.disconnect();
  return { framesMs, pausesMs, spawned: world.spawned - spawnedBefore, checksum: world.checksum() };
}

/** The time that a share of the frames do not exceed. */
function percentile(sortedMs: readonly number[], share: number): number {
  return sortedMs[Math.min(sortedMs.length - 1, Math.floor(share * sortedMs.length))]!;
}

/** The longest frame of each of some spans of time, as bars; a full one is `mostMs`. */
function picture(framesMs: readonly number[], mostMs: number): string {
  return Array.from({ length: COLUMNS }, (_, column) => {
    const [start, end] = [column, column + 1].map((edge) => Math.floor((edge * framesMs.length) / COLUMNS));
    const longestMs = Math.max(0, ...framesMs.slice(start, end));
    return BARS[Math.min(BARS.length - 1, Math.floor((longestMs / mostMs) * BARS.length))];
  }).join("");
}

/** Milliseconds in a column of some width. */
function ms(value: number, width: number): string {
  return `${value.toFixed(1)} ms`.padStart(width);
}

function report(results: readonly (readonly [title: string, result: Result])[], frames: number): string {
  const [, first] = results[0]!;
  const entities = KINDS.reduce((sum, { count }) => sum + count, 0);
  const lines = [
    `${frames.toLocaleString("en")} frames of ${entities.toLocaleString("en")} entities; ` +
      `${Math.round(first.spawned / frames).toLocaleString("en")} die and as many come in each`,
    "",
    "                      a frame takes               pauses of the collector",
    "store             median     99 %  longest     number    in all  longest",
  ];
  for (const [title, { framesMs, pausesMs }] of results) {
    const sortedMs = [...framesMs].sort((a, b) => a - b);
    const [median, most] = [percentile(sortedMs, 0.5), percentile(sortedMs, 0.99)];
    const pauses = pausesMs.reduce((sum, each) => sum + each, 0);
    lines.push(
      `${title.padEnd(14)}${ms(median, 10)}${ms(most, 9)}${ms(sortedMs.at(-1)!, 9)}` +
        `${String(pausesMs.length).padStart(11)}${ms(pauses, 10)}${ms(Math.max(0, ...pausesMs), 9)}`,
    );
  }
  const mostMs = Math.max(...results.flatMap(([, { framesMs }]) => framesMs));
  lines.push("", `the longest frame of each moment; a full bar is ${mostMs.toFixed(1)} ms`);
  for (const [title, { framesMs }] of results) lines.push(`${title.padEnd(15)} ${picture(framesMs, mostMs)}`);
  return lines.join("\n");
}

const [argument, framesArgument] = process.argv.slice(2);
if (argument !== undefined && argument in STORES) {
  console.log(JSON.stringify(await measure(argument, Number(framesArgument))));
} else {
  const frames = argument === undefined ? FRAMES : Number(argument);
  if (!Number.isInteger(frames) || frames < 1) {
    console.error(`frames must be an integer from 1, got ${argument}`);
    process.exit(2);
  }
  const results = Object.entries(STORES).map(
    ([store, { title }]) =>
      [title, measureAlone<Result>(import.meta.filename, store, String(frames))] as const,
  );
  if (new Set(results.map(([, { checksum }]) => checksum)).size !== 1) throw new Error("the stores disagree");
  console.log(report(results, frames));
}
