/**
 * Names of tasks by their number. Events carry the number only; most tasks of a build are gone when its recording ends.
 * The kernel notes the names of tasks that it saw while it recorded, but of the last few only: so they are collected
 * while the recording runs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const LINE = /^(\d+) (.+)$/gm;
/** The kernel's idle tasks share one number. */
const IDLE = "<idle>";

/** The names that one recording came upon. */
export class TaskNames {
  readonly #file: string;
  readonly #names = new Map<number, string>([[0, IDLE]]);

  constructor(tracefs: string) {
    this.#file = join(tracefs, "saved_cmdlines");
  }

  /** Takes the names that the kernel holds now. */
  collect(): void {
    for (const [, pid, name] of readFileSync(this.#file, "utf8").matchAll(LINE)) {
      if (name !== "<...>") this.#names.set(Number(pid), name!);
    }
  }

  /** The name of the task with this number, the last one where it changed; null where it was never seen. */
  nameOf(pid: number): string | null {
    return this.#names.get(pid) ?? this.#nameOfRunning(pid);
  }

  #nameOfRunning(pid: number): string | null {
    try {
      return readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
    } catch {
      return null;
    }
  }
}
