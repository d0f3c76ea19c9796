/**
 * Runs the processes of one workload.
 *
 * Each subject runs in processes of its own, so that no allocator sees the traces or the compiled code of
 * another. The processes of all subjects take turns: whatever changes on the machine in the course of
 * minutes then touches all subjects alike. From one turn to the next the first subject and the order of
 * the columns change.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { checksumOf, type OperationStream } from "../stream/layout.ts";
import { writeStream } from "../stream/file.ts";
import type { Column, LatencySample, MemorySample, TimeSample } from "../subjects/sample.ts";
import { ProcessFailure } from "../subjects/process.ts";
import type { Run, Subject } from "../subjects/subject.ts";
import type { Workload } from "../workloads/workload.ts";

/** How much to run. */
export interface MeasureSettings {
  /** Timing processes of each subject. */
  readonly processCount: number;
  /** Folder for the stream's file. */
  readonly workFolder: string;
  /** Words before each command, to pin it to one processor; may be empty. */
  readonly prefix: readonly string[];
  /** Called before each process, with what it is. */
  readonly onProcess?: (label: string) => void;
}

/** All samples of one subject on one workload. */
export interface SubjectSamples {
  readonly subject: Subject;
  readonly times: readonly TimeSample[];
  readonly memory: MemorySample;
  /** Empty where the workload asks for none. */
  readonly latencies: readonly LatencySample[];
}

/** A subject without samples, and why. */
export interface Dropped {
  readonly subject: Subject;
  readonly reason: string;
}

/** All samples of one workload. */
export interface WorkloadSamples {
  readonly workload: Workload;
  /** Operations of one round. */
  readonly roundCount: number;
  /** Checksum of set-up and one round, as the generator made them. */
  readonly checksum: number;
  readonly peakPayloadBytes: number;
  readonly subjects: readonly SubjectSamples[];
  /** Subjects without samples: too slow for the workload, or one of their processes failed. */
  readonly dropped: readonly Dropped[];
}

/** A space may grow to at least so many times the peak payload: fragmentation alone must not be the end. */
const SPACE_FACTOR = 4;
/** Spaces may grow to at least so many bytes. */
const MIN_SPACE_BYTES = 2 ** 24;
/** Byte heaps reach this far. */
const MAX_SPACE_BYTES = 2 ** 32;

/** The most latency processes of each subject: the worst of single operations needs no finer figure. */
const MAX_LATENCY_PROCESS_COUNT = 3;
/**
 * Operations before the timed rounds of a latency process: V8 compiles what is done once in a thousand operations only
 * after some million of them. (99.99 % of git's took 13.7 µs after half a million, and take 2.8 after three million; perl's 6.2
 * after eight million, and 2.3 after thirty.)
 */
const LATENCY_WARMUP_OPERATIONS = 2.4e7;
/** Timed rounds of such a process: what interrupts the processor strikes some of them more than others. */
const LATENCY_ROUNDS = 9;

function latencyProcessCount({ processCount }: Pick<MeasureSettings, "processCount">): number {
  return Math.min(processCount, MAX_LATENCY_PROCESS_COUNT);
}

/** @returns processes that {@link measureWorkload} starts, for a progress bar */
export function processCountOf(
  workload: Workload,
  subjectCount: number,
  settings: Pick<MeasureSettings, "processCount">,
): number {
  const latencyCount = workload.hasLatency === true ? latencyProcessCount(settings) : 0;
  return subjectCount * (settings.processCount + 1 + latencyCount);
}

/**
 * Builds the workload's stream and runs it through each subject. Rejects when a process did other
 * operations than the stream's; a subject one of whose processes fails is dropped instead.
 */
export async function measureWorkload(
  workload: Workload,
  candidates: readonly Subject[],
  settings: MeasureSettings,
): Promise<WorkloadSamples> {
  const stream = workload.build();
  const checksum = checksumOf(stream);
  const streamPath = join(settings.workFolder, `${workload.name.replaceAll("/", "-")}.stream`);
  writeStream(streamPath, stream);
  const run: Run = {
    streamPath,
    target: workload.target,
    spaceBytes: workload.spaceBytes ?? spaceFor(stream.peakPayloadBytes),
    prefix: settings.prefix,
  };
  const dropped = candidates.flatMap((subject) => tooSlow(subject, stream.slotCount));
  const keep = (subject: Subject): boolean => !dropped.some((each) => each.subject === subject);
  const drop = (subject: Subject, error: unknown): void => {
    if (!(error instanceof ProcessFailure)) throw error;
    dropped.push({ subject, reason: error.reason });
  };
  try {
    const times = await runTimes(workload, candidates, settings, run, keep, drop);
    const samples: SubjectSamples[] = [];
    for (const subject of candidates.filter(keep)) {
      settings.onProcess?.(`${workload.name}, ${subject.name}, memory`);
      try {
        const memory = await subject.memory(run);
        const latencies = await runLatencies(workload, subject, settings, run, stream);
        samples.push({ subject, times: times.get(subject) ?? [], memory, latencies });
      } catch (error) {
        drop(subject, error);
      }
    }
    for (const sample of samples) assertSameWork(sample, workload, stream, checksum);
    const { roundCount, peakPayloadBytes } = stream;
    return { workload, roundCount, checksum, peakPayloadBytes, subjects: samples, dropped };
  } finally {
    rmSync(streamPath, { force: true });
  }
}

/** @returns the subject with a reason when the workload has more slots than it can search, or nothing */
function tooSlow(subject: Subject, slotCount: number): Dropped[] {
  const { maxSlotCount = Infinity } = subject;
  if (slotCount <= maxSlotCount) return [];
  return [
    {
      subject,
      reason: `more than ${maxSlotCount.toLocaleString("en")} live objects: they would take minutes`,
    },
  ];
}

async function runTimes(
  workload: Workload,
  subjects: readonly Subject[],
  settings: MeasureSettings,
  run: Run,
  keep: (subject: Subject) => boolean,
  drop: (subject: Subject, error: unknown) => void,
): Promise<Map<Subject, TimeSample[]>> {
  const times = new Map<Subject, TimeSample[]>(subjects.map((subject) => [subject, []]));
  const { warmupRounds, timedRounds } = workload;
  for (let turn = 0; turn < settings.processCount; turn++) {
    for (let i = 0; i < subjects.length; i++) {
      const subject = subjects[(i + turn) % subjects.length] as Subject;
      if (!keep(subject)) continue;
      settings.onProcess?.(`${workload.name}, ${subject.name}, ${turn + 1} of ${settings.processCount}`);
      const columns = columnsOf(workload, subject, turn);
      try {
        times.get(subject)?.push(await subject.time({ ...run, warmupRounds, timedRounds, columns }));
      } catch (error) {
        drop(subject, error);
      }
    }
  }
  return times;
}

async function runLatencies(
  workload: Workload,
  subject: Subject,
  settings: MeasureSettings,
  run: Run,
  stream: OperationStream,
): Promise<LatencySample[]> {
  if (workload.hasLatency !== true || subject.isSlow === true) return [];
  const samples: LatencySample[] = [];
  for (let turn = 0; turn < latencyProcessCount(settings); turn++) {
    settings.onProcess?.(`${workload.name}, ${subject.name}, single operations`);
    const warmupRounds = Math.ceil(LATENCY_WARMUP_OPERATIONS / stream.roundCount);
    samples.push(await subject.latency(run, warmupRounds, LATENCY_ROUNDS));
  }
  return samples;
}

function columnsOf(workload: Workload, subject: Subject, turn: number): readonly Column[] {
  if ((workload.target !== "heap" && workload.target !== "aligned") || !subject.hasBytes) return ["plain"];
  return turn % 2 === 0 ? ["write", "plain"] : ["plain", "write"];
}

/** @returns how far an allocator's space may grow: a power of two */
function spaceFor(peakPayloadBytes: number): number {
  const wanted = Math.max(MIN_SPACE_BYTES, peakPayloadBytes * SPACE_FACTOR);
  return Math.min(MAX_SPACE_BYTES, 2 ** Math.ceil(Math.log2(wanted)));
}

/** Every process must have seen the generator's operations, each of them, as often as it was told. */
function assertSameWork(
  samples: SubjectSamples,
  workload: Workload,
  stream: OperationStream,
  checksum: number,
): void {
  const { subject, times, memory, latencies } = samples;
  const fail = (what: string, got: number, expected: number): never => {
    throw new Error(`${subject.name} on ${workload.name}: ${what} ${got}, expected ${expected}`);
  };
  const onceCount = stream.setupCount + stream.roundCount;
  if (!memory.isCut && memory.operationCount !== onceCount)
    fail("operations", memory.operationCount, onceCount);
  if (!memory.isCut && memory.peakPayloadBytes !== stream.peakPayloadBytes) {
    fail("peak payload", memory.peakPayloadBytes, stream.peakPayloadBytes);
  }
  for (const sample of [...times, memory, ...latencies]) {
    if (sample.checksum !== checksum) fail("checksum", sample.checksum, checksum);
  }
  for (const sample of times.filter(({ isCut }) => !isCut)) {
    const roundCount = Object.keys(sample.roundsNs).length * (workload.warmupRounds + workload.timedRounds);
    const expected = stream.setupCount + roundCount * (stream.roundCount + stream.teardownCount);
    if (sample.operationCount !== expected) fail("operations", sample.operationCount, expected);
  }
}
