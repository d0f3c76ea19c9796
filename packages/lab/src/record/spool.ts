/**
 * Keeps the raw pages of the trace buffers while a recording runs, a file a processor. Copying pages is all that is done
 * then; to decode and pack them would take time from what is recorded.
 *
 * The files have no name: they are removed right after they are opened, so that nothing can be left behind. They lie in
 * the folder of the file to be written, which needs the space anyway.
 */
import { closeSync, fstatSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";

/** One processor's pages, in the order of writing. */
export class Spool {
  readonly #fd: number;
  #bytes = 0;

  /** Throws the errors of opening a file in `folder`. */
  constructor(folder: string, name: string) {
    const file = join(folder, `.kmem-spool-${process.pid}-${name}`);
    this.#fd = openSync(file, "wx+");
    unlinkSync(file);
  }

  /** Bytes written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends bytes. Throws the errors of writing, such as that of a full disk. */
  append(bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length)
      done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#bytes + done);
    this.#bytes += bytes.length;
  }

  /** The bytes again, in pieces of up to `chunk`'s length, in `chunk`, which is overwritten each time. */
  *read(chunk: Uint8Array): Generator<Uint8Array> {
    const { size } = fstatSync(this.#fd);
    for (let at = 0; at < size;) {
      const bytes = readSync(this.#fd, chunk, 0, Math.min(chunk.length, size - at), at);
      if (bytes === 0) return;
      yield chunk.subarray(0, bytes);
      at += bytes;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
