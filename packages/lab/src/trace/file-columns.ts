/**
 * The columns of a trace file: how each is written from, and read into, the columns of events in memory. The table at
 * the end is the format; docs/trace-format.md says the same for people.
 *
 * A row that has no value in a column is null there, so that sums and counts in a query mean what they say.
 */
import type { DecodedArray, Encoding, SchemaElement } from "hyparquet";
import {
  asksForBytes,
  EVENT_NAMES,
  EventKind,
  isPageKind,
  NO_NAME,
  NO_PAGE,
  NODE_UNTOLD,
  UNTOLD,
} from "./event.ts";
import type { EventColumns } from "./event-columns.ts";
import type { NameTable } from "./name-table.ts";
import type { TraceNames } from "./trace-names.ts";

/** One column of the file. */
export interface FileColumn {
  readonly schema: SchemaElement;
  readonly encoding: Encoding;
  /** The values of all rows of `events`. */
  pack(events: EventColumns, names: TraceNames): DecodedArray;
  /** Puts `values` into the rows from `firstRow` on. Throws a RangeError at a value that cannot be. */
  unpack(values: DecodedArray, firstRow: number, events: EventColumns, names: TraceNames): void;
}

/** The columns of `EventColumns` that hold plain numbers. */
type NumberField = "bytesRequested" | "bytesAllocated" | "order" | "migrateType" | "node" | "cpu" | "pid";
/** Those that hold indices of names. */
type NameField = "cacheIndex" | "callSiteIndex" | "gfpIndex" | "taskIndex";

/** Does a row of this kind and with this number in memory have a value in the file? */
type HasValue = (kind: EventKind, value: number) => boolean;

const LOWER_SPAN = 2 ** 32;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** What a number column holds in memory: where the file holds null, and at least and at most. */
const NUMBERS: Readonly<Record<NumberField, { ofNull: number; min: number; max: number }>> = {
  bytesRequested: { ofNull: 0, min: 0, max: Number.MAX_SAFE_INTEGER },
  bytesAllocated: { ofNull: 0, min: 0, max: Number.MAX_SAFE_INTEGER },
  order: { ofNull: 0, min: 0, max: 52 },
  migrateType: { ofNull: UNTOLD, min: UNTOLD, max: 127 },
  node: { ofNull: NODE_UNTOLD, min: NODE_UNTOLD, max: 127 },
  cpu: { ofNull: UNTOLD, min: UNTOLD, max: 2 ** 15 - 1 },
  pid: { ofNull: UNTOLD, min: UNTOLD, max: 2 ** 31 - 1 },
};

/**
 * Whole numbers, null where `hasValue` says so: small ones as INT32, sizes as INT64. The loops work on doubles and the
 * typed arrays convert them, because a loop that meets five types of array is five times slower.
 */
function numberColumn(
  name: string,
  field: NumberField,
  type: "INT32" | "INT64",
  hasValue: HasValue,
): FileColumn {
  const asStored: (value: number) => number | bigint = type === "INT64" ? BigInt : Number;
  const { ofNull, min, max } = NUMBERS[field];
  return {
    schema: { name, type, repetition_type: "OPTIONAL" },
    encoding: "RLE_DICTIONARY",
    pack({ length, kind, [field]: column }) {
      const numbers = new Float64Array(column.subarray(0, length));
      const stored = new Map<number, number | bigint>();
      return Array.from({ length }, (_, row) => {
        const value = numbers[row]!;
        if (!hasValue(kind[row] as EventKind, value)) return null;
        let known = stored.get(value);
        if (known === undefined) stored.set(value, (known = asStored(value)));
        return known;
      });
    },
    unpack(values, firstRow, { [field]: column }) {
      const numbers = new Float64Array(values.length);
      for (let index = 0; index < values.length; index++) {
        const value: number | bigint | null = values[index];
        const number = value === null ? ofNull : Number(value);
        if (!(number >= min && number <= max)) throw new RangeError(`${name} cannot be ${value}`);
        numbers[index] = number;
      }
      column.set(numbers, firstRow);
    },
  };
}

/** Names, null where there is none. Each different name lies once in a row group. */
function nameColumn(name: string, field: NameField, tableOf: (names: TraceNames) => NameTable): FileColumn {
  return {
    schema: { name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
    encoding: "RLE_DICTIONARY",
    pack({ length, [field]: column }, names) {
      const texts = tableOf(names).names;
      const indices = new Int32Array(column.subarray(0, length));
      return Array.from(indices, (index) => (index === NO_NAME ? null : texts[index]!));
    },
    unpack(values, firstRow, { [field]: column }, names) {
      const table = tableOf(names);
      const indexOf = new Map<string | null, number>([[null, NO_NAME]]);
      const indices = new Int32Array(values.length);
      for (let index = 0; index < values.length; index++) {
        const text: string | null = values[index];
        let nameIndex = indexOf.get(text);
        if (nameIndex === undefined) indexOf.set(text, (nameIndex = table.internText(text!)));
        indices[index] = nameIndex;
      }
      column.set(indices, firstRow);
    },
  };
}

/** What happened, by the kernel's name. Never null. */
const eventColumn: FileColumn = {
  schema: { name: "event", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  encoding: "RLE_DICTIONARY",
  pack: ({ length, kind }) => Array.from({ length }, (_, row) => EVENT_NAMES[kind[row]!]!),
  unpack(values, firstRow, { kind }) {
    const kindOf = new Map(EVENT_NAMES.map((name, index) => [name, index]));
    for (let index = 0; index < values.length; index++) {
      const known = kindOf.get(values[index]);
      if (known === undefined) throw new RangeError(`event cannot be "${values[index]}"`);
      kind[firstRow + index] = known;
    }
  },
};

/** Whole nanoseconds. Never null. */
const timeColumn: FileColumn = {
  schema: { name: "time_ns", type: "INT64", repetition_type: "REQUIRED" },
  encoding: "DELTA_BINARY_PACKED",
  pack: ({ length, timeNanoseconds }) =>
    BigInt64Array.from({ length }, (_, row) => BigInt(timeNanoseconds[row]!)),
  unpack(values, firstRow, { timeNanoseconds }) {
    for (let index = 0; index < values.length; index++)
      timeNanoseconds[firstRow + index] = Number(values[index]);
  },
};

/** Page frame numbers; null for events without pages, and for a page allocation that failed. */
const pageColumn: FileColumn = {
  schema: { name: "pfn", type: "INT64", repetition_type: "OPTIONAL" },
  encoding: "DELTA_BINARY_PACKED",
  pack: ({ length, kind, key }) =>
    Array.from({ length }, (_, row) =>
      isPageKind(kind[row] as EventKind) && key[row] !== NO_PAGE ? BigInt(key[row]!) : null,
    ),
  unpack(values, firstRow, { key }) {
    for (let index = 0; index < values.length; index++) {
      if (values[index] !== null) key[firstRow + index] = Number(values[index]);
    }
  },
};

/** 64-bit pointers as they were; null for page events. */
const pointerColumn: FileColumn = {
  schema: { name: "ptr", type: "INT64", converted_type: "UINT_64", repetition_type: "OPTIONAL" },
  encoding: "RLE_DICTIONARY",
  pack({ length, kind, key }, { pointers }) {
    const pointerOf = new Map<number, bigint>();
    return Array.from({ length }, (_, row) => {
      if (isPageKind(kind[row] as EventKind)) return null;
      const own = key[row]!;
      let pointer = pointerOf.get(own);
      if (pointer === undefined) {
        pointer = (BigInt(pointers.highWordOf(own)) << 32n) | BigInt(own % LOWER_SPAN);
        pointerOf.set(own, pointer);
      }
      return pointer;
    });
  },
  unpack(values, firstRow, { key }, { pointers }) {
    const word = new BigUint64Array(1);
    const halves = new Uint32Array(word.buffer);
    const [low, high] = IS_LITTLE_ENDIAN ? [0, 1] : [1, 0];
    for (let index = 0; index < values.length; index++) {
      if (values[index] === null) continue;
      word[0] = values[index];
      const upper = halves[high]!;
      const own = pointers.keyOf(upper >>> 16, (upper & 0xffff) * LOWER_SPAN + halves[low]!);
      if (own < 0) throw new RangeError("more than 32 different upper halves of pointers");
      key[firstRow + index] = own;
    }
  },
};

const isKernelAllocation = (kind: EventKind): boolean => kind <= EventKind.KMEM_CACHE_ALLOC_NODE;
const isTold = (_kind: EventKind, value: number): boolean => value !== UNTOLD;

/** All columns, in the order in which they stand in the file. */
export const FILE_COLUMNS: readonly FileColumn[] = [
  timeColumn,
  eventColumn,
  pointerColumn,
  pageColumn,
  numberColumn("order", "order", "INT32", isPageKind),
  numberColumn("bytes_req", "bytesRequested", "INT64", asksForBytes),
  numberColumn("bytes_alloc", "bytesAllocated", "INT64", isKernelAllocation),
  nameColumn("cache", "cacheIndex", ({ caches }) => caches),
  nameColumn("call_site", "callSiteIndex", ({ callSites }) => callSites),
  nameColumn("gfp_flags", "gfpIndex", ({ gfpFlags }) => gfpFlags),
  numberColumn("migratetype", "migrateType", "INT32", isTold),
  numberColumn("node", "node", "INT32", (_kind, value) => value !== NODE_UNTOLD),
  numberColumn("cpu", "cpu", "INT32", isTold),
  numberColumn("pid", "pid", "INT32", isTold),
  nameColumn("task", "taskIndex", ({ tasks }) => tasks),
];
