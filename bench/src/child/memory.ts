/** The memory pass of a JavaScript subject: untimed, so it may look at more than the measured loop does. */

import {
  checksumOf,
  KIND_BITS,
  KIND_FREE,
  KIND_MALLOC,
  KIND_MASK,
  OPERATION_WORDS,
  type OperationStream,
} from "../stream/layout.ts";
import type { ChildTask } from "../subjects/javascript.ts";
import type { MemorySample } from "../subjects/sample.ts";
import { payloadAfter } from "../workloads/workload.ts";
import type { Adapter } from "./adapter.ts";

/** Places at which the footprint is sampled, beside the one where the payload is largest. */
const MEMORY_SAMPLES = 256;

/** Runs the set-up and one round, and follows payload and footprint. */
export function measureMemory(adapter: Adapter, stream: OperationStream, task: ChildTask): MemorySample {
  const operations = stream.words;
  const live = adapter.createTable(stream.slotCount);
  const payloads = new Float64Array(stream.slotCount);
  const operationCount = stream.setupCount + stream.roundCount;
  const stride = Math.floor(operationCount / MEMORY_SAMPLES) + 1;
  let payloadBytes = 0;
  let peakPayloadBytes = 0;
  let peakFootprintBytes = 0;
  for (let index = 0; index < operationCount; index++) {
    const head = operations[index * OPERATION_WORDS] as number;
    const argument = operations[index * OPERATION_WORDS + 1] as number;
    const slot = head >>> KIND_BITS;
    const kind = head & KIND_MASK;
    if (kind === KIND_FREE) adapter.free(live[slot] as number);
    else if (kind === KIND_MALLOC) live[slot] = adapter.allocate(argument);
    else live[slot] = adapter.allocateOtherwise(kind, live[slot] as number, argument);
    const asked = payloadAfter(task.target, kind, argument);
    payloadBytes += asked - (payloads[slot] as number);
    payloads[slot] = asked;
    peakPayloadBytes = Math.max(peakPayloadBytes, payloadBytes);
    if (index % stride === 0 || index === stream.peakIndex) {
      peakFootprintBytes = Math.max(peakFootprintBytes, adapter.footprintBytes());
    }
  }
  const checksum = checksumOf(stream);
  return { allocator: task.adapter, checksum, operationCount, peakPayloadBytes, peakFootprintBytes };
}
