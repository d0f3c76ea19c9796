/**
 * What every random-operation driver has in common: the face that runs it, and the ways it fails.
 *
 * A driver owns one allocator and a plain model of it. Nothing but the seed decides what it does, so a run with
 * fewer operations is a prefix of a longer one.
 */
import { AllocError, type AllocErrorCode } from "../../src/index.ts";

/** One allocator beside its model. */
export interface Driver {
  /** What was made, in a few words, for the message of a failure. */
  readonly description: string;
  /** The statements of a program that make the same. */
  readonly code: readonly string[];
  /** What these statements call the objects that they make. */
  readonly names: Readonly<Record<string, object>>;
  /** Does one random operation on both and compares what it gave. */
  step(): void;
  /** Frees everything and compares with a fresh allocator. */
  finish(): void;
}

/** Has `check` do a step of a few pages after the operation numbered `operation`, where one is due. */
export function checkSome(operation: number, check: (step: { pages: number }) => void): void {
  if (operation % 8 === 3) check({ pages: 1 + (operation % 23) });
}

/** Ends the run: allocator and model differ. */
export function fail(message: string): never {
  throw new Error(message);
}

/** Fails unless both are the same value. */
export function same(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) fail(`${what} is ${String(actual)}, the model says ${String(expected)}`);
}

/** Runs `misuse`, which must throw an `AllocError` with one of `codes` and leave `state()` as it was. */
export function expectRefusal(
  what: string,
  codes: readonly AllocErrorCode[],
  misuse: () => unknown,
  state: () => string,
): void {
  expectThrow(what, misuse, state, (error) => error instanceof AllocError && codes.includes(error.code));
}

/** Runs `misuse`, which must throw a `RangeError` or `TypeError` that names `argument`, and change nothing. */
export function expectArgumentError(argument: string, misuse: () => unknown, state: () => string): void {
  expectThrow(`wrong ${argument}`, misuse, state, (error) => {
    const isTyped = error instanceof RangeError || error instanceof TypeError;
    return isTyped && error.message.includes(argument);
  });
}

function expectThrow(
  what: string,
  misuse: () => unknown,
  state: () => string,
  accepts: (error: unknown) => boolean,
): void {
  const before = state();
  let thrown: unknown;
  let result: unknown;
  try {
    result = misuse();
  } catch (error) {
    thrown = error;
  }
  if (thrown === undefined) fail(`${what}: accepted, and returned ${String(result)}`);
  if (!accepts(thrown)) fail(`${what}: threw ${String(thrown)}`);
  if (state() !== before) fail(`${what}: refused, but the allocator changed`);
}

/** Values that are no offset and no count: each is to be refused. */
export const NOT_INTEGERS: readonly number[] = [
  NaN,
  0.5,
  -1,
  Infinity,
  -Infinity,
  2 ** 53,
  -(2 ** 31),
  1e300,
];
