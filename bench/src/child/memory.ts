/** The memory pass of a JavaScript subject: untimed, so it may look at more than the measured loop does. */

import {
  addToChecksum,
  EMPTY_CHECKSUM,
  KIND_BITS,
  KIND_FREE,
  KIND_MASK,
  OPERATION_WORDS,
  type OperationStream,
} from "../stream/layout.ts";
import type { ChildTask } from "../subjects/javascript.ts";
import type { MemorySample } from "../subjects/sample.ts";
import { payloadBytesOf } from "../workloads/workload.ts";
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
  let checksum = EMPTY_CHECKSUM;
  for (let index = 0; index < operationCount; index++) {
    const head = operations[index * OPERATION_WORDS] as number;
    const argument = operations[index * OPERATION_WORDS + 1] as number;
    const slot = head >>> KIND_BITS;
    checksum = addToChecksum(addToChecksum(checksum, head), argument);
    if ((head & KIND_MASK) === KIND_FREE) {
      adapter.free(live[slot] as number);
      payloadBytes -= payloads[slot] as number;
    } else {
      live[slot] = adapter.allocate(argument);
      const asked = payloadBytesOf(task.target, argument);
      payloads[slot] = asked;
      payloadBytes += asked;
    }
    peakPayloadBytes = Math.max(peakPayloadBytes, payloadBytes);
    if (index % stride === 0 || index === stream.peakIndex) {
      peakFootprintBytes = Math.max(peakFootprintBytes, adapter.footprintBytes());
    }
  }
  return { allocator: task.adapter, checksum, operationCount, peakPayloadBytes, peakFootprintBytes };
}
