/** The command `kmem`. */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { TraceError } from "../trace/trace-error.ts";
import { ReplayError } from "../replay/replay-error.ts";
import { EXIT_CODE_HELP, ExitCode } from "./exit-codes.ts";
import { BUNDLED_TRACE, replayCommand, type ReplayCommandOptions } from "./replay-command.ts";

const DEFAULT_TOP = 20;
const DEFAULT_PAGE_SIZE = 4096;
const MIN_PAGE_SIZE = 1024;
const MAX_PAGE_SIZE = 1 << 20;

/** The options that commander always gives. */
type ReplayDefaults = Pick<ReplayCommandOptions, "progress" | "top" | "pageSize">;

/** Reads a whole number that is at least `minimum`. */
function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`Allowed is a whole number from ${minimum} on.`);
  };
}

function pageSize(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  const isPowerOfTwo = Number.isInteger(Math.log2(value));
  if (isPowerOfTwo && value >= MIN_PAGE_SIZE && value <= MAX_PAGE_SIZE) return value;
  throw new InvalidArgumentError(`Allowed is a power of two from ${MIN_PAGE_SIZE} to ${MAX_PAGE_SIZE}.`);
}

function buildProgram(): Command {
  const program = new Command("kmem")
    .description("Replays what kernels and programs allocate through kmem's allocators.")
    .addHelpText("after", `\n${EXIT_CODE_HELP}`)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "kmem: ")) })
    .exitOverride();
  program
    .command("replay")
    .description(
      "replay a Linux kernel recording: its objects through a Heap, its pages through a BuddyAllocator",
    )
    .argument(
      "[FILE]",
      "ftrace text, plain or gzipped; - for the standard input; the bundled recording if left out",
    )
    .option("--json", "print one JSON document instead of tables")
    .option("--no-progress", "show no progress bars (there are none where stderr is not a terminal)")
    .option("--top <count>", "caches to list; 0 for all", wholeNumber(0), DEFAULT_TOP)
    .option("--page-size <bytes>", "page size of the allocators, a power of two", pageSize, DEFAULT_PAGE_SIZE)
    .option("--limit <events>", "replay only the first events", wholeNumber(1))
    .option("--partial", "take a recording that ends before its end as far as it goes")
    .addHelpText("after", `\n${EXIT_CODE_HELP}`)
    .action(async (file: string | undefined, options: Partial<ReplayCommandOptions> & ReplayDefaults) => {
      await replayCommand(file ?? BUNDLED_TRACE, {
        json: false,
        partial: false,
        limit: Infinity,
        ...options,
      });
    });
  return program;
}

/** Runs the command line. Returns the exit code; every failure has then been told on stderr. */
async function main(): Promise<ExitCode> {
  // A reader that closes early, as `| head` does, has seen enough.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(ExitCode.OK);
    process.stderr.write(`kmem: cannot write the report: ${error.message}\n`);
    process.exit(ExitCode.BAD_DATA);
  });
  try {
    await buildProgram().parseAsync();
    return ExitCode.OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
    if (error instanceof TraceError || error instanceof ReplayError) {
      process.stderr.write(`kmem: ${error.message}\n`);
      return ExitCode.BAD_DATA;
    }
    throw error;
  }
}

process.exitCode = await main();
