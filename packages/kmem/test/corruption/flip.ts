/** Bits flipped in the tables of a heap: what `check()` says to it, and whether all operations stay within bounds. */
import { AllocError } from "../../src/index.ts";
import { Random } from "../model/random.ts";
import { type Bit, Corruptible } from "./corruptible.ts";
import { exercise } from "./exercise.ts";
import { type Reason, whyMeaningless } from "./meaning.ts";

/** What became of the flips of a run. */
export interface FlipTally {
  flips: number;
  /** How many `check()` found. */
  found: number;
  /** How many it passed over because no flipped bit carries a meaning, by the reason of the first. */
  meaningless: Partial<Record<Reason, number>>;
  /** Each flip that had an effect that none may have: which it was, and what came of it. */
  failures: string[];
}

/** One flip in so many is looked for in steps as well. */
const STEPPED_SHARE = 8;
/** Pages of such a step. */
const STEP = { pages: 3 };

/** Whether `check`, which a call of `look` does, says that the tables are spoilt. Throws what it may not throw. */
function isFound(look: () => void): boolean {
  try {
    look();
    return false;
  } catch (error) {
    if (
      error instanceof AllocError &&
      error.code === "CORRUPTED" &&
      /^[A-Z]\d broken: ./.test(error.message)
    ) {
      return true;
    }
    throw error;
  }
}

/** Does steps of the check up to the end of a round. */
function endRound({ heap }: Corruptible): void {
  while (!heap.check(STEP));
}

/** Flips bits, looks what comes of it, and makes the tables what they were. `seed` decides which operation is first. */
function spoil(subject: Corruptible, bits: readonly Bit[], seed: number, tally: FlipTally): void {
  const fail = (what: string): void => {
    const names = bits.slice(0, 4).map(({ table, at, bit }) => `bit ${bit} of ${table.name}[${at}]`);
    tally.failures.push(`${names.join(", ")} (${seed}): ${what}`);
  };
  const isStepped = bits.length === 1 && tally.flips % STEPPED_SHARE === 0;
  if (isStepped) endRound(subject);
  const reasons = bits.map((bit) => whyMeaningless(subject, bit));
  const isMeant = reasons.includes(undefined);
  for (const bit of bits) subject.flip(bit);
  tally.flips++;
  try {
    const found = isFound(() => subject.heap.check());
    if (isStepped && isFound(() => endRound(subject)) !== found) fail("steps of the check say otherwise");
    if (found) tally.found++;
    if (found !== isMeant) fail(found ? `check() minds ${reasons[0]}` : "check() passes");
    if (!found) tally.meaningless[reasons[0]!] = (tally.meaningless[reasons[0]!] ?? 0) + 1;
  } catch (error) {
    fail(`check() threw ${(error as Error).stack}`);
  }
  const thrown = exercise(subject, seed);
  if (thrown !== undefined) fail(thrown);
  subject.restore();
}

/** Two to 64 bits of a heap: anywhere, near each other, or in the tables of blocks, which are small. */
function randomBits(random: Random, subject: Corruptible): Bit[] {
  const count = 1 + random.upTo(63);
  const { bitCount } = subject;
  const width = random.pick([bitCount, 4096, 128, 32]);
  const start = random.pick([random.below(bitCount), bitCount - 1 - random.below(bitCount >> 5)]);
  const chosen = new Set<number>();
  for (let left = count; left > 0; left--) chosen.add((start + random.below(width)) % bitCount);
  return [...chosen].map((index) => subject.bitAt(index));
}

/** What is to be flipped: numbers `from` to `to`, exclusive, in steps. */
export interface FlipPlan {
  /** `each`: bit number n of the small heap. `random`: some bits that seed n chooses, of a larger one. */
  readonly kind: "each" | "random";
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** Random flips of one larger heap, before the next takes its turn. */
const FLIPS_A_HEAP = 200;

/** The heap whose every bit is flipped. */
export function smallSubject(): Corruptible {
  return new Corruptible(new Random(1, "flips"), 20, 160);
}

/** Does what `plan` says; `progress` is told of each number before it is done. */
export function runFlips({ kind, from, to, step }: FlipPlan, progress: (number: number) => void): FlipTally {
  const tally: FlipTally = { flips: 0, found: 0, meaningless: {}, failures: [] };
  let subject = smallSubject();
  let heapNumber = -1;
  for (let number = from; number < to; number += step) {
    progress(number);
    if (kind === "each") {
      spoil(subject, [subject.bitAt(number)], number, tally);
      continue;
    }
    if (heapNumber !== Math.floor(number / FLIPS_A_HEAP)) {
      heapNumber = Math.floor(number / FLIPS_A_HEAP);
      subject = new Corruptible(new Random(heapNumber, "larger heap"), 256, 2500);
    }
    spoil(subject, randomBits(new Random(number, "bits"), subject), number, tally);
  }
  return tally;
}
