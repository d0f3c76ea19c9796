/** Records the running kernel into a trace file. */
import { machine, release } from "node:os";
import { setImmediate, setTimeout } from "node:timers/promises";
import { dirname } from "node:path";
import { atExit, onInterrupt } from "../files/at-exit.ts";
import { OutputFile } from "../files/output-file.ts";
import { sourceFacts, type RecordingFacts } from "../trace/recording.ts";
import { WITHOUT_SELF, type StateMoment, type TraceState } from "../trace/trace.ts";
import { TraceNames } from "../trace/trace-names.ts";
import { TraceWriter } from "../trace/trace-writer.ts";
import { RecordedCommand, type CommandEnd } from "./command.ts";
import { readMachineState } from "./machine-state.ts";
import { Recording } from "./recording.ts";
import { findTracefs } from "./tracefs.ts";
import type { ProcessorStats } from "./trace-instance.ts";

/** How often the kernel's buffers are emptied. They hold seconds of the busiest machine. */
const PUMP_MILLISECONDS = 100;
/** Events written between two looks at signals and the progress shown. */
const EVENTS_PER_STEP = 1 << 15;

/** What to record, and where to. */
export interface RecordOptions {
  readonly file: string;
  /** Replace the file where it is there already. */
  readonly force: boolean;
  /** Infinity to record until the command ends, or Ctrl-C. */
  readonly seconds: number;
  /** Words of the command; none to record whatever happens. */
  readonly command: readonly string[];
  readonly pages: boolean;
  readonly objects: boolean;
  readonly state: boolean;
  readonly withoutSelf: boolean;
  readonly bufferKib: number | null;
  readonly onRecording?: (seconds: number, rawBytes: number) => void;
  readonly onWriting?: (written: number, total: number) => void;
}

/** Why a recording ended. */
export type RecordEnding = "command" | "time" | "interrupt";

/** What was recorded. */
export interface RecordOutcome {
  readonly facts: RecordingFacts;
  readonly fileBytes: number;
  /** From switching tracing on to switching it off. */
  readonly seconds: number;
  readonly ending: RecordEnding;
  readonly command: CommandEnd | null;
  readonly processors: readonly ProcessorStats[];
  /** Raw pages of the kernel's buffers, copied while it recorded. */
  readonly rawBytes: number;
  /** Time that kmem itself had a processor meanwhile. */
  readonly ownProcessorSeconds: number;
  /** Left behind by recordings that were killed, and removed now. */
  readonly staleInstances: number;
}

/**
 * Records and writes the file. Ctrl-C ends the recording, and the file is written; a second one, or another signal that
 * asks the program to end, gives it up. Throws a RecordError or a UserError. Whenever it does not return, there is no
 * file, no tracing is on, and the command has been asked to end.
 */
export async function record(options: RecordOptions): Promise<RecordOutcome> {
  const tracefs = findTracefs();
  const output = new OutputFile(options.file, { force: options.force });
  let recording: Recording | null = null;
  const cleanUp = (): void => {
    recording?.close();
    output.discard();
  };
  const forget = atExit(cleanUp);
  try {
    recording = new Recording({ ...options, tracefs, spoolFolder: dirname(options.file) });
    const run = await observe(recording, options);
    return await write(recording, run, { output, options });
  } finally {
    cleanUp();
    forget();
  }
}

/** What happened from switching tracing on to switching it off. */
interface ObservedRun {
  readonly state: TraceState;
  readonly seconds: number;
  readonly ending: RecordEnding;
  readonly command: CommandEnd | null;
  readonly ownProcessorSeconds: number;
}

async function observe(recording: Recording, options: RecordOptions): Promise<ObservedRun> {
  const usage = process.cpuUsage();
  const stateAt = (end: "start" | "end"): StateMoment | null =>
    options.state ? readMachineState(end, recording.startNanoseconds) : null;
  const start = stateAt("start");
  const command = options.command.length === 0 ? null : new RecordedCommand(options.command);
  const endCommand = (): void => command?.terminate();
  const forget = atExit(endCommand);
  try {
    const ending = await pumpUntilEnd(recording, command, options);
    const end = stateAt("end");
    const seconds = secondsOf(recording);
    recording.end();
    const { user, system } = process.cpuUsage(usage);
    const ownProcessorSeconds = (user + system) / 1e6;
    return { state: { start, end }, seconds, ending, command: command?.end ?? null, ownProcessorSeconds };
  } finally {
    endCommand();
    forget();
  }
}

/** Since tracing was switched on. */
function secondsOf(recording: Recording): number {
  return Number(process.hrtime.bigint() - recording.startNanoseconds) / 1e9;
}

async function pumpUntilEnd(
  recording: Recording,
  command: RecordedCommand | null,
  options: RecordOptions,
): Promise<RecordEnding> {
  let ending: RecordEnding | null = null;
  const { promise: interrupted, resolve } = Promise.withResolvers<void>();
  const forget = onInterrupt(() => {
    ending ??= "interrupt";
    resolve();
  });
  const ended: Promise<unknown>[] = [interrupted];
  if (command !== null) ended.push(command.ended.then(() => (ending ??= "command")));
  // The time begins with what is recorded, not with the reading of the state.
  const beganSeconds = secondsOf(recording);
  try {
    for (;;) {
      recording.pump();
      const seconds = secondsOf(recording) - beganSeconds;
      if (seconds >= options.seconds) ending ??= "time";
      if (ending !== null) return ending;
      options.onRecording?.(seconds, recording.rawBytes);
      const pause = setTimeout(Math.min(PUMP_MILLISECONDS, 1e3 * (options.seconds - seconds)));
      await Promise.race([pause, ...ended]);
    }
  } finally {
    forget();
  }
}

async function write(
  recording: Recording,
  run: ObservedRun,
  { output, options }: { output: OutputFile; options: RecordOptions },
): Promise<RecordOutcome> {
  const { stats: processors, rawBytes, staleInstances } = recording;
  const names = new TraceNames();
  const writer = new TraceWriter(names, (bytes) => output.write(bytes));
  const total = processors.reduce((sum, { readEvents }) => sum + readEvents, 0);
  for (const event of recording.events(names)) {
    writer.add(event);
    if (writer.eventCount % EVENTS_PER_STEP !== 0) continue;
    options.onWriting?.(writer.eventCount, total);
    // Signals are heard between turns of the event loop only.
    await setImmediate();
  }
  const lostByProcessor: number[] = [];
  for (const { processor, lostEvents } of processors) lostByProcessor[processor] = lostEvents;
  const source = sourceFacts("tracefs", {
    command: options.command.length === 0 ? null : options.command.join(" "),
    kernelRelease: release(),
    machine: machine(),
    pageSize: recording.pageSize,
    processorCount: processors.length,
    pointers: options.objects ? "real" : "none",
    lostEvents: lostByProcessor.reduce((sum, lost) => sum + lost, 0),
    lostByProcessor,
  });
  const facts = writer.finish(source, {
    state: run.state,
    attachments: options.withoutSelf ? new Map([[WITHOUT_SELF, "1"]]) : new Map(),
  });
  output.complete();
  const { seconds, ending, command, ownProcessorSeconds } = run;
  return {
    facts,
    fileBytes: output.byteLength,
    seconds,
    ending,
    command,
    processors,
    rawBytes,
    ownProcessorSeconds,
    staleInstances,
  };
}
