/** Failing runs are noted, made small, and told as programs: tried on allocators that were broken on purpose. */
import { BuddyAllocator, Heap } from "kmem";
import { afterEach, describe, expect, test, vi } from "vitest";
import { FreeLists } from "../../src/buddy/free-lists.ts";
import { narrate } from "./narrate.ts";
import { noteSeed, playScenario, runSeed, type Scenario } from "./scenario.ts";
import { shrink } from "./shrink.ts";
import { SUBJECT_NAMES } from "./subjects.ts";

afterEach(() => vi.restoreAllMocks());

/** The first failing run of a subject among some seeds, as a scenario. */
function failingScenario(subject: string): Scenario {
  for (let seed = 1; seed <= 20; seed++) {
    const { scenario, failure } = noteSeed({ subject, seed, operations: 500, checkInterval: 1 });
    if (failure !== undefined) return scenario;
  }
  throw new Error("no seed fails");
}

describe("a run that is noted", () => {
  test.each(SUBJECT_NAMES)("of %s is the same when it is played", (subject) => {
    const run = { subject, seed: 3, operations: 40 };
    const { scenario, failure } = noteSeed(run);
    expect(failure).toBeUndefined();
    expect(scenario.operations).toHaveLength(40);
    expect(playScenario(scenario)).toBeUndefined();
    const program = narrate(scenario);
    expect(program.length).toBeGreaterThan(10);
    // What a scenario leaves out is 0, so it goes on working when drivers ask for more or for less.
    expect(
      playScenario({ ...scenario, operations: scenario.operations.map((list) => list.slice(0, 2)) }),
    ).toBeUndefined();
    expect(narrate(scenario)).toEqual(program);
  });

  test("plays what the seed did: a failure is the same failure", () => {
    const real = BuddyAllocator.prototype.sizeOf;
    vi.spyOn(BuddyAllocator.prototype, "sizeOf").mockImplementation(function (this: BuddyAllocator, offset) {
      const bytes = real.call(this, offset);
      return bytes === 2 * this.pageSize ? 2 * bytes : bytes;
    });
    const seeds = Array.from({ length: 20 }, (_, index) => index + 1);
    const runOf = (seed: number) => ({ subject: "buddy-small", seed, operations: 500, checkInterval: 1 });
    const run = runOf(seeds.find((seed) => runSeed(runOf(seed)) !== undefined)!);
    const failure = runSeed(run);
    const noted = noteSeed(run);
    expect(failure).toBeDefined();
    expect(noted.failure).toMatchObject({ reason: failure!.reason, operation: failure!.operation });
    expect(playScenario(noted.scenario)).toMatchObject({
      reason: failure!.reason,
      operation: failure!.operation,
    });
  });
});

describe("shrinking", () => {
  test("finds the two operations that matter, and the smallest numbers that do", () => {
    const scenario: Scenario = {
      subject: "any",
      made: [5, 6],
      operations: Array.from({ length: 200 }, (_, index) => [index, 3, 90]),
      end: [1],
    };
    // Fails from the operation on whose first number is 150 or more, if one with 77 or more in second place came before.
    const play = ({ operations }: Scenario) => {
      const first = operations.findIndex(([number]) => number! >= 20);
      const operation = operations.findIndex(
        ([number], index) => number! >= 150 && first >= 0 && index > first,
      );
      return operation < 0
        ? undefined
        : { reason: "found 7 at 8", operation, description: "", error: undefined };
    };
    expect(shrink(scenario, { play })).toEqual({
      subject: "any",
      made: [],
      operations: [[20], [150]],
      end: [],
    });
  });

  test("leaves a scenario that does not fail as it is", () => {
    const { scenario } = noteSeed({ subject: "buddy-small", seed: 1, operations: 20 });
    expect(shrink(scenario)).toBe(scenario);
  });

  test("keeps to one way of failing", () => {
    const scenario: Scenario = { subject: "any", made: [], operations: [[1], [2], [3]], end: [] };
    const play = ({ operations }: Scenario) => {
      const reason = operations.length === 3 ? "the one" : "another";
      return { reason, operation: operations.length - 1, description: "", error: undefined };
    };
    expect(shrink(scenario, { play }).operations).toHaveLength(3);
  });
});

describe("a broken allocator", () => {
  test("that does not merge is found by two calls, told as a program", () => {
    vi.spyOn(FreeLists.prototype, "release").mockImplementation(function (this: FreeLists, page, order) {
      this.insert(page, order);
    });
    const scenario = shrink(failingScenario("buddy-small"));
    expect(scenario.operations.length).toBeLessThanOrEqual(2);
    const program = narrate(scenario).join("\n");
    expect(program).toMatch(/^const buddy = new BuddyAllocator\(\{.*\}\);\n/);
    expect(program).toContain("throws AllocError: B2 broken");
  });

  test("that forgets to copy when it moves is found by an allocation and a realloc", () => {
    const real = Heap.prototype.realloc;
    vi.spyOn(Heap.prototype, "realloc").mockImplementation(function (this: Heap, offset, byteLength) {
      const moved = real.call(this, offset, byteLength);
      if (moved !== offset && byteLength > 0) new Uint8Array(this.buffer)[moved]! ^= 1;
      return moved;
    });
    const scenario = shrink(failingScenario("heap-buffer-small"));
    const program = narrate(scenario);
    expect(program[0]).toMatch(
      /^const heap = new Heap\(\{ pageSize: \d+, base: \d+, buffer: new ArrayBuffer\(\d+\).* \}\);$/,
    );
    expect(program.length, program.join("\n")).toBe(3);
    expect(program.at(-1)).toMatch(/^heap\.realloc\(\d+, \d+\); \/\/ \d+$/);
  });

  test("that refuses a double free with another error is found by the misuse", () => {
    const real = BuddyAllocator.prototype.free;
    vi.spyOn(BuddyAllocator.prototype, "free").mockImplementation(function (this: BuddyAllocator, offset) {
      if (Number.isInteger(offset)) return real.call(this, offset);
      throw new TypeError("no integer");
    });
    const scenario = shrink(failingScenario("buddy-small"));
    const program = narrate(scenario);
    expect(program.length, program.join("\n")).toBeLessThanOrEqual(5);
    expect(program.at(-1)).toMatch(/^buddy\.free\(.*\); \/\/ throws TypeError: no integer$/);
  });
});
