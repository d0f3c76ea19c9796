/** Every workload that the benchmarks know. The one place where they are listed. */

import { StreamBuilder } from "../stream/builder.ts";
import type { OperationStream } from "../stream/layout.ts";
import { recordedWorkloads } from "./recorded.ts";
import { buildReplacement, randomSize, smallSize } from "./replacement.ts";
import { buildAligned, buildFifo, buildGrowth, buildLifo, buildPageMix, buildSawtooth } from "./phases.ts";
import {
  exponentName,
  groupOf,
  OPERATION,
  PAGE_BYTES,
  PAIR,
  payloadBytesOf,
  type Workload,
} from "./workload.ts";

const SEED = 12345;
/** Pairs of a round unless more are needed: about 10 to 100 ms, far above the clock's grain. */
const PAIRS_PER_ROUND = 2 ** 19;
const SLAB_OBJECT_BYTES = 64;

/** Live objects, or the deepest stack, of the workloads with an order to their lifetimes. */
const PHASE_COUNT = 1e4;

function phase(
  name: string,
  description: string,
  build: Workload["build"],
  rest: Partial<Workload> = {},
): Workload {
  return {
    name: `phases/${name}`,
    description,
    target: "heap",
    unit: OPERATION,
    warmupRounds: 2,
    timedRounds: 5,
    quick: false,
    build,
    ...rest,
  };
}

const PHASES: readonly Workload[] = [
  phase("lifo", "a stack of up to 10,000 objects that rises and falls at random", () =>
    buildLifo(PHASE_COUNT, 2 * PAIRS_PER_ROUND),
  ),
  phase("fifo", "a queue of 10,000 objects: the oldest is freed, a new one allocated", () =>
    buildFifo(PHASE_COUNT, PAIRS_PER_ROUND),
  ),
  phase("realloc", "1,000 buffers that grow by half at a time, from 16 bytes to 64 KiB", () =>
    buildGrowth(PHASE_COUNT / 10, PAIRS_PER_ROUND / 2),
  ),
  phase("sawtooth", "10,000 objects are allocated and then all freed, in random order, again and again", () =>
    buildSawtooth(PHASE_COUNT, 50),
  ),
  phase(
    "aligned",
    "10,000 live objects aligned to 32 to 4,096 bytes, one at random replaced by a new one",
    () => buildAligned(PHASE_COUNT, PAIRS_PER_ROUND),
    { target: "aligned" },
  ),
];

/** All workloads, in the order in which they run and are shown. */
export const WORKLOADS: readonly Workload[] = [
  ...recordedWorkloads(),
  ...[1e3, 1e4, 1e5, 1e6].map(heapReplacement),
  ...[1e3, 1e5, 1e7].map(smallReplacement),
  ...PHASES,
  ...[1e3, 1e4, 1e5, 1e6, 1e7].map(buddyPair),
  ...[1e3, 1e5, 1e7].map(buddyReplacement),
  ...[1e3, 1e5, 1e7].map(buddyMix),
  ...[1e3, 1e5].map(slabReplacement),
];

/**
 * @param names workloads' names, or groups' for all in them
 * @returns the named workloads; throws an Error on a name that fits none
 */
export function selectWorkloads(names: readonly string[]): Workload[] {
  const stray = names.find((name) => !WORKLOADS.some((workload) => fits(workload, name)));
  if (stray !== undefined) {
    throw new Error(`no workload ${stray}; there are: ${WORKLOADS.map(({ name }) => name).join(", ")}`);
  }
  return WORKLOADS.filter((workload) => names.some((name) => fits(workload, name)));
}

function fits(workload: Workload, name: string): boolean {
  return workload.name === name || groupOf(workload.name) === name;
}

function heapReplacement(liveCount: number): Workload {
  // A round should replace most objects, or the addresses stay in the order of the set-up.
  const pairCount = Math.max(PAIRS_PER_ROUND, liveCount);
  return {
    name: `random-replacement/${exponentName(liveCount)}`,
    description: `${liveCount.toLocaleString("en")} live objects of 16 to 1024 bytes, one at random replaced by a new one`,
    target: "heap",
    unit: PAIR,
    warmupRounds: liveCount > 1e5 ? 1 : 8,
    timedRounds: liveCount > 1e4 ? 3 : 5,
    hasLatency: liveCount === 1e5,
    quick: liveCount === 1e4,
    build: () => buildReplacement({ target: "heap", liveCount, pairCount, argument: randomSize, seed: SEED }),
  };
}

function smallReplacement(liveCount: number): Workload {
  const pairCount = PAIRS_PER_ROUND;
  return {
    name: `growth/${exponentName(liveCount)}`,
    description: `${liveCount.toLocaleString("en")} live objects of 16 to 256 bytes, one at random replaced by a new one`,
    target: "heap",
    unit: PAIR,
    warmupRounds: liveCount > 1e5 ? 2 : 8,
    timedRounds: 3,
    quick: false,
    build: () => buildReplacement({ target: "heap", liveCount, pairCount, argument: smallSize, seed: SEED }),
  };
}

function buddyMix(pageCount: number): Workload {
  return {
    name: `buddy-mix/${exponentName(pageCount)}`,
    description: `${pageCount.toLocaleString("en")} pages, half of them in blocks of mixed orders, one at random freed and another of its order allocated`,
    target: "buddy",
    unit: PAIR,
    spaceBytes: pageCount * PAGE_BYTES,
    warmupRounds: 3,
    timedRounds: 5,
    quick: false,
    build: () => buildPageMix(pageCount, PAIRS_PER_ROUND),
  };
}

function buddyPair(pageCount: number): Workload {
  return {
    name: `buddy-pair/${exponentName(pageCount)}`,
    description: `one page allocated and freed again in an empty space of ${pageCount.toLocaleString("en")} pages: a whole chain of splits and merges`,
    target: "buddy",
    unit: PAIR,
    spaceBytes: pageCount * PAGE_BYTES,
    warmupRounds: 3,
    timedRounds: 7,
    quick: pageCount === 1e5,
    build: buildPairs,
  };
}

function buildPairs(): OperationStream {
  const pairCount = PAIRS_PER_ROUND / 2;
  const builder = new StreamBuilder((order) => payloadBytesOf("buddy", order), 2 * pairCount);
  builder.endSetup();
  for (let pair = 0; pair < pairCount; pair++) {
    builder.malloc(0, 0);
    builder.free(0);
  }
  return builder.finish();
}

function buddyReplacement(pageCount: number): Workload {
  const liveCount = pageCount / 2;
  return {
    name: `buddy-replacement/${exponentName(pageCount)}`,
    description: `${pageCount.toLocaleString("en")} pages, a random half of them live, one at random freed and another allocated`,
    target: "buddy",
    unit: PAIR,
    spaceBytes: pageCount * PAGE_BYTES,
    warmupRounds: 3,
    timedRounds: 7,
    quick: pageCount === 1e5,
    build: () =>
      buildReplacement({
        target: "buddy",
        liveCount,
        holeCount: pageCount - liveCount,
        pairCount: PAIRS_PER_ROUND,
        argument: () => 0,
        seed: SEED,
      }),
  };
}

function slabReplacement(liveCount: number): Workload {
  return {
    name: `slab-replacement/${exponentName(liveCount)}`,
    description: `${liveCount.toLocaleString("en")} live objects of ${SLAB_OBJECT_BYTES} bytes in one cache, one at random replaced`,
    target: "slab",
    unit: PAIR,
    warmupRounds: 3,
    timedRounds: 7,
    quick: liveCount === 1e5,
    build: () =>
      buildReplacement({
        target: "slab",
        liveCount,
        pairCount: PAIRS_PER_ROUND,
        argument: () => SLAB_OBJECT_BYTES,
        seed: SEED,
      }),
  };
}
