/**
 * Kills of real workers at numbered steps: one runs the library with steps (`steps/instrument.ts`), stops at its step for
 * ever, and is terminated there, while others go on. The steps of recovery are those of a worker that recovers one which
 * was killed so; then it is killed as well, and a third thread recovers both.
 */
import { Random } from "../../model/random.ts";
import { buildSteppedLibrary, type SteppedLibrary } from "../steps/instrument.ts";
import { Crew } from "./crew.ts";
import type { StepOrders } from "./worker.ts";

/** Operations in which a worker is to come to its step. */
const PATIENCE = 3000;
/** Thread 1 goes on all the while. */
const VICTIM = 2;
const RESCUER = 3;
/** Steps in the file of what holds the lock: a kill at one of them leaves most to recover. */
const LOCKED_FILES = /^slab\/(depot|slab-pool)|^buddy\/buddy-allocator/;

/** What is to be killed. */
export interface StepKillOptions {
  readonly seed: number;
  /** At most so many steps of each kind, picked at random. */
  readonly limit: number;
}

/** Steps of one kind. */
export interface StepKillFigures {
  /** Steps that were passed by a worker that nobody stopped. */
  passed: number;
  /** Steps at which one was to be killed, and at which one was: the others it did not come to again. */
  tried: number;
  killed: number;
}

/** What was done. */
export interface StepKillReport {
  /** Allocating, freeing, growing. */
  readonly work: StepKillFigures;
  readonly recovery: StepKillFigures;
}

class StepKiller {
  private readonly crew: Crew;
  private readonly library: SteppedLibrary;
  private readonly random: Random;

  constructor(crew: Crew, library: SteppedLibrary, seed: number) {
    this.crew = crew;
    this.library = library;
    this.random = new Random(seed, "steps");
  }

  private orders(stopAt: number, recover?: readonly number[]): StepOrders {
    const passed = new SharedArrayBuffer(this.library.places.length);
    return { stepUrl: this.library.stepUrl, passed, stopAt, ...(recover === undefined ? {} : { recover }) };
  }

  private passedSteps({ passed }: StepOrders): number[] {
    return [...new Uint8Array(passed).entries()].filter(([, mark]) => mark === 1).map(([step]) => step);
  }

  /** Lets a worker come to `step`, or do without; true when it stopped there. */
  private async comeTo(orders: StepOrders): Promise<boolean> {
    await this.crew.hire(VICTIM, orders, this.library.indexUrl);
    await this.crew.work(VICTIM, PATIENCE);
    return this.crew.hasStopped(VICTIM);
  }

  /** Steps that a worker passes by itself. */
  async workSteps(): Promise<number[]> {
    const orders = this.orders(-1);
    await this.comeTo(orders);
    await this.crew.end(VICTIM, "kill");
    return this.passedSteps(orders);
  }

  async killWorkerAt(step: number): Promise<boolean> {
    const hasStopped = await this.comeTo(this.orders(step));
    await this.crew.end(VICTIM, "kill");
    return hasStopped;
  }

  /** Kills a worker at one of `wrecks`, and the one that recovers it at `step`, if it comes to it. */
  async killRescuerAt(
    step: number,
    wrecks: readonly number[],
  ): Promise<{ killed: boolean; passed: number[] }> {
    await this.comeTo(this.orders(this.random.pick(wrecks)));
    const orders = this.orders(step, [VICTIM]);
    const killed = await this.crew.endWithRescuer(VICTIM, RESCUER, orders, this.library.indexUrl);
    return { killed, passed: this.passedSteps(orders) };
  }
}

/** Tries it until it succeeds, four times at most. */
async function atLastOnce(attempt: () => Promise<boolean>): Promise<boolean> {
  for (let count = 0; count < 4; count++) if (await attempt()) return true;
  return false;
}

/** `limit` of `steps` at random, in their order. */
function sample(steps: readonly number[], limit: number, random: Random): number[] {
  const rest = [...steps];
  while (rest.length > limit) rest.splice(random.below(rest.length), 1);
  return rest;
}

/** Kills at steps. The workers' library is built into a folder of its own. */
export async function killAtSteps({ seed, limit }: StepKillOptions): Promise<StepKillReport> {
  const random = new Random(seed, "sample");
  const library = buildSteppedLibrary("stepped-crew");
  const crew = new Crew({ seed, workerCount: 3, trackOwners: true });
  const killer = new StepKiller(crew, library, seed);
  const report: StepKillReport = {
    work: { passed: 0, tried: 0, killed: 0 },
    recovery: { passed: 0, tried: 0, killed: 0 },
  };
  let step = -1;
  try {
    await crew.hire(1);
    const work = await killer.workSteps();
    report.work.passed = work.length;
    for (step of sample(work, limit, random)) {
      report.work.tried++;
      if (await atLastOnce(() => killer.killWorkerAt(step))) report.work.killed++;
    }
    const wrecks = work.filter((each) => LOCKED_FILES.test(library.places[each]!.file));
    const passed = new Set<number>();
    for (let count = 0; count < 10; count++) {
      for (const each of (await killer.killRescuerAt(-1, wrecks)).passed) passed.add(each);
    }
    report.recovery.passed = passed.size;
    for (step of sample([...passed], limit, random)) {
      report.recovery.tried++;
      const kill = async (): Promise<boolean> => (await killer.killRescuerAt(step, wrecks)).killed;
      if (await atLastOnce(kill)) report.recovery.killed++;
    }
    await crew.finish();
    return report;
  } catch (error) {
    const { file, line, text } = library.places[step] ?? { file: "no step", line: 0, text: "" };
    throw new Error(`seed ${seed}, killed at ${file}:${line}, ${text}`, { cause: error });
  } finally {
    await crew.stop();
  }
}
