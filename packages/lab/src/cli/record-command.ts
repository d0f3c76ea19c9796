/** `kmem record`: records this machine's kernel into a trace file. */
import { Command, InvalidArgumentError } from "commander";
import { record, type RecordOutcome } from "../record/record.ts";
import { EVENT_NAMES } from "../trace/event.ts";
import { formatCounted } from "./format.ts";
import { addCommonOptions, wholeNumber, type CommonOptions } from "./options.ts";
import { progressFor } from "./progress.ts";
import { renderRecordOutcome } from "./record-text.ts";
import { noStatusLine, terminalStatusLine } from "./status-line.ts";
import { styleFor } from "./style.ts";

const DEFAULT_FILE = "kmem.parquet";
const KIB_PER_MIB = 1024;

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1e-3, s: 1, m: 60, h: 3600 };

/** What commander makes of the command line. */
interface RecordCommandOptions extends CommonOptions {
  readonly output: string;
  readonly for?: number;
  readonly pages?: true;
  readonly objects?: true;
  readonly state?: true;
  readonly withoutSelf?: true;
  readonly buffer?: number;
  readonly force?: true;
}

/** Reads a length of time: `10s`, `500ms`, `2m`, `1h`; a plain number is seconds. */
export function duration(text: string): number {
  const [, digits, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const seconds = Number(digits) * SECONDS_PER_UNIT[unit]!;
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError("Allowed is a time above nothing, such as 10s, 500ms or 2m.");
}

/** The command. */
export function recordCommand(): Command {
  const command = new Command("record")
    .description(
      "record what this machine's kernel allocates, while COMMAND runs or until Ctrl-C (needs root)",
    )
    .argument("[COMMAND...]", "what to run meanwhile, behind --")
    .option("-o, --output <file>", "the trace file to write", DEFAULT_FILE)
    .option("--for <time>", "record for so long (10s, 500ms, 2m); then COMMAND is asked to end", duration)
    .option("--pages", "only events of the page allocator (both, if neither is named)")
    .option("--objects", "only events of the slab allocator")
    .option("--state", "store the state of the allocators at both ends, for kmem verify")
    .option("--without-self", "leave out what kmem itself allocates")
    .option("--buffer <MiB>", "size of the kernel's buffer for each processor", wholeNumber(1))
    .option("--force", "replace the file if it is there");
  return addCommonOptions(command).action(runRecord);
}

async function runRecord(words: string[], options: RecordCommandOptions): Promise<void> {
  const progress = progressFor(options);
  // A command has the terminal to itself.
  const status = options.progress && words.length === 0 ? terminalStatusLine(process.stderr) : noStatusLine;
  const bothKinds = options.pages === options.objects;
  try {
    const outcome = await record({
      file: options.output,
      force: options.force ?? false,
      seconds: options.for ?? Infinity,
      command: words,
      pages: bothKinds || options.pages === true,
      objects: bothKinds || options.objects === true,
      state: options.state ?? false,
      withoutSelf: options.withoutSelf ?? false,
      bufferKib: options.buffer === undefined ? null : options.buffer * KIB_PER_MIB,
      onRecording: (seconds, rawBytes) => status.show(statusText(seconds, rawBytes, options.for)),
      onWriting: (written, total) => {
        status.clear();
        progress.show("Writing", written, total, formatCounted(written, "event"));
      },
    });
    status.clear();
    progress.finish();
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify(recordReport(options.output, outcome), null, 2)}\n`
        : renderRecordOutcome(options.output, outcome, styleFor(process.stdout)),
    );
  } finally {
    status.clear();
    progress.finish();
  }
}

function statusText(seconds: number, rawBytes: number, limit: number | undefined): string {
  const time = limit === undefined ? `${seconds.toFixed(1)} s` : `${seconds.toFixed(1)} of ${limit} s`;
  const hint = limit === undefined ? "Ctrl-C ends the recording" : "Ctrl-C ends it sooner";
  return `Recording  ${time}, ${(rawBytes / 2 ** 20).toFixed(1)} MiB of events; ${hint}`;
}

/** What `--json` prints. */
function recordReport(file: string, outcome: RecordOutcome): object {
  const { facts, processors, command, ...rest } = outcome;
  const events = EVENT_NAMES.map((name, kind) => [name, facts.countByKind[kind] ?? 0] as const);
  return {
    schema: "kmem-record/1",
    file,
    ...rest,
    eventCount: facts.eventCount,
    events: Object.fromEntries(events.filter(([, count]) => count > 0)),
    lostEvents: facts.lostEvents,
    kernelRelease: facts.kernelRelease,
    command: command === null ? null : { line: facts.command, ...command },
    processors,
  };
}
