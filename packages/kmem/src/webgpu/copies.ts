/**
 * Copies within and between buffers.
 *
 * WebGPU copies between two different buffers only. A copy within one buffer goes through a scratch buffer, in two
 * steps; commands of one encoder run in order, so one scratch buffer serves all of them.
 */
import { COPY_DST, COPY_SRC } from "./buffer-usage.ts";
import type { BufferLike, BufferOf, DeviceLike, EncoderLike } from "./device.ts";

/** A copy of bytes. The two places do not overlap, unless they are in one buffer. */
export interface Copy<Buffer> {
  readonly from: Buffer;
  readonly fromOffset: number;
  readonly to: Buffer;
  readonly toOffset: number;
  /** Bytes; a multiple of 4. */
  readonly size: number;
}

/** Submits the copies, in order. Throws nothing: a device tells of errors through its scopes. */
export function submitCopies<Device extends DeviceLike>(
  device: Device,
  copies: readonly Copy<BufferOf<Device>>[],
): void {
  const encoder = device.createCommandEncoder() as EncoderLike<BufferLike>;
  const size = copies.reduce((most, { from, to, size }) => Math.max(most, from === to ? size : 0), 0);
  const usage = COPY_SRC | COPY_DST;
  const scratch = size > 0 ? device.createBuffer({ label: "kmem", size, usage }) : undefined;
  for (const { from, fromOffset, to, toOffset, size } of copies) {
    if (from === to && scratch !== undefined) {
      encoder.copyBufferToBuffer(from, fromOffset, scratch, 0, size);
      encoder.copyBufferToBuffer(scratch, 0, to, toOffset, size);
    } else encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, size);
  }
  device.queue.submit([encoder.finish() as never]);
  scratch?.destroy();
}
