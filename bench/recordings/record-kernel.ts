/**
 * Makes the two streams of the kernel from the lab's bundled recording: `node bench/recordings/record-kernel.ts`.
 *
 * Objects of named caches become mallocs of the cache's object size: so every subject can take them.
 */

import { fileURLToPath } from "node:url";
import { loadTrace } from "../../packages/lab/src/files/load-trace.ts";
import { objectStream, pageStream } from "../../packages/lab/src/replay/index.ts";
import { storeRecording } from "../src/recordings/catalogue.ts";
import { countKinds } from "../src/recordings/codec.ts";
import { StreamBuilder } from "../src/stream/builder.ts";
import type { OperationStream } from "../src/stream/layout.ts";
import { payloadBytesOf, type Target } from "../src/workloads/workload.ts";

const TRACE = fileURLToPath(new URL("../../packages/lab/traces/small-project.parquet", import.meta.url));
const ORIGIN = {
  program: "Linux 6.18.44, x86-64",
  command: "packages/lab/traces/record-small-project.sh",
  date: "2026-11-22",
};

/** @returns a round of `i`: piece i is allocated, and `~i`: it is freed; what is left is the teardown */
function toStream(
  operations: Int32Array,
  target: Target,
  argumentOf: (piece: number) => number,
): OperationStream {
  const builder = new StreamBuilder((argument) => payloadBytesOf(target, argument), operations.length);
  const vacant: number[] = [];
  const slotOf = new Map<number, number>();
  let slotCount = 0;
  builder.endSetup();
  for (const operation of operations) {
    if (operation >= 0) {
      const slot = vacant.pop() ?? slotCount++;
      slotOf.set(operation, slot);
      builder.malloc(slot, argumentOf(operation));
    } else {
      const slot = slotOf.get(~operation)!;
      builder.free(slot);
      vacant.push(slot);
    }
  }
  builder.endRoundAndFreeAll();
  return builder.finish();
}

function store(name: string, target: Target, description: string, stream: OperationStream): void {
  const { peakPayloadBytes } = stream;
  storeRecording(
    { name, target, description, ...ORIGIN, operations: countKinds(stream), peakPayloadBytes },
    stream,
  );
  console.log(`${name}: ${stream.roundCount} operations`);
}

const { trace } = await loadTrace(TRACE);
const objects = objectStream(trace);
store(
  "kernel-objects",
  "heap",
  "the Linux kernel's objects while a small C project is built: kmalloc and named caches, all as malloc",
  toStream(objects.operations, "heap", (object) => objects.bytesRequested[object]!),
);
const pages = pageStream(trace);
store(
  "kernel-pages",
  "buddy",
  "the Linux kernel's blocks of pages while a small C project is built",
  toStream(pages.operations, "buddy", (block) => pages.order[block]!),
);
