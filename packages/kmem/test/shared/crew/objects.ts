/** The bytes of the crew's objects: 16 that say what it is, then a pattern. Whoever holds one can verify it. */
import { fail } from "../../model/driver.ts";
import { fillPayload, verifyPayload } from "../../model/payload.ts";
import type { BoardObject } from "./board.ts";

const HEAD_WORDS = 4;
/** The fewest bytes of an object. */
export const HEAD_BYTES = 4 * HEAD_WORDS;

/** Writes an object's bytes. */
export function writeObject(buffer: ArrayBufferLike, { offset, byteLength, id, maker }: BoardObject): void {
  new Int32Array(buffer, offset, HEAD_WORDS).set([id, byteLength, maker, ~id]);
  fillPayload(buffer, offset + HEAD_BYTES, byteLength - HEAD_BYTES, id);
}

/** What the bytes at `offset` say. Fails when they are not the first of an object. */
export function readObject(buffer: ArrayBufferLike, offset: number): BoardObject {
  const [id, byteLength, maker, notId] = new Int32Array(buffer, offset, HEAD_WORDS);
  if (notId !== ~id!) fail(`the bytes at offset ${offset} do not begin an object`);
  return { offset, byteLength: byteLength!, id: id!, maker: maker! };
}

/** Fails unless all bytes of an object are as they were written. */
export function verifyObject(buffer: ArrayBufferLike, object: BoardObject): void {
  const { offset, byteLength, id, maker } = object;
  const found = readObject(buffer, offset);
  if (found.id !== id || found.byteLength !== byteLength || found.maker !== maker) {
    fail(`object ${id} of ${maker} at offset ${offset} was written over by ${found.id} of ${found.maker}`);
  }
  verifyPayload(buffer, offset + HEAD_BYTES, byteLength - HEAD_BYTES, id);
}
