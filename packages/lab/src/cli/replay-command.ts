/** `kmem replay`: a recording through kmem's allocators. */
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { loadTrace } from "../files/load-trace.ts";
import type { Arrangement } from "../replay/arrangement.ts";
import { replayTrace } from "../replay/replay.ts";
import type { ReplayReport } from "../replay/report.ts";
import { formatCounted } from "./format.ts";
import {
  addCommonOptions,
  pageSize,
  sizeList,
  wholeNumber,
  wholeNumberWithin,
  type CommonOptions,
} from "./options.ts";
import { progressFor, type Progress } from "./progress.ts";
import { renderReplayReport } from "./replay-text.ts";
import { styleFor } from "./style.ts";

/** The recording that is replayed when no file is named. */
const BUNDLED_TRACE = fileURLToPath(new URL("../../traces/small-project.parquet", import.meta.url));

const DEFAULT_TOP = 20;
const DEFAULT_PAGE_SIZE = 4096;
/** What a magazine and a page allocator allow. */
const MAX_MAGAZINE = 127;
const MAX_ORDER = 26;

/** The options of `kmem replay`. */
interface ReplayCommandOptions extends CommonOptions {
  /** Rows of the table of caches; 0 for all. */
  readonly top: number;
  /** In bytes. */
  readonly pageSize: number;
  readonly objects: Arrangement;
  /** In bytes, rising. */
  readonly classes?: readonly number[];
  /** Slots. */
  readonly magazine?: number;
  readonly orders?: number;
  /** Operations. */
  readonly step?: number;
  /** Events. */
  readonly limit?: number;
  readonly partial?: true;
}

/** The command, for the command line's parser. */
export function replayCommand(): Command {
  const command = new Command("replay")
    .description("replay a recording: its objects through a Heap, its pages through a BuddyAllocator")
    .argument(
      "[FILE]",
      "a trace file, or a recording that kmem import reads; - for the standard input; the bundled one if left out",
    )
    .option("--top <count>", "caches to list; 0 for all", wholeNumber(0), DEFAULT_TOP)
    .option("--page-size <bytes>", "page size of the allocators, a power of two", pageSize, DEFAULT_PAGE_SIZE)
    .addOption(
      new Option(
        "--objects <arrangement>",
        "heap: the recorded caches, the rest by malloc; malloc: all by malloc; slabs: caches only",
      )
        .choices(["heap", "malloc", "slabs"])
        .default("heap"),
    )
    .option(
      "--classes <sizes>",
      "size classes of --objects slabs, in bytes (default: the kernel's)",
      sizeList,
    )
    .option(
      "--magazine <slots>",
      "free slots in front of each cache, at most (default: by object size)",
      wholeNumberWithin(1, MAX_MAGAZINE),
    )
    .option(
      "--orders <order>",
      "largest order of the page allocator (default: 10)",
      wholeNumberWithin(0, MAX_ORDER),
    )
    .option("--step <operations>", "show the state after every so many operations", wholeNumber(1))
    .option("--limit <events>", "replay only the first events", wholeNumber(1))
    .option("--partial", "take a recording that ends before its end as far as it goes");
  return addCommonOptions(command).action(async (file: string | undefined, options: ReplayCommandOptions) => {
    const report = await readAndReplay(file ?? BUNDLED_TRACE, options, progressFor(options));
    process.stdout.write(
      options.json
        ? `${JSON.stringify(report, null, 2)}\n`
        : renderReplayReport(report, { style: styleFor(process.stdout), topCaches: options.top }),
    );
  });
}

async function readAndReplay(
  file: string,
  options: ReplayCommandOptions,
  progress: Progress,
): Promise<ReplayReport> {
  try {
    const readStart = performance.now();
    const { trace, origin } = await loadTrace(file, {
      limit: options.limit ?? Infinity,
      partial: options.partial ?? false,
      onProgress: ({ readBytes, fileBytes, eventCount }) => {
        progress.show("Reading", readBytes, fileBytes ?? readBytes, formatCounted(eventCount, "event"));
      },
    });
    const readSeconds = (performance.now() - readStart) / 1e3;
    return replayTrace(trace, {
      origin,
      pageSize: options.pageSize,
      readSeconds,
      arrangement: options.objects,
      ...(options.classes === undefined ? {} : { classes: options.classes }),
      magazineSize: options.magazine,
      maxOrder: options.orders,
      step: options.step,
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
