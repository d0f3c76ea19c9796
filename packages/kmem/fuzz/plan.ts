/** What the command line of `npm run fuzz` asks for. */
import { parseArgs } from "node:util";
import { SUBJECT_NAMES, subjectNamed } from "../test/model/subjects.ts";
import type { SeededRun } from "../test/model/scenario.ts";

const DEFAULT_OPERATIONS = 10_000_000;
const DEFAULT_OPERATIONS_A_RUN = 2000;
/** One seed in so many is compared in full as often as its subject's tests are. */
const THOROUGH_SEEDS = 16;
/** In the others, everything is compared once in so many operations, and at the end. */
const RARE_CHECK_INTERVAL = 256;

export const USAGE = `npm run fuzz -- [options]
  --operations N  operations in all, shared out over the seeds (default ${DEFAULT_OPERATIONS}, where nothing else is said)
  --seeds K       how many seeds, counted up (default: as many as it takes)
  --seed N        the first seed; alone, the only one (default 1)
  --minutes M     go on for so long, instead of a number of operations
  --ops N         operations a run, which is of one seed and one subject (default ${DEFAULT_OPERATIONS_A_RUN})
  --subject NAME  one of ${SUBJECT_NAMES.join(", ")} (default: all)
  --check N       compare everything once in N operations (default: see below)
  --play FILE     play a scenario that was kept, instead
Each operation is held against the model, and the bytes of what it frees or moves are verified. check() and the walks
over the whole model come after each operation of a small space and each 64th of a large one in seeds divisible by
${THOROUGH_SEEDS}; in the others each ${RARE_CHECK_INTERVAL}th and at the end.`;

/** What is to be done. */
export interface Plan {
  readonly firstSeed: number;
  readonly seedCount: number;
  readonly operationsARun: number;
  readonly subjects: readonly string[];
  readonly minutes: number;
  readonly checkInterval: number | undefined;
  /** The file of a scenario that is to be played, instead of anything else. */
  readonly play: string | undefined;
}

function positive(name: string, text: string, isWhole = true): number {
  const value = Number(text);
  if (value > 0 && value < 2 ** 32 && (!isWhole || Number.isInteger(value))) return value;
  throw new RangeError(`--${name} must be a positive ${isWhole ? "integer" : "number"}, got "${text}"`);
}

/** Reads the command line; undefined when it asks for help. Throws a RangeError or TypeError that says what is wrong. */
export function readPlan(commandLine: readonly string[]): Plan | undefined {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...commandLine],
    options: {
      operations: text,
      seeds: text,
      seed: text,
      minutes: text,
      ops: text,
      subject: text,
      check: text,
      play: text,
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return undefined;
  const subjects = values.subject === undefined ? SUBJECT_NAMES : [values.subject];
  for (const name of subjects) subjectNamed(name);
  const number = (name: "operations" | "seeds" | "ops" | "check"): number | undefined =>
    values[name] === undefined ? undefined : positive(name, values[name]);
  const [operations, seeds, ops] = [number("operations"), number("seeds"), number("ops")];
  const fixed = values.seed === undefined || operations !== undefined ? undefined : 1;
  const total = operations ?? DEFAULT_OPERATIONS;
  const seedCount =
    seeds ?? fixed ?? Math.ceil(total / ((ops ?? DEFAULT_OPERATIONS_A_RUN) * subjects.length));
  const shared = operations === undefined ? DEFAULT_OPERATIONS_A_RUN : total / (seedCount * subjects.length);
  const isTimed = values.minutes !== undefined;
  return {
    firstSeed: positive("seed", values.seed ?? "1"),
    seedCount: isTimed && seeds === undefined ? Infinity : seedCount,
    operationsARun: ops ?? Math.ceil(shared),
    subjects,
    minutes: isTimed ? positive("minutes", values.minutes!, false) : Infinity,
    checkInterval: number("check"),
    play: values.play,
  };
}

/** The runs of a plan, seed by seed over all subjects. */
export function* runsOf(plan: Plan): IterableIterator<SeededRun> {
  for (let seed = plan.firstSeed; seed < plan.firstSeed + plan.seedCount; seed++) {
    for (const subject of plan.subjects) {
      const checkInterval =
        plan.checkInterval ?? (seed % THOROUGH_SEEDS === 0 ? undefined : RARE_CHECK_INTERVAL);
      yield { subject, seed, operations: plan.operationsARun, checkInterval };
    }
  }
}
