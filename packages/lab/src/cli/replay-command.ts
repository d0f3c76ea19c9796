import { fileURLToPath } from "node:url";
import { replayTrace } from "../replay/replay.ts";
import type { ReplayReport } from "../replay/report.ts";
import { loadTrace } from "../files/load-trace.ts";
import { formatCounted } from "./format.ts";
import { noProgress, terminalProgress, type Progress } from "./progress.ts";
import { renderReplayReport } from "./replay-text.ts";
import { styleFor } from "./style.ts";

/** The recording that is replayed when no file is named. */
export const BUNDLED_TRACE = fileURLToPath(new URL("../../traces/small-project.ftrace.gz", import.meta.url));

/** The options of `kmem replay`. */
export interface ReplayCommandOptions {
  readonly json: boolean;
  readonly progress: boolean;
  /** Rows of the table of caches; 0 for all. */
  readonly top: number;
  /** In bytes. */
  readonly pageSize: number;
  /** Events; Infinity for all. */
  readonly limit: number;
  readonly partial: boolean;
}

/** `kmem replay FILE`: reads, replays, and prints the report on stdout. Throws TraceError and ReplayError. */
export async function replayCommand(file: string, options: ReplayCommandOptions): Promise<void> {
  const progress = options.progress ? terminalProgress(process.stderr) : noProgress;
  const report = await readAndReplay(file, options, progress);
  process.stdout.write(
    options.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : renderReplayReport(report, { style: styleFor(process.stdout), topCaches: options.top }),
  );
}

async function readAndReplay(
  file: string,
  options: ReplayCommandOptions,
  progress: Progress,
): Promise<ReplayReport> {
  try {
    const readStart = performance.now();
    const { trace, origin } = await loadTrace(file, {
      limit: options.limit,
      partial: options.partial,
      onProgress: ({ readBytes, fileBytes, eventCount }) => {
        progress.show("Reading", readBytes, fileBytes ?? readBytes, formatCounted(eventCount, "event"));
      },
    });
    const readSeconds = (performance.now() - readStart) / 1e3;
    return replayTrace(trace, {
      origin,
      pageSize: options.pageSize,
      readSeconds,
      onProgress: (phase, done, total) => {
        progress.show(
          phase === "objects" ? "Objects" : "Pages",
          done,
          total,
          formatCounted(done, "operation"),
        );
      },
    });
  } finally {
    progress.finish();
  }
}
