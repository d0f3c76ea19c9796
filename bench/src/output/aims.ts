/** What kmem aims at in these benchmarks, and how far a run got: computed from the document, each aim by itself. */

import { payloadShareOf, type BenchmarkDocument, type Row } from "../harness/document.ts";
import { NONE } from "./figures.ts";

/** One aim and what was measured. */
export interface AimResult {
  readonly aim: string;
  /** What would be good enough, as text. */
  readonly bar: string;
  readonly measured: string;
  /** Undefined where the run has no figure. */
  readonly reached: boolean | undefined;
}

const HEAP = "kmem Heap";
const INLINED = "kmem Heap, inlined";
const VARIABLE = "kmem Heap, variable";
const IN_WASM = "kmem Heap, in Wasm";
const NATIVES = ["mimalloc", "tcmalloc", "jemalloc", "glibc"];
/** The natives that a trace's memory is held against one by one. */
const POOLED_NATIVES = new Set(["mimalloc", "tcmalloc", "jemalloc"]);
const MIN_PAYLOAD_BYTES = 2 ** 20;

/** @returns the aims in order, as far as the document has figures for them */
export function aimsOf(document: BenchmarkDocument): AimResult[] {
  return [
    ...meanAims(document, "mimalloc", 1),
    ...meanAims(document, "tcmalloc", 1.2),
    ...meanAims(document, "jemalloc", 0.8),
    ...meanAims(document, "glibc", 0.6),
    ...meanAims(document, "dlmalloc", 0.25),
    ...meanAims(document, "emmalloc", 0.25),
    ratioAim("inside Wasm, over dlmalloc inside Wasm", 0.35, meanOf(document, IN_WASM, "dlmalloc, in Wasm")),
    ratioAim(
      "over @thi.ng/malloc with 10,000 live",
      0.01,
      ratioOf(document, "random-replacement/1e4", HEAP, "@thi.ng/malloc"),
    ),
    ...meanAims(document, "new Uint8Array", 0.05),
    ...memoryAims(document),
    ratioAim(
      "growth of a pair's cost, 1e7 live over 1e3",
      4,
      growthOf(document, "growth", HEAP),
      nativeGrowth(document),
    ),
    ratioAim(
      "growth of the buddy's order-0 pair, 1e7 pages over 1e3",
      2,
      growthOf(document, "buddy-pair", "kmem BuddyAllocator"),
    ),
    latencyAim(document),
  ];
}

/** For the heap as it is, for the one that V8 was told to inline, where the run has it, and for the one that V8 does not know. */
function meanAims(document: BenchmarkDocument, over: string, bar: number): AimResult[] {
  const hasInlined = document.rows.some(({ subject }) => subject === INLINED);
  return [HEAP, ...(hasInlined ? [INLINED] : []), VARIABLE].map((subject) =>
    ratioAim(
      `real programs and kernel objects, ${subject} over ${over}`,
      bar,
      meanOf(document, subject, over),
    ),
  );
}

function ratioAim(aim: string, bar: number, value: number | undefined, beside = ""): AimResult {
  return {
    aim,
    bar: `≤ ${bar}`,
    measured: value === undefined ? NONE : `${value.toPrecision(3)}${beside}`,
    reached: value === undefined ? undefined : value <= bar,
  };
}

function meanOf(document: BenchmarkDocument, subject: string, over: string): number | undefined {
  return document.means.find(
    (mean) => mean.group === "real" && mean.subject === subject && mean.over === over,
  )?.nsPerOp;
}

function rowOf(document: BenchmarkDocument, workload: string, subject: string): Row | undefined {
  return document.rows.find((row) => row.workload === workload && row.subject === subject);
}

function ratioOf(
  document: BenchmarkDocument,
  workload: string,
  subject: string,
  over: string,
): number | undefined {
  const own = rowOf(document, workload, subject);
  const other = rowOf(document, workload, over);
  return own && other && own.nsPerOp.median / other.nsPerOp.median;
}

function growthOf(document: BenchmarkDocument, group: string, subject: string): number | undefined {
  const small = rowOf(document, `${group}/1e3`, subject);
  const large = rowOf(document, `${group}/1e7`, subject);
  return small && large && large.nsPerOp.median / small.nsPerOp.median;
}

function nativeGrowth(document: BenchmarkDocument): string {
  const growths = NATIVES.flatMap((name) => {
    const growth = growthOf(document, "growth", name);
    return growth === undefined ? [] : [`${name} ${growth.toPrecision(3)}`];
  });
  return growths.length === 0 ? "" : ` (${growths.join(", ")})`;
}

function memoryAims(document: BenchmarkDocument): AimResult[] {
  const programs = document.rows.filter(
    ({ workload, peakPayloadBytes, isBaseline }) =>
      workload.startsWith("real/") &&
      !workload.startsWith("real/kernel") &&
      peakPayloadBytes >= MIN_PAYLOAD_BYTES &&
      !isBaseline,
  );
  const own = programs.filter(({ subject }) => subject === HEAP);
  if (own.length === 0) return [];
  const ahead = own.filter((row) =>
    programs.every(
      (other) =>
        other.workload !== row.workload ||
        !POOLED_NATIVES.has(other.subject) ||
        payloadShareOf(row) >= payloadShareOf(other),
    ),
  );
  const meanShareOf = (subject: string): number => {
    const shares = programs.filter((row) => row.subject === subject).map(payloadShareOf);
    return shares.reduce((sum, share) => sum + share, 0) / shares.length;
  };
  const mean = meanShareOf(HEAP);
  const others = [...new Set(programs.map(({ subject }) => subject))].filter(
    (subject) => !subject.startsWith("kmem "),
  );
  const best = others.reduce((a, b) => (meanShareOf(a) >= meanShareOf(b) ? a : b), others[0] ?? HEAP);
  const behind = meanShareOf(best) - mean;
  return [
    {
      aim: "payload over footprint at least that of mimalloc, tcmalloc and jemalloc, programs of 1 MiB or more",
      bar: "all",
      measured: `${ahead.length} of ${own.length}`,
      reached: ahead.length === own.length,
    },
    {
      aim: "mean of payload over footprint on these programs",
      bar: "≥ 0.88",
      measured: mean.toFixed(3),
      reached: mean >= 0.88,
    },
    {
      aim: "that mean behind the best of all subjects",
      bar: "≤ 0.03",
      measured: `${behind.toFixed(3)} (${best})`,
      reached: behind <= 0.03,
    },
  ];
}

function latencyAim(document: BenchmarkDocument): AimResult {
  const timed = document.rows.filter((row) => row.subject === HEAP && row.latency !== null);
  const worst = timed.toSorted((a, b) => (b.latency?.p9999Ns ?? 0) - (a.latency?.p9999Ns ?? 0))[0];
  const within = timed.filter(({ latency }) => (latency?.p9999Ns ?? 0) <= 5000).length;
  return {
    aim: "99.99 % of single operations",
    bar: "≤ 5 µs",
    measured:
      worst === undefined
        ? NONE
        : `${within} of ${timed.length} workloads; worst ${((worst.latency?.p9999Ns ?? 0) / 1000).toFixed(1)} µs (${worst.workload})`,
    reached: worst === undefined ? undefined : within === timed.length,
  };
}
