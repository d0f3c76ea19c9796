/** WebGPU writes and copies whole words of 4 bytes. */
import { argumentError, requireInteger } from "../errors.ts";

/** Returns `value` when it is a multiple of 4 from 0 to `max`, inclusive. */
export function requireWords(name: string, value: number, max: number): number {
  requireInteger(name, value, 0, max);
  if (value % 4 === 0) return value;
  throw argumentError(name, "a multiple of 4", value);
}
