import { describe, expect, test } from "vitest";
import { NONE, SharedHeap } from "../../src/index.ts";
import { Random } from "../model/random.ts";
import {
  Actor,
  allocation,
  copyImage,
  Coverage,
  freeingOf,
  type Image,
  loadStepped,
  reallocationOf,
  type Operation,
  randomOperation,
  runWithImages,
  type Stepped,
  take,
  verifyImage,
} from "./crash.ts";
import { buildSteppedLibrary } from "./steps/instrument.ts";

/** Scripts of one kind; more of them in a long run. */
const SEED_COUNT = Number(process.env["KMEM_CRASH_SEEDS"] ?? 3);
const SEEDS = Array.from({ length: SEED_COUNT }, (_, index) => index + 1);

/** Statements that these scripts do not come to, by their text. */
const ELSEWHERE = [
  /^(throw|continue\b)/,
  // Returns change nothing; what comes before them was passed, or is listed here.
  /^return\b/,
  // The first thread makes the heap: nobody else has its handle yet.
  /^(this\.extend\(this\.firstPage, size\)|addSizeClasses)/,
  // Zeroing is the bytes' business; a shared cache has no `construct`.
  /^(this\.bytes\.clear\(offset|for \(let slot = offset;|construct\(slot\)|try \{|this\.returnSlab\(number, page\)|const (slotSize|end) = )/,
  // The threads of these scripts take turns, so that nobody waits for the lock or loses a race: the model and the
  // tests with workers have that.
  /^(this\.wait\(\)|this\.depth\+\+|words\[this\.region \+ 2 \* number\]--)/,
  // Slabs of more than 16 KiB do not come up in so small a heap; it reads only.
  /^summary = words/,
  // A depot word becomes empty slot by slot only in the copy that a rebuild works on, which is in nobody else's memory.
  /^words\[summary\] &= /,
  // A heap frees its slabs by `free`, which are blocks, and its runs by `freePages` itself.
  /^this\.freePages\(offset\)/,
  // An argument that is wrong changes nothing.
  /^requireInteger\(/,
  // What a message is made of.
  /^const (reason|where) =/,
];

const SPACE = { size: 65536, maxSize: 2 ** 18, maxThreads: 4, trackOwners: true };

/** A thread of `keeper`'s heap that runs the library with steps. */
function attachVictim(stepped: Stepped, keeper: Actor): Actor {
  return new Actor(stepped.library.SharedHeap.attach(keeper.heap.handle) as unknown as SharedHeap);
}

/** A heap with one thread that lives and one that runs the library with steps; both have done something already. */
function makeActors(stepped: Stepped, random: Random, trackOwners = true): { keeper: Actor; victim: Actor } {
  const keeper = new Actor(SharedHeap.create({ ...SPACE, trackOwners }));
  const victim = attachVictim(stepped, keeper);
  for (let count = 0; count < 40; count++) {
    const [actor, other] = count % 2 === 0 ? [keeper, victim] : [victim, keeper];
    const operation = randomOperation(actor, other, random, 0.7);
    operation.run();
    operation.settle();
  }
  return { keeper, victim };
}

/** Fails as `verifyImage` does, and says where the kill was. */
function verifyAt(
  stepped: Stepped,
  what: string,
  image: Image,
  expectation: Parameters<typeof verifyImage>[1],
): void {
  try {
    verifyImage(image, expectation);
  } catch (error) {
    const { file, line, text } = stepped.places[image.step] ?? { file: "the end", line: 0, text: "" };
    throw new Error(`${what}, killed at step ${image.step}, ${file}:${line}, ${text}`, { cause: error });
  }
}

/** Lets `operation` of the victim be killed at each of its steps. `onImage` may do more with what a kill leaves. */
function killAtEveryStep(
  stepped: Stepped,
  coverage: Coverage,
  random: Random,
  { victim, keeper }: { victim: Actor; keeper: Actor },
  operation: Operation,
  onImage?: (image: Image, verify: (what: string, image: Image, dead: readonly number[]) => void) => void,
): void {
  const untouched = [...victim.held, ...keeper.held];
  const deadOwned = victim.held.length;
  const living = [keeper.heap.threadId];
  const verify = (what: string, image: Image, dead: readonly number[]): void => {
    verifyAt(stepped, what, image, { dead, untouched, deadOwned, extra: operation.leaves, living });
  };
  runWithImages(stepped, victim.heap.handle, random, coverage, operation.run, (image) => {
    onImage?.(image, verify);
    verify(operation.name, image, [victim.heap.threadId]);
  });
  operation.settle();
}

/** Lets a thread that recovers `dead`, from what a kill left, be killed at each of its steps. */
function rescueAtEveryStep(
  stepped: Stepped,
  coverage: Coverage,
  random: Random,
  image: Image,
  dead: number,
  verify: (what: string, image: Image, dead: readonly number[]) => void,
): void {
  const { handle } = copyImage(image);
  const rescuer = stepped.library.SharedHeap.attach(handle);
  const rescue = (): void => void rescuer.recover(dead);
  runWithImages(stepped, handle, random, coverage, rescue, (left) =>
    verify(`recovery after step ${image.step}`, left, [rescuer.threadId, dead]),
  );
}

describe("a thread killed at any step leaves a heap that recovers", async () => {
  const stepped = await loadStepped(buildSteppedLibrary("stepped"));
  const coverage = new Coverage();

  test.each(SEEDS)("of allocating, freeing, growing; seed %d", (seed) => {
    const random = new Random(seed, "crash");
    const actors = makeActors(stepped, random);
    const { keeper, victim } = actors;
    let pressure = 0.6;
    for (let count = 0; count < 150; count++) {
      if (count % 32 === 0) pressure = random.pick([0.35, 0.6, 0.85]);
      const background = randomOperation(keeper, victim, random, pressure);
      background.run();
      background.settle();
      killAtEveryStep(stepped, coverage, random, actors, randomOperation(victim, keeper, random, pressure));
    }
  });

  test.each(SEEDS)("of recovering another one; seed %d", (seed) => {
    const random = new Random(seed, "recovery");
    const actors = makeActors(stepped, random);
    const dead = actors.victim.heap.threadId;
    for (let count = 0; count < 60; count++) {
      const operation = randomOperation(actors.victim, actors.keeper, random, 0.6);
      // What a kill left is now and then recovered by a thread that is killed at each step of doing so.
      let recoveries = 0;
      killAtEveryStep(stepped, coverage, random, actors, operation, (image, verify) => {
        const isResize = operation.name.startsWith("realloc");
        if (recoveries >= 1 || !random.chance(isResize ? 0.2 : 0.02)) return;
        recoveries++;
        rescueAtEveryStep(stepped, coverage, random, image, dead, verify);
      });
    }
  });

  test("of resizing a run where it is, and of recovering that", () => {
    const random = new Random(1, "resize");
    const keeper = new Actor(SharedHeap.create(SPACE));
    const victim = attachVictim(stepped, keeper);
    const actors = { keeper, victim };
    take(victim, victim.heap.malloc(50_000), 50_000);
    for (const byteLength of [20_000, 45_000, 12_000, 30_000]) {
      const operation = reallocationOf(victim, victim.held.pop()!, byteLength);
      killAtEveryStep(stepped, coverage, random, actors, operation, (image, verify) => {
        rescueAtEveryStep(stepped, coverage, random, image, victim.heap.threadId, verify);
      });
      expect(victim.held[0]!.offset).toBe(0);
    }
  });

  test("of sending slots home, and of taking what came home", () => {
    const random = new Random(1, "home");
    const keeper = new Actor(SharedHeap.create(SPACE));
    const victim = attachVictim(stepped, keeper);
    const actors = { keeper, victim };
    const make = (actor: Actor): Operation =>
      allocation(actor, "malloc(8192)", 8192, () => actor.heap.tryMalloc(8192));
    const act = (operation: Operation, isVictims: boolean): void => {
      if (isVictims) {
        killAtEveryStep(stepped, coverage, random, actors, operation, (image, verify) => {
          if (random.chance(0.05)) {
            rescueAtEveryStep(stepped, coverage, random, image, victim.heap.threadId, verify);
          }
        });
      } else {
        operation.run();
        operation.settle();
      }
    };
    // A magazine holds eight of these, so it overflows twice; each time four go home to whoever made them.
    for (const [maker, other] of [
      [victim, keeper],
      [keeper, victim],
    ] as const) {
      for (const turn of [16, 8]) {
        for (let count = 0; count < turn; count++) act(make(maker), maker === victim);
        while (maker.held.length > 0) act(freeingOf(other, maker.held.pop()!), other === victim);
      }
    }
  });

  test.each([true, false])("of coming and going; owners tracked: %s", (trackOwners) => {
    const random = new Random(1, "attach");
    const { keeper, victim } = makeActors(stepped, random, trackOwners);
    const living = [keeper.heap.threadId, victim.heap.threadId];
    for (let count = 0; count < 20; count++) {
      const untouched = [...victim.held, ...keeper.held];
      const visit = (): void => {
        const guest = stepped.library.SharedHeap.attach(keeper.heap.handle, { threadId: 2 });
        const offset = guest.tryMalloc(random.pick([16, 300, 5000]));
        if (offset !== NONE) guest.free(offset);
        guest.detach();
      };
      runWithImages(stepped, keeper.heap.handle, random, coverage, visit, (image) =>
        verifyAt(stepped, "a visit", image, { dead: [2], untouched, deadOwned: 0, extra: [0, 1], living }),
      );
      for (const actor of [victim, keeper]) {
        const operation = randomOperation(actor, actor, random, 0.6);
        operation.run();
        operation.settle();
      }
    }
  });

  test("at every step of every function that was entered", () => {
    const entered = new Set([...coverage.passed].map((step) => stepped.places[step]!.functionNumber));
    const missed = stepped.places.filter(
      ({ functionNumber, text }, step) =>
        !coverage.passed.has(step) &&
        entered.has(functionNumber) &&
        !ELSEWHERE.some((pattern) => pattern.test(text)),
    );
    expect(missed.map(({ file, line, text }) => `${file}:${line} ${text}`)).toEqual([]);
    // Each of these steps was a kill that left something else than the one before it.
    expect(coverage.images.size).toBeGreaterThan(250);
  });
});
