/** 200,000 random operations over every allocator and backing, each compared with a plain model. */
import { describe, expect, it } from "vitest";
import type { Driver } from "./driver.ts";
import { runDriver, runSubject, SUBJECT_NAMES } from "./subjects.ts";

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
  /** Fails in its third operation. */
  function failing(): Driver {
    let steps = 0;
    const step = (): void => {
      if (++steps === 3) throw new Error("the reason");
    };
    return { description: "made of cardboard", step, finish: () => undefined };
  }

  it("says what was made, where and why it failed, and which command does it again", () => {
    expect(() => runDriver("some-subject", 7, 100, failing())).toThrow(
      "some-subject, made of cardboard, in operation 3: the reason\n" +
        "replay: npm run fuzz -- --seed 7 --subject some-subject --ops 3",
    );
  });

  it("of a subject's name lists the names there are", () => {
    expect(() => runSubject("other", 1, 1)).toThrow(/there is no subject "other": buddy-small, buddy-large/);
  });
});
