/**
 * Copies within and between buffers.
 *
 * WebGPU copies between two different buffers only. A copy within one buffer goes through a scratch buffer, in two
 * steps; commands of one encoder run in order, so one scratch buffer serves all of them.
 */
import { BufferUsage, type BufferLike, type BufferOf, type DeviceLike, type EncoderLike } from "./device.ts";

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
  const within = copies.filter(({ from, to }) => from === to).map(({ size }) => size);
  const scratch =
    within.length === 0
      ? undefined
      : device.createBuffer({
          label: "kmem scratch",
          size: within.reduce((most, size) => Math.max(most, size)),
          usage: BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
        });
  for (const { from, fromOffset, to, toOffset, size } of copies) {
    if (from === to && scratch !== undefined) {
      encoder.copyBufferToBuffer(from, fromOffset, scratch, 0, size);
      encoder.copyBufferToBuffer(scratch, 0, to, toOffset, size);
    } else encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, size);
  }
  device.queue.submit([encoder.finish() as never]);
  scratch?.destroy();
}
