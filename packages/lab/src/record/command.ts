/** The command that is recorded while it runs. */
import { spawn, type ChildProcess } from "node:child_process";
import { RecordError } from "./record-error.ts";

/** How a command ended. */
export interface CommandEnd {
  /** null where a signal ended it. */
  readonly exitCode: number | null;
  /** null where it ended by itself. */
  readonly signal: NodeJS.Signals | null;
}

const START_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: "no such command",
  EACCES: "permission denied",
};

/** A running command; it has the terminal of kmem. */
export class RecordedCommand {
  /** Resolves when it has ended; rejects with a RecordError when it cannot be started. */
  readonly ended: Promise<CommandEnd>;
  readonly #child: ChildProcess;
  #end: CommandEnd | null = null;

  constructor(words: readonly string[]) {
    const child = spawn(words[0]!, words.slice(1), { stdio: "inherit" });
    this.#child = child;
    this.ended = new Promise((resolve, reject) => {
      child.once("error", (error: NodeJS.ErrnoException) => {
        const why = START_FAILURES[error.code ?? ""] ?? error.message;
        reject(new RecordError("CANNOT_START", `cannot start ${words[0]}: ${why}`, { cause: error }));
      });
      child.once("exit", (exitCode, signal) => {
        this.#end = { exitCode, signal };
        resolve(this.#end);
      });
    });
    // A failure that nobody waits for any more is no crash.
    this.ended.catch(() => {});
  }

  /** How it ended; null while it runs. */
  get end(): CommandEnd | null {
    return this.#end;
  }

  /** Asks it to end, if it still runs. */
  terminate(): void {
    if (this.#end === null) this.#child.kill("SIGTERM");
  }
}
