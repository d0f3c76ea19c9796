/** The memory pass of a JavaScript subject: untimed, so it may look at more than the measured loop does. */

import { readFileSync } from "node:fs";
import { checksumOf, KIND_BITS, KIND_MASK, OPERATION_WORDS, type OperationStream } from "../stream/layout.ts";
import type { ChildTask } from "../subjects/javascript.ts";
import type { MemorySample } from "../subjects/sample.ts";
import { payloadAfter } from "../workloads/workload.ts";
import type { Loop } from "./loop.ts";

/** Places at which the footprint is sampled, beside the one where the payload is largest. */
const MEMORY_SAMPLES = 256;

/** Runs the set-up and one round, or as much of it as there is time for, and follows payload and footprint. */
export function measureMemory(loop: Loop, stream: OperationStream, task: ChildTask): MemorySample {
  const operations = stream.words;
  const payloads = new Float64Array(stream.slotCount);
  const operationCount = stream.setupCount + stream.roundCount;
  const stride = Math.floor(operationCount / MEMORY_SAMPLES) + 1;
  let payloadBytes = 0;
  let peakPayloadBytes = 0;
  let peakFootprintBytes = 0;
  const endMs = performance.now() + (task.limitMs ?? Infinity);
  let index = 0;
  for (; index < operationCount; index++) {
    if (index % stride === 0 && performance.now() > endMs) break;
    const at = index * OPERATION_WORDS;
    const slot = (operations[at] as number) >>> KIND_BITS;
    const kind = (operations[at] as number) & KIND_MASK;
    loop.run("plain", at, at + OPERATION_WORDS);
    loop.fill?.(slot);
    const asked = payloadAfter(task.target, kind, operations[at + 1] as number);
    payloadBytes += asked - (payloads[slot] as number);
    payloads[slot] = asked;
    peakPayloadBytes = Math.max(peakPayloadBytes, payloadBytes);
    if (index % stride === 0 || index === stream.peakIndex) {
      peakFootprintBytes = Math.max(peakFootprintBytes, loop.footprintBytes() ?? anonymousBytes());
    }
  }
  const checksum = checksumOf(stream);
  const isCut = index < operationCount;
  return {
    allocator: task.allocator,
    checksum,
    operationCount: index,
    peakPayloadBytes,
    peakFootprintBytes,
    isCut,
  };
}

/** @returns bytes of this process that are resident and not backed by a file, counted page by page by the kernel */
function anonymousBytes(): number {
  const text = readFileSync("/proc/self/smaps_rollup", "utf8");
  return 1024 * Number(/^Anonymous:\s*(\d+)/m.exec(text)?.[1] ?? 0);
}
