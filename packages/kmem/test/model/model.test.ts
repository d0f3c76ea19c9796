/** 200,000 random operations over every allocator and backing, each compared with a plain model. */
import { describe, expect, it } from "vitest";
import { describeFailure, runSubject } from "./scenario.ts";
import { SUBJECT_NAMES } from "./subjects.ts";

/** Operations over all subjects; the long run is `npm run fuzz`. */
const OPERATIONS = 200_000;
const RUNS_PER_SUBJECT = 16;
const OPERATIONS_PER_RUN = Math.ceil(OPERATIONS / (SUBJECT_NAMES.length * RUNS_PER_SUBJECT));
/** Seeds that the long run does not begin with. */
const FIRST_SEED = 1_000_000;

describe("random operations, compared with a model after each", () => {
  it("come to the number that is promised", () => {
    expect(OPERATIONS_PER_RUN * RUNS_PER_SUBJECT * SUBJECT_NAMES.length).toBeGreaterThanOrEqual(OPERATIONS);
    expect(SUBJECT_NAMES).toEqual(
      [
        "buddy",
        "slab",
        "shared",
        "debug-shared",
        "c",
        "debug",
        "gpu",
        "heap-size",
        "heap-buffer",
        "heap-resizable",
        "heap-shared",
        "heap-growable",
        "heap-memory",
      ]
        .concat("heap-shared-memory")
        .flatMap((name) => [`${name}-small`, `${name}-large`]),
    );
  });

  it.each(SUBJECT_NAMES)("%s", (name) => {
    for (let run = 0; run < RUNS_PER_SUBJECT; run++) runSubject(name, FIRST_SEED + run, OPERATIONS_PER_RUN);
  });
});

describe("a failure", () => {
  it.each([
    [-1, "when it was made", 1],
    [0, "in operation 1", 1],
    [2, "in operation 3", 3],
    [100, "after the last operation", 100],
  ])(
    "at operation %i says what was made, where and why it failed, and what does it again",
    (operation, place, ops) => {
      const failure = { reason: "the reason", operation, description: "made of cardboard", error: undefined };
      expect(describeFailure({ subject: "some-subject", seed: 7, operations: 100 }, failure)).toBe(
        `some-subject, made of cardboard, ${place}: the reason\n` +
          `replay: npm run fuzz -- --seed 7 --subject some-subject --ops ${ops}`,
      );
    },
  );

  it("of a subject's name lists the names there are", () => {
    expect(() => runSubject("other", 1, 1)).toThrow(/there is no subject "other": buddy-small, buddy-large/);
  });
});
