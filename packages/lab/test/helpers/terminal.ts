import { spawnSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";

/** Between two looks at the screen. */
const LOOK_MILLISECONDS = 50;
/** A program that shows nothing for so long hangs. */
const PATIENCE_MILLISECONDS = 60_000;

/** A server of our own, so that nobody's sessions and settings are in the way. */
const SERVER = ["-L", "kmem-test", "-f", "/dev/null"];

let count = 0;

/** A program in a real terminal, by tmux. */
export class Terminal {
  readonly #session = `kmem-test-${process.pid}-${count++}`;

  /** Runs a shell command line in a terminal of this size; `$KMEM` in it is the command. */
  constructor(line: string, options: { columns?: number; rows?: number; env?: Record<string, string> } = {}) {
    const { columns = 80, rows = 24, env = {} } = options;
    const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    this.#tmux("new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, ...variables, `${line}; exec cat`);
  }

  /** What the screen shows. With `escapes`, colours too. */
  screen(options: { escapes?: boolean } = {}): string {
    return this.#tmux("capture-pane", "-p", ...(options.escapes === true ? ["-e"] : []));
  }

  /** Presses keys, by tmux's names. */
  press(...keys: string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  resize(columns: number, rows: number): void {
    this.#tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** Waits until the screen shows it. Throws, with the screen, when it does not. */
  async until(pattern: RegExp): Promise<string> {
    for (let waited = 0; waited < PATIENCE_MILLISECONDS; waited += LOOK_MILLISECONDS) {
      const screen = this.screen();
      if (pattern.test(screen)) return screen;
      await setTimeout(LOOK_MILLISECONDS);
    }
    throw new Error(`the terminal never showed ${pattern}:\n${this.screen()}`);
  }

  close(): void {
    this.#tmux("kill-session");
  }

  #tmux(command: string, ...args: string[]): string {
    const target = command === "new-session" ? "-s" : "-t";
    const { status, stdout, stderr } = spawnSync(
      "tmux",
      [...SERVER, command, target, this.#session, ...args],
      {
        encoding: "utf8",
      },
    );
    if (status !== 0) throw new Error(`tmux ${command}: ${stderr}`);
    return stdout;
  }
}
