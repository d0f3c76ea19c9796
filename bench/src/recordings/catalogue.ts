/** The recordings in `bench/recordings/`: what was recorded, and how to make each anew. */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OperationStream } from "../stream/layout.ts";
import type { Target } from "../workloads/workload.ts";
import { decodeRecording, encodeRecording } from "./codec.ts";

const FOLDER = new URL("../../recordings/", import.meta.url);
const INDEX = new URL("index.json", FOLDER);

/** What `recordings/index.json` says of a recording. */
export interface RecordingEntry {
  readonly name: string;
  readonly target: Target;
  /** What was going on, in a few words. */
  readonly description: string;
  /** Program and version that ran. */
  readonly program: string;
  /** The command that was recorded. */
  readonly command: string;
  /** Day on which it was. */
  readonly date: string;
  /** Operations of each kind. */
  readonly operations: Readonly<Record<string, number>>;
  readonly peakPayloadBytes: number;
}

/** @returns the path of a file in `bench/recordings/` */
export function recordingPath(fileName: string): string {
  return fileURLToPath(new URL(fileName, FOLDER));
}

/** @returns all recordings, in the order in which they are shown */
export function readIndex(): RecordingEntry[] {
  return JSON.parse(readFileSync(INDEX, "utf8")) as RecordingEntry[];
}

/** @returns the stream of the named recording */
export function readRecording(name: string): OperationStream {
  return decodeRecording(readFileSync(recordingPath(`${name}.rec`)));
}

/** Writes a recording and its entry of the index, in the place of one of the same name or at the end. */
export function storeRecording(entry: RecordingEntry, stream: OperationStream): void {
  writeFileSync(recordingPath(`${entry.name}.rec`), encodeRecording(stream, entry.target));
  const index = readIndex();
  const at = index.findIndex(({ name }) => name === entry.name);
  if (at < 0) index.push(entry);
  else index[at] = entry;
  writeFileSync(INDEX, `${JSON.stringify(index, undefined, 2)}\n`);
}
