import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Between two looks at the screen. */
const LOOK_MILLISECONDS = 50;
/** A program that shows nothing for so long hangs. */
const PATIENCE_MILLISECONDS = 60_000;

let count = 0;

/** A program in a real terminal, by a tmux of its own: nobody's sessions and settings are in the way. */
export class Terminal {
  readonly #socket = join(tmpdir(), `kmem-test-${process.pid}-${count++}.tmux`);

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
    this.#tmux("kill-server");
    rmSync(this.#socket, { force: true });
  }

  #tmux(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync("tmux", ["-S", this.#socket, "-f", "/dev/null", ...args], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
    return stdout;
  }
}
