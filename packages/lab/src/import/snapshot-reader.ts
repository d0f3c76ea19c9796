/**
 * Reads a snapshot of a kmem heap (docs/snapshot.md) as a recording: one allocation for each object that it holds, by
 * rising offset. What was asked for is not in a snapshot: the cache's object size stands for it.
 */
import type { HeapSnapshot, RangeSnapshot, SlabSnapshot } from "kmem";
import { blankEvent, EventKind, type TraceSink } from "../trace/event.ts";
import { sourceFacts, type SourceFacts } from "../trace/recording.ts";
import { TraceError, type TraceErrorCode } from "../trace/trace-error.ts";
import type { TraceNames } from "../trace/trace-names.ts";
import type { ReaderOptions, RecordingReader } from "./recording-reader.ts";

/** Byte heaps reach this far. */
const MAX_OFFSET = 2 ** 32;
/** Caches of this name are the size classes of `malloc`. */
const SIZE_CLASS = /^malloc-\d+$/;

/** An object, or a large allocation, of a snapshot. */
interface Held {
  readonly offset: number;
  readonly requestedBytes: number;
  readonly heldBytes: number;
  /** Null for what `malloc` gave. */
  readonly cache: string | null;
}

/** Reads one snapshot. Holds its text until the end, as JSON has to be read whole. */
export class SnapshotReader implements RecordingReader {
  readonly #file: string;
  readonly #sink: TraceSink;
  readonly #names: TraceNames;
  readonly #limit: number;
  readonly #decoder = new TextDecoder();
  #text = "";
  #textBytes = 0;
  #pageSize: number | null = null;
  #eventCount = 0;

  constructor({ file, sink, names, limit = Infinity }: ReaderOptions) {
    this.#file = file;
    this.#sink = sink;
    this.#names = names;
    this.#limit = limit;
  }

  get lineCount(): number {
    return 0;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  get isDone(): boolean {
    return this.#eventCount >= this.#limit;
  }

  push(chunk: Uint8Array): void {
    this.#textBytes += chunk.length;
    this.#text += this.#decoder.decode(chunk, { stream: true });
  }

  finish(): void {
    const snapshot = this.#parse();
    this.#pageSize = snapshot.pageSize;
    const event = blankEvent();
    event.kind = EventKind.MALLOC;
    for (const { offset, requestedBytes, heldBytes, cache } of this.#held(snapshot)) {
      if (this.isDone) return;
      event.key = offset;
      event.bytesRequested = requestedBytes;
      event.bytesAllocated = heldBytes;
      event.cacheIndex = cache === null ? -1 : this.#names.caches.internText(cache);
      this.#sink.add(event);
      this.#eventCount++;
    }
  }

  facts(): SourceFacts {
    return sourceFacts("snapshot", {
      sources: [this.#file],
      pageSize: this.#pageSize,
      clockCountsTicks: true,
      pointers: "numbers",
      textBytes: this.#textBytes,
    });
  }

  #parse(): HeapSnapshot {
    const text = this.#text + this.#decoder.decode();
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch (error) {
      const isCut = !text.trimEnd().endsWith("}");
      // The words of the parser show the text's own line breaks.
      const found = (error as Error).message.replaceAll(/\s+/g, " ");
      this.#fail(isCut ? "TRUNCATED" : "SYNTAX", `expected a whole JSON document: ${found}`);
    }
    const snapshot = document as Partial<HeapSnapshot> | null;
    if (snapshot?.format !== "kmem-heap" || snapshot.version !== 1) {
      const what = 'expected a snapshot of format "kmem-heap", version 1; found another JSON document';
      this.#fail("FOREIGN", what);
    }
    const lists = [snapshot.caches, snapshot.slabs, snapshot.large];
    if (!lists.every(isListOfObjects)) {
      this.#fail("SYNTAX", "expected lists of caches, slabs and large allocations");
    }
    return snapshot as HeapSnapshot;
  }

  #held(snapshot: HeapSnapshot): Held[] {
    const held = [
      ...snapshot.large.map((range) => this.#heldLarge(range)),
      ...snapshot.slabs.flatMap((slab) => this.#heldInSlab(slab, snapshot.caches)),
    ];
    return held.toSorted((a, b) => a.offset - b.offset);
  }

  #heldLarge({ offset, byteLength }: RangeSnapshot): Held {
    this.#checkWhole({ offset, byteLength });
    return { offset, requestedBytes: byteLength, heldBytes: byteLength, cache: null };
  }

  #heldInSlab({ offset, slotSize, cache, slots }: SlabSnapshot, caches: HeapSnapshot["caches"]): Held[] {
    const requestedBytes = caches.find(({ name }) => name === cache)?.objectSize;
    if (requestedBytes === undefined)
      this.#fail("SYNTAX", `expected the name of a cache; found ${shown(cache)}`);
    this.#checkWhole({ offset, slotSize, objectSize: requestedBytes });
    if (!/^[01]*$/.test(slots)) this.#fail("SYNTAX", 'expected slots of "0" and "1"');
    const used = Array.from({ length: slots.length }, (_, slot) => slot).filter(
      (slot) => slots[slot] === "1",
    );
    return used.map((slot) => ({
      offset: offset + slot * slotSize,
      requestedBytes,
      heldBytes: slotSize,
      cache: SIZE_CLASS.test(cache) ? null : cache,
    }));
  }

  /** Throws unless all of these are whole numbers of a heap's size. */
  #checkWhole(numbers: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(numbers)) {
      if (Number.isInteger(value) && value >= 0 && value <= MAX_OFFSET) continue;
      this.#fail("SYNTAX", `expected a whole number of bytes as ${name}; found ${shown(value)}`);
    }
  }

  #fail(code: TraceErrorCode, what: string): never {
    throw new TraceError(code, { file: this.#file, line: 0 }, `${this.#file}: ${what}`);
  }
}

function isListOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "object" && item !== null);
}

/** A value of the document, for a message. */
function shown(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
