/**
 * Makes the corpus anew: few and short runs that reach, of the library, all that many do.
 *
 *     npm run fuzz:corpus
 *
 * Some seeds of each subject are run; of these, the one that reaches most is taken, then the one that adds most to it, and
 * so on (Chvátal, A Greedy Heuristic for the Set-Covering Problem, 1979). Each is then made as short as it can be while it
 * still reaches what it was taken for. What stands in the corpus already, and is no outcome of this, stays: runs that failed.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { noteSeed, playScenario, type Scenario } from "../test/model/scenario.ts";
import { shrink } from "../test/model/shrink.ts";
import { SUBJECT_NAMES } from "../test/model/subjects.ts";
import { type Footprint, Places, Reach } from "./reach.ts";

const SEEDS = 5;
const OPERATIONS = 80;
/** Shorter runs that are tried for each one that is taken. */
const TRY_LIMIT = 120;
/** What the reason of a run that stands for its coverage begins with. */
const REACHES = "reaches ";

const SOURCE = new URL("../src/", import.meta.url).href;
const CORPUS = new URL("corpus/", import.meta.url);

interface Candidate {
  readonly scenario: Scenario;
  readonly footprint: Footprint;
}

/** A run of the corpus, and what it was taken for. */
interface Chosen {
  readonly scenario: Scenario;
  readonly reached: ReadonlySet<string>;
}

function candidates(reach: Reach): Candidate[] {
  const found: Candidate[] = [];
  for (const subject of SUBJECT_NAMES) {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { scenario, failure } = noteSeed({ subject, seed, operations: OPERATIONS, checkInterval: 1 });
      if (failure !== undefined) throw new Error(`${subject}, seed ${seed}: ${failure.reason}`);
      found.push({ scenario, footprint: reach.watch(() => playScenario(scenario)) });
    }
    console.error(`${subject}: ${SEEDS} runs`);
  }
  return found;
}

/** Runs that together reach all that any does, each with what it adds to those before it. */
function choose(all: readonly Candidate[], places: Places): Chosen[] {
  const left = all.map(({ scenario, footprint }) => ({ scenario, reached: places.reachedBy(footprint) }));
  const chosen: Chosen[] = [];
  for (;;) {
    const best = left.reduce((most, each) => (each.reached.size > most.reached.size ? each : most));
    if (best.reached.size === 0) return chosen;
    const reached = new Set(best.reached);
    chosen.push({ scenario: best.scenario, reached });
    for (const each of left) for (const place of reached) each.reached.delete(place);
  }
}

/** The shortest run found that still reaches what this one was taken for. */
function shorten({ scenario, reached }: Chosen, reach: Reach, places: Places): Scenario {
  const play = (shorter: Scenario) => {
    let hasFailed = false;
    const footprint = reach.watch(() => {
      hasFailed = playScenario(shorter) !== undefined;
    });
    const found = places.reachedBy(footprint);
    const isEnough = !hasFailed && [...reached].every((place) => found.has(place));
    const operation = shorter.operations.length;
    return isEnough ? { reason: REACHES, operation, description: "", error: undefined } : undefined;
  };
  const files = [...new Set([...reached].map((place) => place.split(":")[0]!))].sort();
  const count = reached.size === 1 ? "a place" : `${reached.size} places`;
  const why = `${REACHES}${count} that no other does, in ${files.slice(0, 3).join(", ")}${files.length > 3 ? " …" : ""}`;
  return { why, ...shrink(scenario, { play, tryLimit: TRY_LIMIT }) };
}

/** Writes the scenarios of each subject to its file, one a line, after those that stand there for other reasons. */
function write(scenarios: readonly Scenario[]): void {
  mkdirSync(CORPUS, { recursive: true });
  for (const subject of SUBJECT_NAMES) {
    const file = new URL(`${subject}.jsonl`, CORPUS);
    const before = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").filter(Boolean) : [];
    const kept = before.filter((line) => !(JSON.parse(line) as Scenario).why?.startsWith(REACHES));
    const lines = scenarios.filter((each) => each.subject === subject).map((each) => JSON.stringify(each));
    if (kept.length + lines.length > 0) writeFileSync(file, `${[...kept, ...lines].join("\n")}\n`);
  }
}

const reach = new Reach(SOURCE);
const all = candidates(reach);
const places = new Places(all.map(({ footprint }) => footprint));
const chosen = choose(all, places);
console.error(`${chosen.length} of ${all.length} runs reach what all do`);
const scenarios = chosen.map((each, index) => {
  const scenario = shorten(each, reach, places);
  console.error(
    `${index + 1}/${chosen.length} ${scenario.subject}: ${scenario.operations.length} operations, ${scenario.why}`,
  );
  return scenario;
});
write(scenarios);
