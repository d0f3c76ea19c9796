/** `kmem live`: this machine's allocators, now and again and again. */
import { hostname, release } from "node:os";
import { setTimeout } from "node:timers/promises";
import { Command, Option } from "commander";
import { onInterrupt } from "../files/at-exit.ts";
import { UserError } from "../files/user-error.ts";
import { lookAt, type Look } from "../live/look.ts";
import { takeSample, type Sample } from "../live/sample.ts";
import { EXIT_CODE_HELP } from "./exit-codes.ts";
import { LiveStream } from "../view/live-stream.ts";
import { renderLook, type CacheOrder, type PictureOptions } from "./live-text.ts";
import { wholeNumber } from "./options.ts";
import { duration } from "./record-command.ts";
import { Screen } from "./screen.ts";
import { serveUntilInterrupted } from "./serving.ts";
import { styleFor } from "./style.ts";

const DEFAULT_INTERVAL_SECONDS = 1;
/** The width of a look that is printed instead of drawn. */
const PRINTED_COLUMNS = 100;

const ROW_HELP = `The rows of a zone, by order:
  free      free blocks
  change    free blocks now minus at the last look
  unusable  the share of free memory that a request of this order cannot use
  extfrag   a dot where a request would succeed; else 0 for lack of memory to 1
            for memory in pieces`;

interface LiveCommandOptions {
  /** In seconds. */
  readonly interval: number;
  readonly once?: true;
  readonly json?: true;
  readonly web?: true;
  readonly port: number;
  readonly open: boolean;
}

/** The command. */
export function liveCommand(): Command {
  return new Command("live")
    .description("show this machine's page and slab allocators in the terminal, as they change (q quits)")
    .addOption(
      new Option("--interval <time>", "between two looks (1s, 500ms)")
        .argParser(duration)
        .default(DEFAULT_INTERVAL_SECONDS, `${DEFAULT_INTERVAL_SECONDS}s`),
    )
    .option("--once", "print one look and end")
    .option("--json", "print each look as a JSON document; on one line, but for --once")
    .option("--web", "show it in a browser instead")
    .option("--port <number>", "with --web: the port on loopback; 0 for any that is free", wholeNumber(0), 0)
    .option("--no-open", "with --web: only print the address, open no browser")
    .addHelpText("after", `\n${ROW_HELP}\n\n${EXIT_CODE_HELP}`)
    .action(runLive);
}

async function runLive({ interval, once, json, web, port, open }: LiveCommandOptions): Promise<void> {
  if (web === true) {
    // Before anything is served, so that an error is told here.
    takeSample();
    const stream = new LiveStream(interval);
    const handle = stream.handle.bind(stream);
    await serveUntilInterrupted({ port, open, hash: "#view=live&stream", handle });
    stream.stop();
  } else if (once === true) {
    const look = lookAt(takeSample(), null);
    process.stdout.write(json === true ? `${JSON.stringify(look, null, 2)}\n` : printed(look));
  } else if (json === true) {
    await printLooks(interval);
  } else if (process.stdout.isTTY) {
    await drawLooks(interval);
  } else {
    throw new UserError("a live view needs a terminal; --once prints one look, --json one a line");
  }
}

function title(): string {
  return `kmem live  ${hostname()}, Linux ${release()}`;
}

function printed(look: Look): string {
  const lines = renderLook(look, {
    style: styleFor(process.stdout),
    columns: PRINTED_COLUMNS,
    rows: Infinity,
    title: title(),
    hint: "",
    cacheOrder: "size",
  });
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** One JSON document a line, until Ctrl-C or until nobody reads any more. */
async function printLooks(intervalSeconds: number): Promise<void> {
  const quit = new AbortController();
  const forget = onInterrupt(() => quit.abort());
  let before: Sample | null = null;
  while (!quit.signal.aborted) {
    const sample = takeSample();
    process.stdout.write(`${JSON.stringify(lookAt(sample, before))}\n`);
    before = sample;
    await pause(intervalSeconds, quit.signal);
  }
  forget();
}

/** Waits for so long, or until `signal`. */
async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await setTimeout(1e3 * seconds, undefined, { signal }).catch(() => {});
}

/** Draws until q or Ctrl-C. */
async function drawLooks(intervalSeconds: number): Promise<void> {
  // Before the terminal is taken over, so that an error is seen.
  let sample = takeSample();
  let look = lookAt(sample, null);
  let cacheOrder: CacheOrder = "size";
  const quit = new AbortController();
  const style = styleFor(process.stdout);

  const draw = (): void => {
    const picture: PictureOptions = {
      style,
      columns: screen.columns,
      rows: screen.rows,
      title: title(),
      hint: `every ${intervalSeconds} s   s: by ${cacheOrder === "size" ? "change" : "size"}   q: quit`,
      cacheOrder,
    };
    screen.draw(renderLook(look, picture));
  };
  const onKey = (key: string): void => {
    if (key === "q" || key === "Q" || key === "ctrl-c") quit.abort();
    if (key !== "s") return;
    cacheOrder = cacheOrder === "size" ? "change" : "size";
    draw();
  };
  const forget = onInterrupt(() => quit.abort());
  const screen = new Screen({ input: process.stdin, output: process.stdout }, { onKey, onResize: draw });
  try {
    while (!quit.signal.aborted) {
      draw();
      await pause(intervalSeconds, quit.signal);
      const next = takeSample();
      look = lookAt(next, sample);
      sample = next;
    }
  } finally {
    screen.close();
    forget();
  }
}
