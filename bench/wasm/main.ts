// Measures kmem's malloc inside Wasm against Emscripten's two allocators: a loop of malloc and free, and whole programs.
//
//   npm run bench:wasm                    all of it: about three minutes
//   npm run bench:wasm -- --runs 3        fewer processes for each figure
//   npm run bench:wasm -- --only lua      the loop or the programs whose name this is

import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { type Allocator, ALLOCATORS, missingEmscripten } from "./build.ts";
import { LIVE_COUNTS, type LoopTimes, runLoop } from "./loop.ts";
import { medianOf } from "../src/harness/statistics.ts";
import { type Program, PROGRAMS } from "./programs.ts";
import { type ProgramRun, runProgram } from "./run.ts";

/** How much work each program is given; those without an entry are tests, too short to be timed. */
const SCALES: Record<string, number> = { cjson: 40, lua: 32, "lua-cache": 8, sqlite: 50, minigzip: 32 };

/** What is aimed at. */
const MAX_LOOP_RATIO = 0.35;
const MIN_BEST_SPEED = 1.1;
const MIN_SPEED = 0.97;

/** The allocator that the others are measured against. */
const REFERENCE: Allocator = "dlmalloc";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "5" }, only: { type: "string" } },
});
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) {
  console.error(`--runs must be a positive integer, got ${values.runs}`);
  process.exit(2);
}
const missing = missingEmscripten();
if (missing !== undefined) {
  console.error(missing);
  process.exit(1);
}

/** What `measure` gives for each allocator, in `runs` rounds in which all take turns. */
function takeTurns<Result>(measure: (allocator: Allocator) => Result): Record<Allocator, Result[]> {
  const results: Record<Allocator, Result[]> = { kmem: [], dlmalloc: [], emmalloc: [] };
  for (let run = 0; run < runs; run++) {
    for (const allocator of ALLOCATORS) results[allocator].push(measure(allocator));
  }
  return results;
}

function table(...head: string[]): Table.Table {
  return new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ["left", ...head.slice(1).map(() => "right" as const)],
  });
}

/** A row of the table, and the figure that stands in it. */
type Case = [title: string, pick: (times: LoopTimes) => number];

/** A row for each count of live objects. */
function counted(ending: string, pick: (times: LoopTimes) => readonly number[]): Case[] {
  return LIVE_COUNTS.map((count, index) => [
    `one of ${count.toLocaleString("en")} replaced${ending}`,
    (times) => pick(times)[index]!,
  ]);
}

/** What became of an aim. */
function verdict(holds: boolean): string {
  return holds ? "held" : "missed";
}

function measureLoop(): void {
  const results = takeTurns(runLoop);
  const cases: Case[] = [
    ...counted("", ({ replaced }) => replaced),
    ...counted(" and written", ({ written }) => written),
    ["one object again and again", (times) => times.sameAgain],
    ["the loop alone", (times) => times.loopAlone],
  ];
  const rows = table("ns for a pair of free and malloc", ...ALLOCATORS, `kmem / ${REFERENCE}`);
  const ratios: number[] = [];
  for (const [title, pick] of cases) {
    const ns = ALLOCATORS.map((allocator) => medianOf(results[allocator].map(pick)));
    const ratio = ns[0]! / ns[ALLOCATORS.indexOf(REFERENCE)]!;
    rows.push([title, ...ns.map((value) => value.toFixed(1)), ratio.toFixed(2)]);
    if (title.includes("replaced")) ratios.push(ratio);
  }
  console.log(rows.toString());
  const worst = Math.max(...ratios);
  console.log(
    `replacing costs ${worst.toFixed(2)} of ${REFERENCE} at most; aim ${MAX_LOOP_RATIO}: ${verdict(worst <= MAX_LOOP_RATIO)}\n`,
  );
}

function measurePrograms(programs: readonly Program[]): void {
  const rows = table(
    "ms of processor time",
    ...ALLOCATORS,
    `${REFERENCE} / kmem`,
    "by the clock",
    "MiB kmem",
    `MiB ${REFERENCE}`,
  );
  const speeds: number[] = [];
  for (const program of programs) {
    const scale = SCALES[program.name]!;
    const results = takeTurns((allocator) => runProgram(program, allocator, scale));
    const outputs = new Set(Object.values(results).flatMap((list) => list.map(({ output }) => output)));
    if (outputs.size !== 1) throw new Error(`${program.name}: the allocators' outputs differ`);
    const medians = (pick: (run: ProgramRun) => number): number[] =>
      ALLOCATORS.map((allocator) => medianOf(results[allocator].map(pick)));
    const speed = (ms: readonly number[]): number => ms[ALLOCATORS.indexOf(REFERENCE)]! / ms[0]!;
    const cpuMs = medians((run) => run.cpuMs);
    const mib = (allocator: Allocator): string => (results[allocator][0]!.memoryBytes / 2 ** 20).toFixed(0);
    rows.push([
      program.title,
      ...cpuMs.map((value) => value.toFixed(0)),
      speed(cpuMs).toFixed(2),
      speed(medians((run) => run.totalMs)).toFixed(2),
      mib("kmem"),
      mib(REFERENCE),
    ]);
    speeds.push(speed(cpuMs));
  }
  console.log(rows.toString());
  const [least, most] = [Math.min(...speeds), Math.max(...speeds)];
  console.log(
    `slowest ${least.toFixed(2)} of ${REFERENCE}'s speed; aim ${MIN_SPEED}: ${verdict(least >= MIN_SPEED)}`,
  );
  console.log(`fastest ${most.toFixed(2)}; aim ${MIN_BEST_SPEED}: ${verdict(most >= MIN_BEST_SPEED)}`);
}

const wanted = (name: string): boolean => values.only === undefined || values.only === name;
const programs = PROGRAMS.filter(({ name }) => name in SCALES && wanted(name));
if (programs.length === 0 && !wanted("loop")) {
  console.error(`nothing is called ${values.only} (there are: loop, ${Object.keys(SCALES).join(", ")})`);
  process.exit(2);
}
const today = new Date().toISOString().slice(0, 10);
console.log(
  `${today}, ${cpus()[0]!.model.trim()}, ${availableParallelism()} processors, Node ${process.version}`,
);
console.log(`medians of ${runs} processes; the allocators take turns\n`);
if (wanted("loop")) measureLoop();
if (programs.length > 0) measurePrograms(programs);
