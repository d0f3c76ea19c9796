/**
 * What must be undone however the program ends: half-written files, settings of the kernel. Ctrl-C and the signals that
 * ask a program to end become an ordinary exit, so that these run; only SIGKILL cannot be met.
 */

/** A signal ends the program with 128 and its number, as a shell reports it. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const tasks = new Set<() => void>();
let isListening = false;
/** Who takes the next Ctrl-C; null when it ends the program. */
let takesInterrupt: (() => void) | null = null;

/**
 * Has `task` run when the program ends, in reverse order of registration. Returns what takes it off the list again. A
 * task must not wait for anything: only what it does before it returns is done.
 */
export function atExit(task: () => void): () => void {
  listen();
  tasks.add(task);
  return () => {
    tasks.delete(task);
  };
}

/**
 * Has `take` called at the next Ctrl-C, in place of ending the program; one after it ends the program again. Returns what
 * takes the offer back.
 */
export function onInterrupt(take: () => void): () => void {
  listen();
  takesInterrupt = take;
  return () => {
    if (takesInterrupt === take) takesInterrupt = null;
  };
}

function listen(): void {
  if (isListening) return;
  isListening = true;
  process.on("exit", () => {
    for (const task of [...tasks].toReversed()) task();
  });
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      const take = signal === "SIGINT" ? takesInterrupt : null;
      takesInterrupt = null;
      if (take === null) {
        // The terminal shows ^C on a line that a progress bar may have begun.
        if (signal === "SIGINT" && process.stderr.isTTY) process.stderr.write("\n");
        process.exit(exitCode);
      }
      take();
    });
  }
}
