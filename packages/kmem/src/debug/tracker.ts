/**
 * Where and when something was done: a stack and the time, taken for one allocation in so many, and shown as text.
 *
 * The stack is an `Error`, which the engine makes text of only when it is read. Taking one costs 0.5 to 1.5 µs on V8, a
 * hundred times a `malloc`: hence one in so many. How deep it is, `Error.stackTraceLimit` says.
 */

/** A place in a program and a moment of its run. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** Holds the stack. */
  readonly at: Error;
}

/** The folder of kmem's own code, as it stands in stacks; undefined where it was bundled into another file. */
const OWN_FOLDER = /(\S*)debug[/\\]tracker\.[jt]s/.exec(new Error("here").stack ?? "")?.[1];

/** The stack of a moment, a line a call, the innermost first, without kmem's own. */
export function stackOf({ at }: Moment): string[] {
  const lines = (at.stack ?? "").split("\n").map((line) => line.trim());
  // V8 begins with the error's name and message.
  const calls = lines.filter((line) => line !== "" && !/^Error\b/.test(line));
  return calls
    .filter((line) => OWN_FOLDER === undefined || !line.includes(OWN_FOLDER.replace(/^\(/, "")))
    .map((line) => line.replace(/^at /, ""));
}

/** The innermost call of a moment that is not kmem's own: the call site. */
export function callSiteOf(moment: Moment): string {
  return stackOf(moment)[0] ?? "(no stack)";
}

/** Decides which allocations have their moments taken. */
export class Tracker {
  private readonly every: number;
  private readonly watched: ReadonlySet<number>;
  private left: number;

  /** One in `every` (0: none), and those whose numbers are `watched`. */
  constructor(every: number, watched: readonly number[]) {
    this.every = every;
    this.watched = new Set(watched);
    // The first is taken: a short run may have no other.
    this.left = 1;
  }

  /** Counts allocation `number`; true when its moment is to be taken. */
  isDue(number: number): boolean {
    const isNext = --this.left === 0;
    if (isNext) this.left = this.every;
    return (isNext && this.every > 0) || this.isWatched(number);
  }

  private isWatched(number: number): boolean {
    return this.watched.size > 0 && this.watched.has(number);
  }
}

/** The moment at which this is called. */
export function takeMoment(): Moment {
  return { timeMs: Date.now(), at: new Error("a moment") };
}
