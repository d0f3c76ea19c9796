/** A replay that can be advanced in steps. */
export interface Steppable {
  /** Operations applied so far. */
  readonly position: number;
  /** Operations of the whole stream. */
  readonly length: number;
  advanceTo(position: number): void;
}

/** What `runReplay` is told besides the replay. */
export interface RunOptions {
  /** Stop here and call `onPeak`. */
  readonly peakPosition: number;
  /** Operations between two samples; the last sample is taken at the end of the stream. */
  readonly sampleEvery: number;
  readonly onPeak: () => void;
  /** Called at each sample; its time does not count. */
  readonly onSample: (position: number) => void;
}

/**
 * Runs a replay to its end in steps. Returns the time spent applying operations, in milliseconds: taking samples
 * and reporting progress are left out.
 */
export function runReplay(replay: Steppable, options: RunOptions): number {
  const { length } = replay;
  const step = options.sampleEvery;
  let milliseconds = 0;
  const advanceTo = (position: number): void => {
    const start = performance.now();
    replay.advanceTo(position);
    milliseconds += performance.now() - start;
  };
  for (let next = Math.min(step, length); replay.position < length; next = Math.min(next + step, length)) {
    if (replay.position < options.peakPosition && options.peakPosition <= next) {
      advanceTo(options.peakPosition);
      options.onPeak();
    }
    advanceTo(next);
    options.onSample(next);
  }
  // A stream without any allocation has its peak before the first operation.
  if (options.peakPosition === 0) options.onPeak();
  return milliseconds;
}
