/** How far the run is, on standard error. */

import { Presets, SingleBar } from "cli-progress";
import type { Progress } from "../harness/run.ts";

/** Milliseconds from one line to the next where there is no terminal. */
const LINE_INTERVAL = 60_000;

/** @returns a progress bar on a terminal, and a line a minute elsewhere */
export function createProgress(): Progress {
  const bar = new SingleBar(
    {
      format: "{bar} {value}/{total} {duration_formatted}  {label}",
      stream: process.stderr,
      clearOnComplete: true,
      noTTYOutput: true,
      notTTYSchedule: LINE_INTERVAL,
    },
    Presets.shades_classic,
  );
  return {
    start: (stepCount) => bar.start(stepCount, 0, { label: "" }),
    step: (label) => bar.increment({ label }),
    stop: () => bar.stop(),
  };
}
