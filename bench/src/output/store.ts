/** Stored documents: `bench/results/DATE.json`. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DOCUMENT_VERSION, meansOf, ratiosOf, type BenchmarkDocument } from "../harness/document.ts";

const RESULTS_PATH = fileURLToPath(new URL("../../results", import.meta.url));

/**
 * Writes the document under its date and returns the path. A run of the same day, machine and settings may have measured
 * other workloads: they stay, each with its commit, and what was measured again is replaced. Any other run of that day is lost.
 */
export function storeDocument(document: BenchmarkDocument): string {
  mkdirSync(RESULTS_PATH, { recursive: true });
  const path = join(RESULTS_PATH, `${document.date.slice(0, 10)}.json`);
  const earlier = tryRead(path);
  const stored = earlier !== undefined && fits(earlier, document) ? merged(earlier, document) : document;
  writeFileSync(path, `${JSON.stringify(stored, undefined, 1)}\n`);
  return path;
}

function tryRead(path: string): BenchmarkDocument | undefined {
  try {
    return readDocument(path);
  } catch {
    return undefined;
  }
}

/** Figures of two machines tell nothing beside each other. */
export function fits(a: BenchmarkDocument, b: BenchmarkDocument): boolean {
  return conditionsOf(a) === conditionsOf(b);
}

function conditionsOf({ machine, settings }: BenchmarkDocument): string {
  return JSON.stringify([machine.processor, machine.processorCount, machine.caches, settings]);
}

/** @returns `earlier` with the workloads of `later` in place of its own, or behind them; `later` where nothing is left of it */
export function merged(earlier: BenchmarkDocument, later: BenchmarkDocument): BenchmarkDocument {
  const isNew = (workload: string | null): boolean => later.workloads.some(({ name }) => name === workload);
  if (earlier.workloads.every(({ name }) => isNew(name))) return later;
  const workloads = earlier.workloads.map(
    (old) => later.workloads.find(({ name }) => name === old.name) ?? old,
  );
  workloads.push(...later.workloads.filter((entry) => !workloads.includes(entry)));
  const oldRows = earlier.rows.filter(({ workload }) => !isNew(workload));
  const rows = workloads.flatMap(({ name }) =>
    [...oldRows, ...later.rows].filter(({ workload }) => workload === name),
  );
  const oldMissing = earlier.missing.filter(({ subject, workload }) =>
    workload === null ? later.versions[subject] === undefined : !isNew(workload),
  );
  const isKnown = (reason: string): boolean =>
    oldMissing.some((each) => each.workload === null && each.reason === reason);
  return {
    ...later,
    date: earlier.date,
    machine: {
      ...later.machine,
      loadAverage: Math.max(earlier.machine.loadAverage, later.machine.loadAverage),
    },
    versions: { ...earlier.versions, ...later.versions },
    missing: [
      ...oldMissing,
      ...later.missing.filter(({ reason, workload }) => workload !== null || !isKnown(reason)),
    ],
    workloads,
    rows,
    ratios: ratiosOf(rows),
    means: meansOf(rows),
  };
}

/** @returns the path of the newest stored document, or undefined when there is none */
export function newestStoredPath(): string | undefined {
  mkdirSync(RESULTS_PATH, { recursive: true });
  const name = readdirSync(RESULTS_PATH)
    .filter((file) => /^\d{4}-\d\d-\d\d\.json$/.test(file))
    .toSorted()
    .at(-1);
  return name === undefined ? undefined : join(RESULTS_PATH, name);
}

/** @returns a stored document; throws an Error when the file is of another version */
export function readDocument(path: string): BenchmarkDocument {
  const document = JSON.parse(readFileSync(path, "utf8")) as BenchmarkDocument;
  if (document.documentVersion !== DOCUMENT_VERSION) {
    throw new Error(
      `${path} has documentVersion ${document.documentVersion}; this program reads ${DOCUMENT_VERSION}`,
    );
  }
  return document;
}
