/** Runs of a subject: by a seed, or by the numbers of a scenario; and what is told of one that fails. */
import { NotedRandom, PlayedRandom } from "./choices.ts";
import type { Driver } from "./driver.ts";
import { Random } from "./random.ts";
import { type Subject, subjectNamed } from "./subjects.ts";

/** A run by its seed. */
export interface SeededRun {
  readonly subject: string;
  readonly seed: number;
  readonly operations: number;
  /** The driver compares everything once in so many operations; left out: as often as the subject does by itself. */
  readonly checkInterval?: number | undefined;
}

/** A run by the numbers that its driver is given. It is plain data: a file of the corpus is one. */
export interface Scenario {
  readonly subject: string;
  /** Why it is kept. */
  readonly why?: string;
  /** The numbers from which the allocator is made. */
  readonly made: readonly number[];
  /** The numbers of each operation. */
  readonly operations: readonly (readonly number[])[];
  /** The numbers of the end, where everything is freed. */
  readonly end: readonly number[];
}

/** How a run failed. */
export interface Failure {
  /** What was expected and what was found. */
  readonly reason: string;
  /** The number of the operation, from 0; that of the operations when it was the end, -1 when nothing was made. */
  readonly operation: number;
  /** What was made. */
  readonly description: string;
  readonly error: unknown;
}

/** A driver's whole run; `before` is told of the number of each operation (-1 to make it, the count for the end). */
function play(
  make: () => Driver,
  operationCount: number,
  before: (operation: number) => void,
): Failure | undefined {
  let operation = -1;
  let driver: Driver | undefined;
  try {
    before(operation);
    driver = make();
    for (operation = 0; operation < operationCount; operation++) {
      before(operation);
      driver.step();
    }
    before(operation);
    driver.finish();
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { reason, operation, description: driver?.description ?? "not made", error };
  }
}

const nothing = (): void => {};

function maker({ create, checkInterval }: Subject, random: Random, wanted?: number): () => Driver {
  return () => create(random, wanted ?? checkInterval);
}

/** Does a seeded run; returns how it failed, or undefined. */
export function runSeed({ subject, seed, operations, checkInterval }: SeededRun): Failure | undefined {
  const random = new Random(seed, subject);
  return play(maker(subjectNamed(subject), random, checkInterval), operations, nothing);
}

/** Does a seeded run and notes its numbers, up to its failure if it fails. */
export function noteSeed({ subject, seed, operations, checkInterval }: SeededRun): {
  scenario: Scenario;
  failure: Failure | undefined;
} {
  const random = new NotedRandom(seed, subject);
  const lists: number[][] = [];
  const failure = play(maker(subjectNamed(subject), random, checkInterval), operations, () => {
    random.notes = [];
    lists.push(random.notes);
  });
  const [made = [], ...rest] = lists;
  const end = rest.length > operations ? rest.pop()! : [];
  return { scenario: { subject, made, operations: rest, end }, failure };
}

/**
 * Plays a scenario with everything compared after each operation; returns how it failed, or undefined. `onMade` is told of
 * the driver, once it is made.
 */
export function playScenario(
  { subject, made, operations, end }: Scenario,
  onMade: (driver: Driver) => void = nothing,
): Failure | undefined {
  const random = new PlayedRandom();
  const make = maker(subjectNamed(subject), random, 1);
  const makeAndTell = (): Driver => {
    const driver = make();
    onMade(driver);
    return driver;
  };
  return play(makeAndTell, operations.length, (operation) => {
    random.play(operation < 0 ? made : (operations[operation] ?? end));
  });
}

/** The command that does a seeded run again, up to the operation that failed. */
function replayCommand({ subject, seed, operations }: SeededRun, failure: Failure): string {
  const needed = Math.max(1, Math.min(failure.operation + 1, operations));
  return `npm run fuzz -- --seed ${seed} --subject ${subject} --ops ${needed}`;
}

/** What is said of a failure. */
export function describeFailure(run: SeededRun, failure: Failure): string {
  const { operation, description, reason } = failure;
  const place =
    operation < 0
      ? "when it was made"
      : operation >= run.operations
        ? "after the last operation"
        : `in operation ${operation + 1}`;
  return `${run.subject}, ${description}, ${place}: ${reason}\nreplay: ${replayCommand(run, failure)}`;
}

/** Does a seeded run; throws what `describeFailure` says when it fails. */
export function runSubject(subject: string, seed: number, operations: number): void {
  const run = { subject, seed, operations };
  const failure = runSeed(run);
  if (failure !== undefined) throw new Error(describeFailure(run, failure), { cause: failure.error });
}
