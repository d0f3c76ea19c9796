/**
 * What offsets in a buffer must be multiples of, by the buffer's usage: the rules of WebGPU in one table.
 */
import { argumentError, requireInteger } from "../errors.ts";
import { ALL_USAGES, MAP_READ, MAP_WRITE, QUERY_RESOLVE, STORAGE, UNIFORM } from "./buffer-usage.ts";
import type { LimitsLike } from "./device.ts";

/**
 * The alignment, in bytes, at which an allocation can be used in every way that `usage` (bits of `GPUBufferUsage`) allows
 * on a device with `limits`. A power of two.
 */
export function alignmentFor(usage: number, limits: LimitsLike): number {
  return Math.max(
    // 4 bytes for copies, writes, vertices, indices and indirect arguments; up to 16 for the texels of a copy.
    16,
    usage & UNIFORM && limits.minUniformBufferOffsetAlignment,
    usage & STORAGE && limits.minStorageBufferOffsetAlignment,
    usage & QUERY_RESOLVE && 256,
  );
}

/**
 * Returns `usage` when buffers of it can be shared by many allocations. Throws RangeError or TypeError for what is no
 * set of usages, and for those to be mapped: a map takes the whole buffer from the GPU, and so from every tenant.
 */
export function requireUsage(usage: number): number {
  requireInteger("usage", usage, 1, ALL_USAGES);
  if ((usage & (MAP_READ | MAP_WRITE)) === 0) return usage;
  throw argumentError("usage", "without mapping", usage);
}
