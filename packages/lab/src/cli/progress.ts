import { SingleBar } from "cli-progress";

const LABEL_COLUMNS = 8;
const BAR_COLUMNS = 32;

/** Shows how far a command is: one bar a part, each left standing when the next begins. */
export interface Progress {
  /** Shows `label` at `done` of `total`; a new label begins a new bar. `count` says it in words. */
  show(label: string, done: number, total: number, count: string): void;
  /** Completes the bar at hand. */
  finish(): void;
}

/** Progress as the options of a command ask for it: on stderr, unless that is no terminal. */
export function progressFor(options: { readonly progress: boolean }): Progress {
  return options.progress ? terminalProgress(process.stderr) : noProgress;
}

/** No progress shown. */
export const noProgress: Progress = { show: () => {}, finish: () => {} };

/**
 * Bars on `stream`, or none where it is not a terminal. They hide no cursor and change no terminal setting, so an
 * interrupt at any moment leaves nothing to restore.
 */
export function terminalProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return noProgress;
  let bar: SingleBar | null = null;
  let label = "";
  let total = 0;
  let count = "";

  const finish = (): void => {
    bar?.update(total, { count });
    bar?.stop();
    bar = null;
    label = "";
  };
  return {
    finish,
    show(newLabel, done, newTotal, newCount) {
      if (newLabel !== label) {
        finish();
        label = newLabel;
        bar = new SingleBar({
          stream,
          format: `${newLabel.padEnd(LABEL_COLUMNS)} {bar} {percentage} %  {count}`,
          barsize: BAR_COLUMNS,
          barCompleteChar: "█",
          barIncompleteChar: "░",
          linewrap: true,
          autopadding: true,
        });
        bar.start(newTotal, done, { count: newCount });
      }
      total = newTotal;
      count = newCount;
      bar?.update(done, { count });
    },
  };
}
