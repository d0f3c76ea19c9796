/** Scripts that no recording stands behind: for a first look, and for tests at full size. */
import { FROM_MALLOC, type HeapScript } from "./script.ts";

/** What an invented script is made by. */
export interface SyntheticOptions {
  readonly title: string;
  readonly seed: number;
  readonly operationCount: number;
  /** Objects that live at once, once the script has filled up. */
  readonly liveCount: number;
  /** Sizes are spread evenly over the logarithms from the smallest to the largest, in bytes. */
  readonly smallestBytes: number;
  readonly largestBytes: number;
  readonly size: number;
  readonly maxSize: number;
  readonly pageSize: number;
}

/** A sequence of numbers from 0 to 1 (exclusive), the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Objects that come until there are `liveCount`, and then take the places of others at random. */
export function syntheticScript(options: SyntheticOptions): HeapScript {
  const { operationCount, liveCount, smallestBytes, largestBytes } = options;
  const random = randomNumbers(options.seed);
  const operations = new Int32Array(operationCount);
  const bytesRequested = new Float64Array(operationCount);
  const live = new Int32Array(liveCount);
  const ratio = largestBytes / smallestBytes;
  let count = 0;
  let pieceCount = 0;
  for (let at = 0; at < operationCount; at++) {
    if (count === liveCount) {
      const victim = Math.floor(random() * count);
      operations[at] = ~live[victim]!;
      live[victim] = live[--count]!;
    } else {
      bytesRequested[pieceCount] = Math.round(smallestBytes * ratio ** random());
      operations[at] = pieceCount;
      live[count++] = pieceCount++;
    }
  }
  const { title, size, maxSize, pageSize } = options;
  return {
    kind: "heap",
    title,
    size,
    maxSize,
    pageSize,
    operations,
    pieceCount,
    clock: null,
    caches: [],
    cacheOf: new Int32Array(pieceCount).fill(FROM_MALLOC),
    bytesRequested: bytesRequested.subarray(0, pieceCount),
  };
}
