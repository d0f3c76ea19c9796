/** How far the run is, on standard error. */

import { Presets, SingleBar } from "cli-progress";
import type { Progress } from "../harness/run.ts";

/** @returns a progress bar on a terminal, and silence elsewhere */
export function createProgress(): Progress {
  if (!process.stderr.isTTY) return { start: () => {}, step: () => {}, stop: () => {} };
  const bar = new SingleBar(
    {
      format: "{bar} {value}/{total} {duration_formatted}  {label}",
      stream: process.stderr,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  return {
    start: (stepCount) => bar.start(stepCount, 0, { label: "" }),
    step: (label) => bar.increment({ label }),
    stop: () => bar.stop(),
  };
}
