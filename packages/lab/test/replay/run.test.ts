import { describe, expect, test } from "vitest";
import { runReplay, type Steppable } from "../../src/replay/run.ts";

/** Records where a run stops. */
function runOf(
  length: number,
  peakPosition: number,
  sampleEvery: number,
): { stops: number[]; peaks: number[]; samples: number[] } {
  const stops: number[] = [];
  const peaks: number[] = [];
  const samples: number[] = [];
  let at = 0;
  const replay: Steppable = {
    length,
    get position() {
      return at;
    },
    advanceTo(position) {
      stops.push(position);
      at = position;
    },
  };
  runReplay(replay, {
    peakPosition,
    sampleEvery,
    onPeak: () => peaks.push(replay.position),
    onSample: (position) => samples.push(position),
  });
  return { stops, peaks, samples };
}

describe("a run", () => {
  test("stops every so many operations and once at the peak", () => {
    expect(runOf(100, 33, 25)).toEqual({
      stops: [25, 33, 50, 75, 100],
      peaks: [33],
      samples: [25, 50, 75, 100],
    });
  });

  test("a peak that is also a sample", () => {
    expect(runOf(100, 50, 50)).toEqual({ stops: [50, 50, 100], peaks: [50], samples: [50, 100] });
    expect(runOf(100, 100, 50).peaks).toEqual([100]);
  });

  test("a sample after each operation", () => {
    expect(runOf(3, 1, 1)).toEqual({ stops: [1, 1, 2, 3], peaks: [1], samples: [1, 2, 3] });
  });

  test("nothing to do", () => {
    expect(runOf(0, 0, 500)).toEqual({ stops: [], peaks: [0], samples: [] });
  });
});
