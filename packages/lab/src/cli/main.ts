/** The command `kmem`: its commands, a file each, and what becomes of their errors. */
import { Command, CommanderError } from "commander";
import { reasonOf, UserError } from "../files/user-error.ts";
import { LiveError } from "../live/live-error.ts";
import { RecordError } from "../record/record-error.ts";
import { ReplayError } from "../replay/replay-error.ts";
import { TraceError } from "../trace/trace-error.ts";
import { VerifyError } from "../verify/verify-error.ts";
import { compareCommand } from "./compare-command.ts";
import { EXIT_CODE_HELP, ExitCode } from "./exit-codes.ts";
import { importCommand } from "./import-command.ts";
import { liveCommand } from "./live-command.ts";
import { recordCommand } from "./record-command.ts";
import { replayCommand } from "./replay-command.ts";
import { reportCommand } from "./report-command.ts";
import { verifyCommand } from "./verify-command.ts";
import { viewCommand } from "./view-command.ts";

/** In the order of `kmem --help`. Each takes its arguments, prints on stdout, and throws what goes wrong. */
const COMMANDS: readonly (() => Command)[] = [
  recordCommand,
  liveCommand,
  importCommand,
  replayCommand,
  compareCommand,
  verifyCommand,
  viewCommand,
  reportCommand,
];

/** Errors whose message is the whole story. */
const TOLD_ERRORS = [TraceError, ReplayError, UserError, RecordError, LiveError, VerifyError];

function buildProgram(): Command {
  const program = new Command("kmem")
    .description(
      "Records what kernels and programs allocate, and shows what other allocators would make of it.",
    )
    .addHelpText("after", `\n${EXIT_CODE_HELP}`)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "kmem: ")) })
    .exitOverride();
  for (const makeCommand of COMMANDS) {
    program.addCommand(makeCommand().copyInheritedSettings(program));
  }
  return program;
}

/** Runs the command line. Returns the exit code; every failure has then been told on stderr. */
async function main(): Promise<ExitCode> {
  // A reader that closes early, as `| head` does, has seen enough.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(ExitCode.OK);
    process.stderr.write(`kmem: cannot write the report: ${reasonOf(error)}\n`);
    process.exit(ExitCode.BAD_DATA);
  });
  try {
    await buildProgram().parseAsync();
    return ExitCode.OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
    if (TOLD_ERRORS.some((kind) => error instanceof kind)) {
      process.stderr.write(`kmem: ${(error as Error).message}\n`);
      return ExitCode.BAD_DATA;
    }
    throw error;
  }
}

process.exitCode = await main();
