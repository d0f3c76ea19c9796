// One free and one allocation in a GPU heap, without the GPU's part: a device that does nothing, and the heap's own work.
//
//   npm run bench:webgpu
//
// Random replacement among a number of live allocations: a free of a random one, and an allocation of a random size in
// its place. Each line is the median of the rounds, and the least of them. The loop around it is counted.

import { GpuHeap, type DeviceLike, type GpuAllocation } from "kmem/webgpu";
import { createRandom } from "./src/random.ts";

const ROUNDS = 15;
const PAIRS = 200_000;
/** Sizes and victims are drawn before the clock runs; this many, used again and again. */
const DRAWN = 2 ** 16;
const BLOCK_BYTES = 2 ** 26;

/** Bits of `GPUBufferUsage`. */
const VERTEX = 0x20;
const UNIFORM = 0x40;

/** A device that makes buffers of no bytes and does nothing else. */
const device: DeviceLike = {
  limits: {
    maxBufferSize: 2 ** 30,
    minUniformBufferOffsetAlignment: 256,
    minStorageBufferOffsetAlignment: 256,
  },
  queue: { submit: () => {}, writeBuffer: () => {}, onSubmittedWorkDone: () => Promise.resolve() },
  lost: new Promise(() => {}),
  createBuffer: ({ size }) => ({
    size,
    destroy: () => {},
    mapAsync: () => Promise.resolve(),
    getMappedRange: () => new ArrayBuffer(0),
    unmap: () => {},
  }),
  createCommandEncoder: () => ({ copyBufferToBuffer: () => {}, finish: () => ({}) }),
  pushErrorScope: () => {},
  popErrorScope: () => Promise.resolve(null),
};

/** Nanoseconds of a pair, in each round, in rising order. */
function measure(usage: number, most: number, liveCount: number): number[] {
  const next = createRandom(1);
  const unit = (): number => next() / 2 ** 32;
  const sizes = Int32Array.from({ length: DRAWN }, () =>
    Math.round(16 * 2 ** (unit() * Math.log2(most / 16))),
  );
  const victims = Int32Array.from({ length: DRAWN }, () => Math.floor(unit() * liveCount));
  const heap = new GpuHeap(device, { usage, blockBytes: BLOCK_BYTES });
  const live: GpuAllocation[] = Array.from({ length: liveCount }, (_, index) =>
    heap.allocate(sizes[index % DRAWN]!),
  );
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let pair = 0; pair < PAIRS; pair++) {
      const victim = victims[pair % DRAWN]!;
      live[victim]!.free();
      live[victim] = heap.allocate(sizes[(pair + 12_345 * round) % DRAWN]!);
    }
    rounds.push(((performance.now() - start) * 1e6) / PAIRS);
  }
  heap.check();
  return rounds.sort((a, b) => a - b);
}

const [usageName, most, liveCount] = process.argv.slice(2);
const usage = usageName === "uniform" ? UNIFORM : VERTEX;
const rounds = measure(usage, Number(most ?? 65_536), Number(liveCount ?? 10_000));
const median = rounds[Math.floor(ROUNDS / 2)]!;
console.log(
  `${(usageName ?? "vertex").padEnd(8)} 16 to ${most ?? 65_536} bytes, ${liveCount ?? 10_000} live: ` +
    `${median.toFixed(0)} ns a pair (least ${rounds[0]!.toFixed(0)})`,
);
