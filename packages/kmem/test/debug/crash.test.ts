/**
 * A thread of a shared heap for debugging, killed at every step: what it kept in quarantine, and what it was about to free,
 * goes back; no live object is lost, no place is given out twice. One place may be lost, as an object that died with its owner.
 */
import { describe, expect, test } from "vitest";
import { DebugSharedHeap } from "../../src/debug/index.ts";
import type { SharedHeap } from "../../src/index.ts";
import { Random } from "../model/random.ts";
import {
  Actor,
  Coverage,
  copyImage,
  type Image,
  loadStepped,
  randomOperation,
  reallocationOf,
  runWithImages,
  type Stepped,
  take,
  verifyImage,
} from "../shared/crash.ts";
import { buildSteppedLibrary } from "../shared/steps/instrument.ts";

const SPACE = { size: 65536, maxSize: 2 ** 17, maxThreads: 4, trackOwners: true };
const DEBUG = { track: 0, quarantine: { objects: 3, bytes: 16384 } };

/** Statements that these scripts do not come to, by their text. */
const ELSEWHERE = [
  /^(throw|continue\b|return\b)/,
  // Nobody writes where it must not, or frees what is free: the rows of the safety table and the model have that.
  /^(const (wrong|guarded|found|isBefore)\b|this\.tell\(|this\.mend\(|if \((this\.report === undefined|isClaimed|at (!==|===) )|this\.(meetWritten|verifyZones)\()/,
  /^(for \(;;\)|const \{ raw, offset, byteLength, rawEnd \} = guarded|const \[start, end\])/,
  /^((this\.)?table\.settle\(cell, (LIVE|QUARANTINED)\)|if \(!this\.owns|this\.(freeUnguarded\(offset|free\(moved)\))/,
  // Figures are only read; and what was never given out, those who recover it forget.
  /^(if \(table\.state\(cell\) !== QUARANTINED|seen\.add|const (raw = table\.partner\(cell\)|cache\b)|yield|table\.forgetPlace)/,
  // Stacks are in no memory that another thread has.
  /^(this\.record\(|const number|const madeBy)/,
  // All requests are small enough to be guarded.
  /^(this\.guard\.(leaveUnguarded|fillUnguarded)|const offset = super\.mallocUncommon|if \(offset !== NONE\) this\.guard\.leave)/,
];

describe("a thread killed at any step", async () => {
  const stepped = await loadStepped(buildSteppedLibrary("stepped-debug"));
  const coverage = new Coverage();

  function makeActors(random: Random): { keeper: Actor; victim: Actor } {
    const keeper = new Actor(DebugSharedHeap.create({ ...SPACE, debug: DEBUG }));
    const victim = new Actor(attach(stepped, keeper.heap));
    for (let count = 0; count < 40; count++) {
      const [actor, other] = count % 2 === 0 ? [keeper, victim] : [victim, keeper];
      const operation = randomOperation(actor, other, random, 0.6);
      operation.run();
      operation.settle();
    }
    return { keeper, victim };
  }

  function verify(what: string, image: Image, expectation: Parameters<typeof verifyImage>[1]): void {
    try {
      verifyImage(image, expectation);
    } catch (error) {
      const { file, line, text } = stepped.places[image.step] ?? { file: "the end", line: 0, text: "" };
      throw new Error(`${what}, killed at step ${image.step}, ${file}:${line}, ${text}`, { cause: error });
    }
  }

  test.each([1, 2])("of allocating and freeing, and of recovering that; seed %d", (seed) => {
    const random = new Random(seed, "debug-crash");
    const { keeper, victim } = makeActors(random);
    const dead = victim.heap.threadId;
    let pressure = 0.5;
    for (let count = 0; count < 40; count++) {
      if (count % 20 === 0) pressure = random.pick([0.3, 0.5, 0.7]);
      const background = randomOperation(keeper, victim, random, pressure);
      background.run();
      background.settle();
      const operation = randomOperation(victim, keeper, random, pressure);
      const untouched = [...victim.held, ...keeper.held];
      const [fewest, most] = operation.leaves;
      const expectation = {
        untouched,
        deadOwned: victim.held.length,
        extra: [fewest, most + 1],
        living: [keeper.heap.threadId],
      } as const;
      let recoveries = 0;
      runWithImages(stepped, victim.heap.handle, random, coverage, operation.run, (image) => {
        if (recoveries < 1 && random.chance(0.02)) {
          recoveries++;
          const { handle } = copyImage(image);
          const rescuer = attach(stepped, { handle } as SharedHeap);
          const rescue = (): void => void rescuer.recover(dead);
          runWithImages(stepped, handle, random, coverage, rescue, (left) => {
            const of = { ...expectation, extra: [fewest, most + 2] as const, dead: [rescuer.threadId, dead] };
            verify(`recovery after step ${image.step} of ${operation.name}`, left, of);
          });
        }
        verify(operation.name, image, { ...expectation, dead: [dead] });
      });
      operation.settle();
    }
  });

  test("of making an allocation smaller where it is, since there is no room elsewhere", () => {
    const random = new Random(1, "debug-cut");
    const keeper = new Actor(DebugSharedHeap.create({ ...SPACE, debug: DEBUG }));
    const victim = new Actor(attach(stepped, keeper.heap));
    take(victim, victim.heap.malloc(70_000), 70_000);
    const object = victim.held.pop()!;
    const dead = victim.heap.threadId;
    const operation = reallocationOf(victim, object, 60_000);
    runWithImages(stepped, victim.heap.handle, random, coverage, operation.run, (image) => {
      const expectation = {
        untouched: [],
        deadOwned: 0,
        extra: [1, 1],
        living: [keeper.heap.threadId],
      } as const;
      verify(operation.name, image, { ...expectation, dead: [dead] });
    });
    operation.settle();
    expect(victim.held[0]).toMatchObject({ offset: object.offset, byteLength: 60_000 });
  });

  test("at every step of every function that was entered", () => {
    const entered = new Set([...coverage.passed].map((step) => stepped.places[step]!.functionNumber));
    const missed = stepped.places.filter(
      ({ file, functionNumber, text }, step) =>
        file.startsWith("debug/") &&
        !coverage.passed.has(step) &&
        entered.has(functionNumber) &&
        !ELSEWHERE.some((pattern) => pattern.test(text)),
    );
    expect(missed.map(({ file, line, text }) => `${file}:${line} ${text}`)).toEqual([]);
    const images = [...coverage.images.keys()].filter((step) =>
      stepped.places[step]!.file.startsWith("debug/"),
    );
    expect(images.length).toBeGreaterThan(20);
  });
});

/** Another thread of a heap, which runs the library with steps. */
function attach(stepped: Stepped, heap: SharedHeap): SharedHeap {
  return stepped.debug.DebugSharedHeap.attach(heap.handle) as unknown as SharedHeap;
}
