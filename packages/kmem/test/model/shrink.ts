/**
 * Makes a failing scenario as small as it will go: operations are left out, then their numbers are made smaller, as long as
 * it fails for the same reason.
 *
 * Leaving out is that of Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002: halves first, then
 * smaller and smaller parts.
 */
import { type Failure, playScenario, type Scenario } from "./scenario.ts";

/** Numbers of a reason differ between runs that fail in the same way. */
function kindOf({ reason }: Failure): string {
  return reason.replaceAll(/-?\d[\d.]*/g, "#").slice(0, 60);
}

/** What shrinking is told and tells. */
export interface ShrinkOptions {
  /** Plays a scenario; another player is for tests. */
  readonly play?: (scenario: Scenario) => Failure | undefined;
  /** Scenarios that are tried at most. */
  readonly tryLimit?: number;
}

/** The smallest scenario found that fails as `scenario` does; that itself when it does not fail. */
export function shrink(
  scenario: Scenario,
  { play = playScenario, tryLimit = 20_000 }: ShrinkOptions = {},
): Scenario {
  const first = play(scenario);
  if (first === undefined) return scenario;
  const kind = kindOf(first);
  let best = upTo(scenario, first);
  let tries = 0;
  /** Takes the smaller scenario if it fails in the same way. */
  const accept = (smaller: Scenario): boolean => {
    if (tries++ >= tryLimit) return false;
    const failure = play(smaller);
    if (failure === undefined || kindOf(failure) !== kind) return false;
    best = upTo(smaller, failure);
    return true;
  };
  for (let before = ""; JSON.stringify(best) !== before;) {
    before = JSON.stringify(best);
    leaveOutOperations(() => best, accept);
    makeSmaller(() => best, accept);
  }
  return best;
}

/** Without what comes after the operation that failed. */
function upTo(scenario: Scenario, { operation }: Failure): Scenario {
  const operations = scenario.operations.slice(0, operation + 1);
  const isAtEnd = operation >= scenario.operations.length;
  return { ...scenario, operations, end: isAtEnd ? scenario.end : [] };
}

type Accept = (smaller: Scenario) => boolean;

function leaveOutOperations(best: () => Scenario, accept: Accept): void {
  for (
    let part = Math.ceil(best().operations.length / 2);
    part >= 1;
    part = part > 1 ? Math.ceil(part / 2) : 0
  ) {
    // From the end: what comes last depends on what came before, not the other way round.
    for (let start = best().operations.length - part; start > -part; start -= part) {
      const operations = best().operations.toSpliced(Math.max(0, start), part + Math.min(0, start));
      accept({ ...best(), operations });
    }
  }
}

/** Cuts lists of numbers short, and tries 0, the half, and one less for each number. */
function makeSmaller(best: () => Scenario, accept: Accept): void {
  const lists = (scenario: Scenario): readonly (readonly number[])[] => [
    scenario.made,
    ...scenario.operations,
    scenario.end,
  ];
  const withList = (index: number, list: readonly number[]): Scenario => {
    const all = lists(best()).with(index, list);
    return { ...best(), made: all[0]!, operations: all.slice(1, -1), end: all.at(-1)! };
  };
  for (let index = 0; index < lists(best()).length; index++) {
    const list = (): readonly number[] => lists(best())[index] ?? [];
    if (list().length > 0) accept(withList(index, []));
    for (let at = list().length - 1; at >= 0; at--) {
      if (at >= list().length) continue;
      if (at === list().length - 1 && accept(withList(index, list().slice(0, -1)))) continue;
      for (let step = list()[at]!; step > 0; step = Math.floor(step / 2)) {
        while (list()[at]! >= step && accept(withList(index, list().with(at, list()[at]! - step)))) {
          // Again, as long as it helps.
        }
        if (at >= list().length) break;
      }
    }
  }
}
