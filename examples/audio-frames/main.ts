// Audio frames through three workers, passed by offset in a shared heap, and once more by copy.

import { join } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { SharedHeap } from "kmem";
import type { Measured, StageData } from "./stage.ts";

const FRAME_COUNT = 20_000;
/** A frame holds 10 ms of sound. */
const FRAME_SECONDS = 0.01;

/** Runs the pipeline; returns what its meter measured, and the seconds that it took. */
async function run(byOffset: boolean): Promise<Measured & { seconds: number }> {
  const heap = SharedHeap.create({ size: 4 * 2 ** 20 });
  const [toFilter, toMeter, toSource] = [new MessageChannel(), new MessageChannel(), new MessageChannel()];
  const startMs = performance.now();
  const start = (role: StageData["role"], input: MessagePort, output: MessagePort): Worker => {
    const workerData: StageData = {
      role,
      handle: heap.handle,
      byOffset,
      frameCount: FRAME_COUNT,
      input,
      output,
    };
    return new Worker(join(import.meta.dirname, "stage.ts"), { workerData, transferList: [input, output] });
  };
  const workers = [
    start("meter", toMeter.port2, toSource.port1),
    start("filter", toFilter.port2, toMeter.port1),
    start("source", toSource.port2, toFilter.port1),
  ];
  const measured = await new Promise<Measured>((resolve, reject) => {
    workers[0]!.on("message", resolve);
    for (const worker of workers) worker.on("error", reject);
  });
  const seconds = (performance.now() - startMs) / 1000;
  await Promise.all(workers.map((worker) => worker.terminate()));
  return { ...measured, seconds };
}

console.log("passed      frames  volume  frames a second  times real time  left in the heap");
for (const byOffset of [true, false]) {
  const { frames, volume, seconds, left } = await run(byOffset);
  const columns = [
    (byOffset ? "by offset" : "by copy").padEnd(9),
    frames.toLocaleString("en").padStart(7),
    volume.toFixed(4).padStart(6),
    Math.round(frames / seconds)
      .toLocaleString("en")
      .padStart(15),
    Math.round((frames * FRAME_SECONDS) / seconds)
      .toLocaleString("en")
      .padStart(15),
    `${left}`.padStart(16),
  ];
  console.log(columns.join("  "));
}
