/** One run of the benchmarks, from the choice of rows to the document. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DOCUMENT_VERSION,
  meansOf,
  ratiosOf,
  rowsOf,
  workloadEntry,
  type BenchmarkDocument,
  type Missing,
  type Row,
} from "./document.ts";
import type { Subject } from "../subjects/subject.ts";
import type { Workload } from "../workloads/workload.ts";
import { describeCommit, describeMachine, pinningPrefix } from "./machine.ts";
import { measureWorkload, processCountOf, type WorkloadSamples } from "./measure.ts";

/** What to run. */
export interface RunOptions {
  readonly workloads: readonly Workload[];
  readonly subjects: readonly Subject[];
  readonly quick: boolean;
  /** Timing processes of each subject on each workload. */
  readonly processCount: number;
  readonly progress: Progress;
  /** Ends the run once it is aborted: the workload under way is left out. */
  readonly signal?: AbortSignal;
}

/** Told how far the run is; a process is one step. */
export interface Progress {
  start(stepCount: number): void;
  step(label: string): void;
  stop(): void;
}

/** Workloads and, for each, the subjects that run it. */
interface Plan {
  readonly entries: readonly { readonly workload: Workload; readonly subjects: readonly Subject[] }[];
  readonly missing: readonly Missing[];
  readonly versions: Readonly<Record<string, string>>;
}

/** Looks which subjects are there, measures, and puts the document together. Rejects when a process fails. */
export async function runBenchmarks(options: RunOptions): Promise<BenchmarkDocument> {
  const date = new Date().toISOString();
  const machine = await describeMachine();
  const commit = await describeCommit();
  const prefix = await pinningPrefix();
  const plan = await planRun(options);
  const samples = await measureAll(plan, options, prefix);
  const rows: Row[] = samples.flatMap(rowsOf);
  return {
    documentVersion: DOCUMENT_VERSION,
    date,
    commit,
    machine,
    versions: plan.versions,
    settings: { quick: options.quick, processCount: options.processCount, pinned: prefix.length > 0 },
    missing: [...plan.missing, ...samples.flatMap(droppedFrom)],
    workloads: samples.map((sample) => workloadEntry(sample, commit)),
    rows,
    ratios: ratiosOf(rows),
    means: meansOf(rows),
  };
}

/** @returns the subjects that a workload has no figures of */
function droppedFrom({ workload, dropped }: WorkloadSamples): Missing[] {
  return dropped.map(({ subject, reason }) => ({ subject: subject.name, workload: workload.name, reason }));
}

async function planRun({ workloads, subjects }: RunOptions): Promise<Plan> {
  const wanted = workloads.map((workload) => ({
    workload,
    subjects: subjects.filter(({ targets }) => targets.includes(workload.target)),
  }));
  const found = new Map<Subject, string>();
  const missing: Missing[] = [];
  for (const subject of subjects) {
    if (!wanted.some((entry) => entry.subjects.includes(subject))) continue;
    const availability = await subject.locate();
    if (availability.available) found.set(subject, availability.version);
    else missing.push({ subject: subject.name, workload: null, reason: availability.reason });
  }
  const entries = wanted
    .map(({ workload, subjects: chosen }) => ({
      workload,
      subjects: chosen.filter((subject) => found.has(subject)),
    }))
    .filter((entry) => entry.subjects.length > 0);
  const versions: Record<string, string> = { Node: process.versions.node, V8: process.versions.v8 };
  for (const [subject, version] of found) versions[subject.name] = version;
  return { entries, missing, versions };
}

async function measureAll(
  plan: Plan,
  options: RunOptions,
  prefix: readonly string[],
): Promise<WorkloadSamples[]> {
  const { processCount, progress, signal } = options;
  const workFolder = mkdtempSync(join(tmpdir(), "kmem-bench-"));
  progress.start(
    plan.entries.reduce(
      (sum, { workload, subjects }) => sum + processCountOf(workload, subjects.length, { processCount }),
      0,
    ),
  );
  const samples: WorkloadSamples[] = [];
  try {
    for (const { workload, subjects } of plan.entries) {
      const settings = {
        processCount,
        workFolder,
        prefix,
        onProcess: (label: string) => {
          signal?.throwIfAborted();
          progress.step(label);
        },
      };
      const measured = await measureWorkload(workload, subjects, settings);
      // Who presses Ctrl+C ends the processes as well: their subjects would be missing from this workload.
      signal?.throwIfAborted();
      samples.push(measured);
    }
    return samples;
  } catch (error) {
    if (signal?.aborted === true) return samples;
    throw error;
  } finally {
    progress.stop();
    rmSync(workFolder, { recursive: true, force: true });
  }
}
