/**
 * Buffers whose making is checked.
 *
 * A device makes a buffer at once and tells later, through an error scope, that it could not. So each buffer comes with
 * a promise of the error that it met.
 */
import { AllocError } from "../errors.ts";
import type { BufferDescriptor, BufferOf, DeviceLike } from "./device.ts";

/** A buffer, and what the device will say of it. */
export interface CheckedBuffer<Buffer> {
  readonly buffer: Buffer;
  /** Resolves with undefined when the device has the buffer, else with why not. Never rejects. */
  readonly refusal: Promise<AllocError | undefined>;
}

/** The error for a device that is lost. */
export function lostError(reason: unknown): AllocError {
  return new AllocError("DEVICE_LOST", `the GPU device is lost: ${reason}`);
}

/** Makes a buffer, with its two error scopes. */
export function createChecked<Device extends DeviceLike>(
  device: Device,
  descriptor: BufferDescriptor,
): CheckedBuffer<BufferOf<Device>> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const buffer = device.createBuffer(descriptor) as BufferOf<Device>;
  const answers = Promise.all([device.popErrorScope(), device.popErrorScope()]);
  const refusal = answers.then(([invalid, full]) => {
    const error = full ?? invalid;
    if (error === null) return undefined;
    const code = full === null ? "DEVICE_ERROR" : "DEVICE_OUT_OF_MEMORY";
    const { label, size } = descriptor;
    return new AllocError(
      code,
      `the GPU device refused buffer "${label}" of ${size} bytes: ${error.message}`,
    );
  }, lostError);
  return { buffer, refusal };
}
