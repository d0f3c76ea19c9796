/**
 * What must be undone however the program ends: half-written files, settings of the kernel. Ctrl-C and the signals that
 * ask a program to end become an ordinary exit, so that these run; only SIGKILL cannot be met.
 */

/** A signal ends the program with 128 and its number, as a shell reports it. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const tasks = new Set<() => void>();
let isListening = false;

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

function listen(): void {
  if (isListening) return;
  isListening = true;
  process.on("exit", () => {
    for (const task of [...tasks].toReversed()) task();
  });
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    process.on(signal, () => process.exit(exitCode));
  }
}
