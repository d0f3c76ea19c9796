/** Operation streams on disk: the one copy that every process of a workload reads. */

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import {
  HEADER_WORDS,
  OPERATION_WORDS,
  STREAM_MAGIC,
  STREAM_VERSION,
  type OperationStream,
} from "./layout.ts";

/** Writes `stream` to `path`, replacing what is there. O(words). */
export function writeStream(path: string, stream: OperationStream): void {
  const header = new Int32Array(HEADER_WORDS);
  header.set([
    STREAM_MAGIC,
    STREAM_VERSION,
    stream.slotCount,
    stream.setupCount,
    stream.roundCount,
    stream.teardownCount,
    stream.peakIndex,
    stream.peakPayloadBytes % 2 ** 32,
    Math.floor(stream.peakPayloadBytes / 2 ** 32),
  ]);
  const file = openSync(path, "w");
  try {
    for (const words of [header, stream.words]) {
      for (let done = 0; done < words.byteLength;) {
        done += writeSync(file, words, done, words.byteLength - done);
      }
    }
  } finally {
    closeSync(file);
  }
}

/** @returns the stream in `path`, all of it in memory; throws an Error that says what is wrong with the file */
export function readStream(path: string): OperationStream {
  const bytes = readFileSync(path);
  const all = new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / 4));
  const [magic, version, slotCount = 0, setupCount = 0, roundCount = 0, teardownCount = 0] = all;
  const [peakIndex = 0, low = 0, high = 0] = all.subarray(6);
  if (magic !== STREAM_MAGIC || version !== STREAM_VERSION) {
    throw new Error(`${path} is not an operation stream of version ${STREAM_VERSION}`);
  }
  const words = all.subarray(HEADER_WORDS);
  const expectedWords = (setupCount + roundCount + teardownCount) * OPERATION_WORDS;
  if (words.length !== expectedWords) {
    throw new Error(`${path} holds ${words.length} operation words; its header announces ${expectedWords}`);
  }
  const peakPayloadBytes = high * 2 ** 32 + (low >>> 0);
  return { slotCount, setupCount, roundCount, teardownCount, peakIndex, peakPayloadBytes, words };
}
