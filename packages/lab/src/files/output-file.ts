/**
 * A file in the making. It has its name only when it is complete: until then its bytes lie beside it, under the name with
 * `.part` behind it, and however the program ends (an error, Ctrl-C, a full disk), that is removed.
 */
import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { atExit } from "./at-exit.ts";
import { reasonOf, UserError } from "./user-error.ts";

const PART_SUFFIX = ".part";

/** A new file: `write` its bytes, then `complete` or `discard`. */
export class OutputFile {
  readonly #path: string;
  readonly #partPath: string;
  readonly #force: boolean;
  readonly #descriptor: number;
  readonly #forget: () => void;
  #isOpen = true;
  #byteLength = 0;

  /**
   * Begins the file at `path`. Throws a UserError if it cannot be made, or exists and `force` is not set.
   */
  constructor(path: string, options: { readonly force: boolean }) {
    this.#path = path;
    this.#partPath = path + PART_SUFFIX;
    this.#force = options.force;
    this.#checkFree();
    try {
      this.#descriptor = openSync(this.#partPath, "w");
    } catch (error) {
      throw new UserError(`cannot write ${path}: ${reasonOf(error)}`, { cause: error });
    }
    this.#forget = atExit(() => this.discard());
  }

  /** Bytes written so far. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Appends bytes. On failure removes what was written and throws a UserError. */
  write(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at);
      this.#byteLength += bytes.length;
    } catch (error) {
      this.discard();
      throw new UserError(`cannot write ${this.#path}: ${reasonOf(error)}; no file was left`, {
        cause: error,
      });
    }
  }

  /** Gives the file its name. Throws a UserError, and leaves no file, if that cannot be done. */
  complete(): void {
    try {
      this.#checkFree();
      closeSync(this.#descriptor);
      this.#isOpen = false;
      renameSync(this.#partPath, this.#path);
      this.#forget();
    } catch (error) {
      this.discard();
      if (error instanceof UserError) throw error;
      throw new UserError(`cannot write ${this.#path}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Removes what was written. Does nothing to a file that is complete. */
  discard(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
    rmSync(this.#partPath, { force: true });
    this.#forget();
  }

  #checkFree(): void {
    if (this.#force || !existsSync(this.#path)) return;
    throw new UserError(`${this.#path} exists: give another name, or --force to replace it`);
  }
}
