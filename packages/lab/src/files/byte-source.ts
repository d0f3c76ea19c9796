/**
 * Opens a file, or the standard input, as a stream of decompressed bytes. What the file is, is told by its
 * first bytes, never by its name.
 */
import { createReadStream, open as openByCallback } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { Readable, type Transform } from "node:stream";
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { TraceError } from "../trace/trace-error.ts";
import { PARQUET_MAGIC } from "../trace/trace-reader.ts";
import { reasonOf, UserError } from "./user-error.ts";

const openDescriptor = promisify(openByCallback);

/** The name that stands for the standard input. */
const STANDARD_INPUT = "-";

const READ_CHUNK_BYTES = 1 << 18;
const MAGIC_LENGTH = 8;

/** Formats that are not read here, by their first bytes, each with what to do about it. */
const FOREIGN_FORMATS: readonly { readonly magic: readonly number[]; readonly what: string }[] = [
  {
    magic: [0x17, 0x08, 0x44],
    what: "a trace-cmd data file: give the text that trace-cmd report prints",
  },
  {
    magic: [0x50, 0x45, 0x52, 0x46],
    what: "a perf data file: give the text that perf script prints",
  },
  {
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a],
    what: "xz-compressed: decompress it first (xz -dc FILE | kmem import - -o OUT)",
  },
  {
    magic: [0x42, 0x5a, 0x68],
    what: "bzip2-compressed: decompress it first (bzip2 -dc FILE | kmem import - -o OUT)",
  },
  { magic: [0x50, 0x4b, 0x03, 0x04], what: "a zip archive: unpack it first" },
];

/** Node has it since 22.15. */
function makeZstdDecompress(): Transform {
  if (typeof zlib.createZstdDecompress !== "function") {
    throw new UserError(
      `Node ${process.version} cannot undo zstd: decompress first (zstd -dc FILE | kmem … -)`,
    );
  }
  return zlib.createZstdDecompress({ chunkSize: READ_CHUNK_BYTES });
}

/** Ways of compression that are undone here. */
const DECOMPRESSORS: readonly { readonly magic: readonly number[]; readonly make: () => Transform }[] = [
  { magic: [0x1f, 0x8b], make: () => zlib.createGunzip({ chunkSize: READ_CHUNK_BYTES }) },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], make: makeZstdDecompress },
];

/** An open file: its bytes, decompressed, and how far it has been read. */
export interface ByteSource {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly compressed: boolean;
  /** Does it start as a trace file does? Its bytes are best read in parts then. */
  readonly isTraceFile: boolean;
  /** Size of the file as it lies on disk; null for a pipe. */
  readonly fileBytes: number | null;
  /** Bytes of the file read so far, before decompression. */
  readBytes(): number;
  /** Closes the file; also needed where the chunks were not read to their end. */
  close(): void;
}

/**
 * Opens `file` (`-`: the standard input). Throws a TraceError if it cannot be opened, is empty, or starts like a
 * format that is not read here. Iterating over the chunks throws the errors of reading and decompressing.
 */
export async function openByteSource(file: string): Promise<ByteSource> {
  const { raw, fileBytes } = await openRaw(file);
  let readBytes = 0;
  const counted = (async function* () {
    for await (const chunk of raw as AsyncIterable<Buffer>) {
      readBytes += chunk.length;
      yield chunk as Uint8Array;
    }
  })();

  const head = await readHead(file, counted);
  if (head.length === 0) throw new TraceError("EMPTY", { file, line: 0 }, `${file} is empty`);
  const foreign = FOREIGN_FORMATS.find(({ magic }) => startsWith(head, magic));
  if (foreign !== undefined) {
    raw.destroy();
    throw new TraceError("FOREIGN", { file, line: 0 }, `${file} is ${foreign.what}`);
  }
  const decompressor = DECOMPRESSORS.find(({ magic }) => startsWith(head, magic));
  const whole = prepended(head, counted);
  return {
    chunks: decompressor === undefined ? whole : decompressed(whole, decompressor.make()),
    compressed: decompressor !== undefined,
    isTraceFile: startsWith(head, PARQUET_MAGIC),
    fileBytes,
    readBytes: () => readBytes,
    close: () => raw.destroy(),
  };
}

async function openRaw(file: string): Promise<{ raw: Readable; fileBytes: number | null }> {
  if (file === STANDARD_INPUT) return { raw: process.stdin, fileBytes: null };
  try {
    const properties = await stat(file);
    if (properties.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    // A read of a pipe may wait for ever, and a program does not end while a thread waits: a socket waits without one.
    const raw = properties.isFIFO()
      ? new Socket({ fd: await openDescriptor(file, "r"), writable: false })
      : createReadStream(file, { fd: await open(file), highWaterMark: READ_CHUNK_BYTES });
    return { raw, fileBytes: properties.isFile() ? properties.size : null };
  } catch (error) {
    throw new TraceError("UNREADABLE", { file, line: 0 }, `cannot open ${file}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** The first bytes: at least as many as the longest magic, if the file has them. A pipe may bring them piecemeal. */
async function readHead(file: string, chunks: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  try {
    while (head.length < MAGIC_LENGTH) {
      const next = await chunks.next();
      if (next.done === true) break;
      head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    }
  } catch (error) {
    throw new TraceError("UNREADABLE", { file, line: 0 }, `cannot read ${file}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  return head;
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

async function* prepended(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}

/** Decompresses off the main thread, a few chunks ahead of the reader. */
async function* decompressed(
  compressed: AsyncIterable<Uint8Array>,
  decompressor: Transform,
): AsyncGenerator<Uint8Array> {
  const input = Readable.from(compressed, { objectMode: false });
  input.on("error", (error) => decompressor.destroy(error));
  input.pipe(decompressor);
  try {
    for await (const chunk of decompressor as AsyncIterable<Buffer>) yield chunk;
  } finally {
    input.destroy();
    decompressor.destroy();
  }
}
