/** Readers of option values, and the options that every command has. */
import { InvalidArgumentError, type Command } from "commander";
import { EXIT_CODE_HELP } from "./exit-codes.ts";

const MIN_PAGE_SIZE = 1024;
const MAX_PAGE_SIZE = 1 << 20;
const MAX_CLASS_BYTES = 1 << 20;

/** What `addCommonOptions` adds. */
export interface CommonOptions {
  readonly json?: true;
  readonly progress: boolean;
}

/** Adds `--json`, `--no-progress`, and the exit codes to the help of a command. */
export function addCommonOptions(command: Command, what = "tables"): Command {
  return command
    .option("--json", `print one JSON document instead of ${what}`)
    .option("--no-progress", "show no progress bars (there are none where stderr is not a terminal)")
    .addHelpText("after", `\n${EXIT_CODE_HELP}`);
}

/** Reads a whole number that is at least `minimum`. */
export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`Allowed is a whole number from ${minimum} on.`);
  };
}

/** Reads a whole number from `minimum` to `maximum`, both inclusive. */
export function wholeNumberWithin(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`Allowed is a whole number from ${minimum} to ${maximum}.`);
  };
}

/** Reads sizes in bytes, with commas between them; returns them rising. */
export function sizeList(text: string): number[] {
  const sizes = text.split(",").map((part) => (/^\d+$/.test(part) ? Number(part) : NaN));
  if (!sizes.every((size) => size >= 1 && size <= MAX_CLASS_BYTES)) {
    throw new InvalidArgumentError(`Allowed are sizes from 1 to ${MAX_CLASS_BYTES} bytes, such as 16,32,64.`);
  }
  return [...new Set(sizes)].toSorted((a, b) => a - b);
}

/** Reads a page size in bytes. */
export function pageSize(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  const isPowerOfTwo = Number.isInteger(Math.log2(value));
  if (isPowerOfTwo && value >= MIN_PAGE_SIZE && value <= MAX_PAGE_SIZE) return value;
  throw new InvalidArgumentError(`Allowed is a power of two from ${MIN_PAGE_SIZE} to ${MAX_PAGE_SIZE}.`);
}
