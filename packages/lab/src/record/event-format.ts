/**
 * The kernel's own description of an event's bytes: `events/GROUP/EVENT/format`. Reading it, instead of knowing the
 * layout, is what lets a recording be made on other kernel versions.
 */
import { RecordError } from "./record-error.ts";

/** Where a field of an event lies. */
export interface EventField {
  /** From the start of the event's data, in bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
  readonly isSigned: boolean;
  /** Is it a word that says where the text lies: its offset in the low half, its length in the high half? */
  readonly isText: boolean;
}

/** One kind of event. */
export interface EventFormat {
  readonly name: string;
  /** What `common_type` is in events of this kind. */
  readonly id: number;
  readonly fields: ReadonlyMap<string, EventField>;
  /** How the kernel would print it. */
  readonly printFormat: string;
}

const NAME = /^name: (\S+)/m;
const ID = /^ID: (\d+)/m;
const FIELD =
  /^\tfield:(?<type>.*?)(?<name>\w+)(?:\[\d*\])?;\toffset:(?<offset>\d+);\tsize:(?<size>\d+);(?:\tsigned:(?<signed>\d);)?$/gm;
const PRINT_FORMAT = /^print fmt: (.*)$/m;

/** Parses the text of a `format` file. Throws a RecordError when it is not one. */
export function parseEventFormat(text: string): EventFormat {
  const name = NAME.exec(text)?.[1];
  const id = ID.exec(text)?.[1];
  if (name === undefined || id === undefined) {
    throw new RecordError("NO_EVENTS", "the kernel describes its events in a way that is not understood");
  }
  const fields = new Map<string, EventField>();
  for (const { groups } of text.matchAll(FIELD)) {
    fields.set(groups!["name"]!, {
      offset: Number(groups!["offset"]),
      size: Number(groups!["size"]),
      isSigned: groups!["signed"] === "1",
      isText: groups!["type"]!.startsWith("__data_loc"),
    });
  }
  return { name, id: Number(id), fields, printFormat: PRINT_FORMAT.exec(text)?.[1] ?? "" };
}
