/** The JSON document that `npm run bench -- --json` prints, and how it is made from samples. */

import { OWN_PREFIX, REFERENCE_SUBJECT } from "../subjects/catalogue.ts";
import type { Column, LatencyRound, LatencySample } from "../subjects/sample.ts";
import type { SubjectSamples, WorkloadSamples } from "./measure.ts";
import { geometricMeanOf, medianOf, spreadOf, type Spread } from "./statistics.ts";
import { groupOf } from "../workloads/workload.ts";
import type { Commit, Machine } from "./machine.ts";

/** Version of this document's shape. Goes up when a reader of the old shape would misread the new one. */
export const DOCUMENT_VERSION = 2;

/** One workload. */
export interface DocumentWorkload {
  readonly name: string;
  readonly description: string;
  /** What one op of its rows' `nsPerOp` is. */
  readonly op: string;
  /** Ops in a round. */
  readonly opsPerRound: number;
  /** Checksum of the operations, as every subject saw them. */
  readonly checksum: number;
  /** Commit that was measured: a stored document may hold several runs. */
  readonly commit: Commit;
}

/** Times of single operations, in nanoseconds: medians over the timed rounds of all processes. */
export type Latency = LatencyRound;

/** One subject on one workload. */
export interface Row {
  readonly workload: string;
  readonly subject: string;
  /** Whether the subject is the loop without an allocator. */
  readonly isBaseline: boolean;
  /** Whether the first word of each object was written in `nsPerOp`; false where objects have no bytes. */
  readonly writesFirstWord: boolean;
  /** Nanoseconds of one op: each process's median round; then over the processes. */
  readonly nsPerOp: Spread;
  /** The same without the write. The same figures as `nsPerOp` where objects have no bytes. */
  readonly nsPerOpPlain: Spread;
  /** Median less the median of the loop without an allocator in the same language; null on that loop itself. */
  readonly nsPerOpNet: number | null;
  readonly nsPerOpPlainNet: number | null;
  /** Whether a time limit cut rounds short, so that figures are reckoned from a part of a round. */
  readonly isCut: boolean;
  /** Single operations, the clock's own cost included: medians over processes. Null where they were not timed. */
  readonly latency: Latency | null;
  readonly peakPayloadBytes: number;
  /** Null on the loop without an allocator. */
  readonly peakFootprintBytes: number | null;
  /** Operations that the memory pass carried out: set-up and one round, fewer where it was cut. */
  readonly operationCount: number;
}

/** One subject's figures over the reference subject's on the same workload, medians. Below 1 is faster. */
export interface Ratio {
  readonly workload: string;
  readonly subject: string;
  readonly over: string;
  readonly nsPerOp: number;
  readonly nsPerOpPlain: number;
  /** Null where one of the two has no loop without an allocator beside it. */
  readonly nsPerOpNet: number | null;
}

/** How two subjects compare over a group: means over the workloads that both ran. */
export interface Mean {
  readonly group: string;
  readonly subject: string;
  readonly over: string;
  readonly workloadCount: number;
  /** Geometric mean of the ratios of their medians. Below 1: `subject` is faster than `over`. */
  readonly nsPerOp: number;
  readonly nsPerOpPlain: number;
}

/** A subject that was asked for and could not run. */
export interface Missing {
  readonly subject: string;
  /** The workload that it could not run; null when it ran none. */
  readonly workload: string | null;
  readonly reason: string;
}

/** Everything about one run of the benchmarks. */
export interface BenchmarkDocument {
  readonly documentVersion: number;
  /** Start of the run, ISO 8601. */
  readonly date: string;
  readonly commit: Commit;
  readonly machine: Machine;
  /** Node, and the version of each subject that ran, by name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: {
    readonly quick: boolean;
    /** Timing processes of each subject on each workload. */
    readonly processCount: number;
    /** Whether each process was pinned to one processor. */
    readonly pinned: boolean;
  };
  readonly missing: readonly Missing[];
  /** What a reader of this run should know, added by hand to a stored document. */
  readonly notes?: readonly string[];
  readonly workloads: readonly DocumentWorkload[];
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
  readonly means: readonly Mean[];
}

/** @returns the workload's entry */
export function workloadEntry(
  { workload, roundCount, checksum }: WorkloadSamples,
  commit: Commit,
): DocumentWorkload {
  return {
    name: workload.name,
    description: workload.description,
    op: workload.unit.name,
    opsPerRound: roundCount / workload.unit.operationCount,
    checksum,
    commit,
  };
}

/** @returns a row for each subject, baselines last */
export function rowsOf(samples: WorkloadSamples): Row[] {
  const byName = new Map(samples.subjects.map((entry) => [entry.subject.name, entry]));
  const rows = samples.subjects.map((entry) =>
    rowOf(samples, entry, byName.get(entry.subject.baseline ?? "")),
  );
  return rows.toSorted((a, b) => Number(a.isBaseline) - Number(b.isBaseline));
}

function rowOf(samples: WorkloadSamples, entry: SubjectSamples, baseline: SubjectSamples | undefined): Row {
  const { subject, memory } = entry;
  const write = nsPerOp(samples, entry, "write");
  // A subject that was cut short before its second column has one column only.
  const plain = nsPerOp(samples, entry, "plain") ?? write;
  const measured = write ?? plain;
  if (plain === undefined || measured === undefined) throw new Error(`${subject.name} has no timing samples`);
  const baselinePlain = baseline && nsPerOp(samples, baseline, "plain");
  const baselineMeasured = baseline && nsPerOp(samples, baseline, write === undefined ? "plain" : "write");
  const taken = subject.footprintIsOfProcess ? (baseline?.memory.peakFootprintBytes ?? 0) : 0;
  const isBaseline = subject.baseline === undefined;
  return {
    workload: samples.workload.name,
    subject: subject.name,
    isBaseline,
    writesFirstWord: write !== undefined,
    nsPerOp: measured,
    nsPerOpPlain: plain,
    nsPerOpNet: baselineMeasured ? measured.median - baselineMeasured.median : null,
    nsPerOpPlainNet: baselinePlain ? plain.median - baselinePlain.median : null,
    isCut: memory.isCut || entry.times.some(({ isCut }) => isCut),
    latency: latencyOf(entry.latencies),
    peakPayloadBytes: memory.peakPayloadBytes,
    peakFootprintBytes: isBaseline ? null : memory.peakFootprintBytes - taken,
    operationCount: memory.operationCount,
  };
}

function latencyOf(samples: readonly LatencySample[]): Latency | null {
  if (samples.length === 0) return null;
  const rounds = samples.flatMap((sample) => sample.rounds);
  const median = (figure: (round: LatencyRound) => number): number => medianOf(rounds.map(figure));
  return {
    p50Ns: median(({ p50Ns }) => p50Ns),
    p99Ns: median(({ p99Ns }) => p99Ns),
    p9999Ns: median(({ p9999Ns }) => p9999Ns),
    maxNs: median(({ maxNs }) => maxNs),
    maxOutsideCollectorNs: median(({ maxOutsideCollectorNs }) => maxOutsideCollectorNs),
    collectionCount: median(({ collectionCount }) => collectionCount),
    collectionNs: median(({ collectionNs }) => collectionNs),
  };
}

/** @returns the spread over processes of each one's median round, or undefined when the column was not run */
function nsPerOp(
  { workload, roundCount }: WorkloadSamples,
  { times }: SubjectSamples,
  column: Column,
): Spread | undefined {
  const opsPerRound = roundCount / workload.unit.operationCount;
  const medians = times.flatMap(({ roundsNs }) => {
    const rounds = roundsNs[column];
    return rounds === undefined ? [] : [medianOf(rounds) / opsPerRound];
  });
  return medians.length === 0 ? undefined : spreadOf(medians);
}

/** @returns the ratios over the reference subject, for each workload that it ran */
export function ratiosOf(rows: readonly Row[]): Ratio[] {
  return rows.flatMap((row) => {
    const reference = rows.find(
      ({ workload, subject }) => workload === row.workload && subject === REFERENCE_SUBJECT,
    );
    if (reference === undefined || row.isBaseline) return [];
    return [
      {
        workload: row.workload,
        subject: row.subject,
        over: reference.subject,
        nsPerOp: row.nsPerOp.median / reference.nsPerOp.median,
        nsPerOpPlain: row.nsPerOpPlain.median / reference.nsPerOpPlain.median,
        nsPerOpNet:
          row.nsPerOpNet === null || reference.nsPerOpNet === null
            ? null
            : row.nsPerOpNet / reference.nsPerOpNet,
      },
    ];
  });
}

/** @returns for each group the means of every kmem subject over every other subject, where they share workloads */
export function meansOf(rows: readonly Row[]): Mean[] {
  const allocators = rows.filter(({ isBaseline }) => !isBaseline);
  const groups = new Set(allocators.map(({ workload }) => groupOf(workload)));
  return [...groups].flatMap((group) => {
    const inGroup = allocators.filter(({ workload }) => groupOf(workload) === group);
    const names = [...new Set(inGroup.map(({ subject }) => subject))];
    return names
      .filter((subject) => subject.startsWith(OWN_PREFIX))
      .flatMap((subject) =>
        names.filter((over) => over !== subject).flatMap((over) => meanOf(inGroup, group, subject, over)),
      );
  });
}

function meanOf(rows: readonly Row[], group: string, subject: string, over: string): Mean[] {
  const pairs = rows
    .filter((row) => row.subject === subject)
    .flatMap((own) => {
      const other = rows.find((row) => row.subject === over && row.workload === own.workload);
      return other === undefined ? [] : [{ own, other }];
    });
  if (pairs.length === 0) return [];
  const mean = (figure: (row: Row) => number): number =>
    geometricMeanOf(pairs.map(({ own, other }) => figure(own) / figure(other)));
  return [
    {
      group,
      subject,
      over,
      workloadCount: pairs.length,
      nsPerOp: mean((row) => row.nsPerOp.median),
      nsPerOpPlain: mean((row) => row.nsPerOpPlain.median),
    },
  ];
}

/** @returns peak payload over peak footprint: 1 wastes nothing; 0 for a loop without an allocator */
export function payloadShareOf({ peakPayloadBytes, peakFootprintBytes }: Row): number {
  return peakFootprintBytes === null ? 0 : peakPayloadBytes / peakFootprintBytes;
}
