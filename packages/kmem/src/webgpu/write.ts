/** Writes into allocations, by WebGPU's rules. */
import { argumentError, requireInteger } from "../errors.ts";
import type { DeviceLike } from "./device.ts";
import type { GpuAllocation } from "./gpu-allocation.ts";

/** Returns `value` when it is a multiple of 4 from 0 to `max`, inclusive: WebGPU writes and copies whole words. */
export function requireWords(name: string, value: number, max: number): number {
  requireInteger(name, value, 0, max);
  if (value % 4 === 0) return value;
  throw argumentError(name, "a multiple of 4", value);
}

/** Has the queue write `data` into `allocation` from `byteOffset` on. */
export function writeBytes(
  queue: DeviceLike["queue"],
  { buffer, offset, size }: Pick<GpuAllocation, "buffer" | "offset" | "size">,
  data: ArrayBufferView | ArrayBufferLike,
  byteOffset: number,
): void {
  requireWords("byteOffset", byteOffset, size);
  const byteLength = requireWords("data.byteLength", data?.byteLength, size - byteOffset);
  const [bytes, start] = ArrayBuffer.isView(data) ? [data.buffer, data.byteOffset] : [data, 0];
  // WebGPU copies what it is given before it returns, so memory that threads share will do.
  queue.writeBuffer(buffer as never, offset + byteOffset, bytes as ArrayBuffer, start, byteLength);
}
