/** Bytes that tell whose they are: what a driver writes into its objects, to find out whether they stay. */
import { Random } from "./random.ts";
import { fail } from "./driver.ts";

const CHUNK = 65536;
const SHIFTS = 4093;

/** Random bytes; each object's pattern begins at a place of its own. */
const PATTERN = new Uint8Array(CHUNK + SHIFTS);
{
  const random = new Random(1);
  for (let index = 0; index < PATTERN.length; index++) PATTERN[index] = random.below(256);
}
const PATTERN_BUFFER = Buffer.from(PATTERN.buffer);
const ZEROS = Buffer.alloc(CHUNK);

/** Writes the pattern of `id` over bytes `offset` to `offset + byteLength`. */
export function fillPayload(buffer: ArrayBufferLike, offset: number, byteLength: number, id: number): void {
  const shift = (id * 7) % SHIFTS;
  for (let done = 0; done < byteLength; done += CHUNK) {
    const length = Math.min(CHUNK, byteLength - done);
    new Uint8Array(buffer, offset + done, length).set(PATTERN.subarray(shift, shift + length));
  }
}

/** Fails unless bytes `offset` to `offset + byteLength` hold the pattern of `id`. */
export function verifyPayload(buffer: ArrayBufferLike, offset: number, byteLength: number, id: number): void {
  const shift = (id * 7) % SHIFTS;
  for (let done = 0; done < byteLength; done += CHUNK) {
    const length = Math.min(CHUNK, byteLength - done);
    const found = new Uint8Array(buffer, offset + done, length);
    if (PATTERN_BUFFER.compare(found, 0, length, shift, shift + length) !== 0) {
      fail(`the bytes of object ${id} at offset ${offset} changed`);
    }
  }
}

/** Fails unless bytes `offset` to `offset + byteLength` are all zero. */
export function verifyZero(buffer: ArrayBufferLike, offset: number, byteLength: number): void {
  for (let done = 0; done < byteLength; done += CHUNK) {
    const length = Math.min(CHUNK, byteLength - done);
    const found = new Uint8Array(buffer, offset + done, length);
    if (ZEROS.compare(found, 0, length, 0, length) !== 0) fail(`the bytes at offset ${offset} are not zero`);
  }
}
