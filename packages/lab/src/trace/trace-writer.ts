/**
 * Writes a trace file, event by event, into whatever takes its bytes. Memory use does not depend on the number of events:
 * it holds one row group. The same events and facts make the same bytes.
 */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { crc32 } from "./crc32.ts";
import type { TraceEvent, TraceSink } from "./event.ts";
import { EventColumns } from "./event-columns.ts";
import { EventTally } from "./event-tally.ts";
import { FILE_COLUMNS } from "./file-columns.ts";
import { packMetadata, type RowGroupSum } from "./file-metadata.ts";
import type { RecordingFacts, SourceFacts } from "./recording.ts";
import { NO_STATE, type TraceExtras } from "./trace.ts";
import type { TraceNames } from "./trace-names.ts";

/** Takes the next bytes of a file. They are the caller's again when it returns. */
export type ByteSink = (bytes: Uint8Array) => void;

/** Events in a row group: enough for dictionaries to pay, and some 20 MB while it is packed. */
const ROW_GROUP_EVENTS = 1 << 16;

/** Hands each row group on as soon as it is complete. */
class RowGroupWriter extends ByteWriter {
  readonly sums: RowGroupSum[] = [];
  readonly #sink: ByteSink;

  constructor(sink: ByteSink) {
    super();
    this.#sink = sink;
  }

  /** Called by the Parquet writer after each row group. */
  flush(): void {
    const bytes = this.#take();
    this.sums.push({ byteLength: bytes.length, crc32: crc32(bytes) });
  }

  /** Called by the Parquet writer after the footer. */
  override finish(): void {
    this.#take();
  }

  #take(): Uint8Array {
    const bytes = this.getBytes();
    this.#sink(bytes);
    this.index = 0;
    return bytes;
  }
}

/** A trace file in the making: `add` its events, then `finish`. */
export class TraceWriter implements TraceSink {
  readonly #names: TraceNames;
  readonly #batch = new EventColumns(ROW_GROUP_EVENTS);
  readonly #tally = new EventTally();
  readonly #bytes: RowGroupWriter;
  readonly #parquet: ParquetWriter;

  /** `names` is what the events' numbers stand for; it may grow until `finish`. What `sink` throws, `add` throws. */
  constructor(names: TraceNames, sink: ByteSink) {
    this.#names = names;
    this.#bytes = new RowGroupWriter(sink);
    this.#parquet = new ParquetWriter({
      writer: this.#bytes,
      schema: [
        { name: "events", num_children: FILE_COLUMNS.length },
        ...FILE_COLUMNS.map(({ schema }) => schema),
      ],
      createdBy: "kmem",
    });
  }

  /** Events so far. */
  get eventCount(): number {
    return this.#tally.eventCount + this.#batch.length;
  }

  /** Appends one event. Amortized O(1); every 65,536th event packs and hands on a row group. */
  add(event: Readonly<TraceEvent>): void {
    this.#batch.add(event);
    if (this.#batch.length === ROW_GROUP_EVENTS) this.#writeRowGroup();
  }

  /** Writes what is left and the footer. Returns all facts, as a reader will find them. */
  finish(
    source: SourceFacts,
    { state = NO_STATE, attachments = new Map() }: TraceExtras = {},
  ): RecordingFacts {
    if (this.#batch.length > 0) this.#writeRowGroup();
    const facts = { ...source, ...this.#tally.totals(source.clockCountsTicks) };
    this.#parquet.kvMetadata = packMetadata({ facts, rowGroups: this.#bytes.sums, state, attachments });
    this.#parquet.finish();
    return facts;
  }

  #writeRowGroup(): void {
    this.#tally.add(this.#batch);
    this.#parquet.write({
      columnData: FILE_COLUMNS.map((column) => ({
        name: column.schema.name,
        data: column.pack(this.#batch, this.#names),
        encoding: column.encoding,
      })),
      rowGroupSize: ROW_GROUP_EVENTS,
      // One page a column and row group.
      pageSize: Infinity,
    });
    this.#batch.length = 0;
  }
}
