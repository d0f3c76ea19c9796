/** Turns the bytes of one event, as the kernel wrote them, into a `TraceEvent`, by the kernel's own description. */
import type { EventKind } from "../trace/event.ts";
import { blankEvent, EVENT_NAMES, NO_NAME, NODE_UNTOLD, UNTOLD, type TraceEvent } from "../trace/event.ts";
import type { TraceNames } from "../trace/trace-names.ts";
import type { EventField, EventFormat } from "./event-format.ts";
import { FlagNames } from "./flag-names.ts";
import type { KernelSymbols } from "./kernel-symbols.ts";
import { RecordError } from "./record-error.ts";
import type { TaskNames } from "./task-names.ts";

/** The common fields, which every event of one kernel has in the same place. */
const TYPE_FIELD = "common_type";
const PID_FIELD = "common_pid";
/** A page frame number that stands for none: the kernel writes the largest word. */
const NO_PAGE_HIGH = 0xffff_ffff;
const HIGH_SPAN = 2 ** 32;

/** Where one kind of event keeps what is kept; null for a field that it does not have. */
interface Layout {
  readonly kind: EventKind;
  readonly pointer: EventField | null;
  readonly page: EventField | null;
  readonly order: EventField | null;
  readonly requested: EventField | null;
  readonly allocated: EventField | null;
  readonly cache: EventField | null;
  readonly callSite: EventField | null;
  readonly flags: EventField | null;
  readonly flagNames: FlagNames;
  readonly migrateType: EventField | null;
  readonly node: EventField | null;
}

/** What the names of an event come from. */
export interface NameSources {
  readonly names: TraceNames;
  readonly symbols: KernelSymbols;
  readonly tasks: TaskNames;
}

/** Decodes the events of one recording into one reused object. */
export class EventDecoder {
  readonly event: TraceEvent = blankEvent();
  readonly #layouts: (Layout | undefined)[] = [];
  readonly #typeAt: number;
  readonly #pidAt: number;
  readonly #sources: NameSources;
  readonly #callSites = new Map<number, number>();
  readonly #flags = new Map<number, number>();
  readonly #tasks = new Map<number, number>();

  /** Takes the formats of all events to come. Throws a RecordError when they lack what an event is known by. */
  constructor(formats: readonly EventFormat[], sources: NameSources) {
    this.#sources = sources;
    const type = formats[0]?.fields.get(TYPE_FIELD);
    const pid = formats[0]?.fields.get(PID_FIELD);
    if (type?.size !== 2 || pid?.size !== 4) throw notUnderstood("its events");
    this.#typeAt = type.offset;
    this.#pidAt = pid.offset;
    for (const format of formats) this.#layouts[format.id] = layoutOf(format);
  }

  /**
   * Decodes the event whose data lie in `view` from `at` on into `event`, all but its time and processor. Returns false
   * for a kind that was not among the formats. Throws a RecordError for more different pointers than fit.
   */
  decode(view: DataView, at: number): boolean {
    const layout = this.#layouts[view.getUint16(at + this.#typeAt, true)];
    if (layout === undefined) return false;
    const { event } = this;
    const { cache, callSite, flags, migrateType, node, order, requested, allocated } = layout;
    event.kind = layout.kind;
    event.key =
      layout.page === null ? this.#pointer(view, at, layout.pointer!) : pageOf(view, at + layout.page.offset);
    event.order = order === null ? 0 : view.getInt32(at + order.offset, true);
    event.bytesRequested = requested === null ? 0 : sizeAt(view, at + requested.offset);
    event.bytesAllocated = allocated === null ? 0 : sizeAt(view, at + allocated.offset);
    event.migrateType = migrateType === null ? UNTOLD : view.getInt32(at + migrateType.offset, true);
    event.node = node === null ? NODE_UNTOLD : view.getInt32(at + node.offset, true);
    event.cacheIndex = cache === null ? NO_NAME : this.#text(view, at, cache);
    event.callSiteIndex = callSite === null ? NO_NAME : this.#callSite(view, at + callSite.offset);
    event.gfpIndex =
      flags === null ? NO_NAME : this.#flagsText(view.getUint32(at + flags.offset, true), layout.flagNames);
    event.pid = view.getInt32(at + this.#pidAt, true);
    event.taskIndex = this.#task(event.pid);
    return true;
  }

  #pointer(view: DataView, at: number, field: EventField): number {
    const low = view.getUint32(at + field.offset, true);
    const high = view.getUint32(at + field.offset + 4, true);
    const key = this.#sources.names.pointers.keyOf(high >>> 16, (high & 0xffff) * HIGH_SPAN + low);
    if (key < 0) throw notUnderstood("pointers with so many different upper halves");
    return key;
  }

  #text(view: DataView, at: number, field: EventField): number {
    const place = view.getUint32(at + field.offset, true);
    const start = view.byteOffset + at + (place & 0xffff);
    // The length counts the zero at the end.
    const bytes = new Uint8Array(view.buffer, start, Math.max(0, (place >>> 16) - 1));
    return this.#sources.names.caches.intern(bytes, 0, bytes.length);
  }

  #callSite(view: DataView, at: number): number {
    const lower48 = view.getUint16(at + 4, true) * HIGH_SPAN + view.getUint32(at, true);
    const { names, symbols } = this.#sources;
    return known(this.#callSites, lower48, () => names.callSites.internText(symbols.textOf(lower48)));
  }

  #flagsText(flags: number, flagNames: FlagNames): number {
    return known(this.#flags, flags, () => this.#sources.names.gfpFlags.internText(flagNames.textOf(flags)));
  }

  #task(pid: number): number {
    const { names, tasks } = this.#sources;
    return known(this.#tasks, pid, () => {
      const name = tasks.nameOf(pid);
      return name === null ? NO_NAME : names.tasks.internText(name);
    });
  }
}

/** The value for `key`, made once. */
function known(values: Map<number, number>, key: number, make: () => number): number {
  let value = values.get(key);
  if (value === undefined) {
    value = make();
    values.set(key, value);
  }
  return value;
}

function pageOf(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  return high === NO_PAGE_HIGH ? -1 : high * HIGH_SPAN + view.getUint32(at, true);
}

function sizeAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * HIGH_SPAN + view.getUint32(at, true);
}

function layoutOf(format: EventFormat): Layout {
  const kind = EVENT_NAMES.indexOf(format.name);
  const field = (size: number, ...names: string[]): EventField | null => {
    for (const name of names) {
      const found = format.fields.get(name);
      if (found === undefined) continue;
      if (found.size !== size) throw notUnderstood(`${name} of ${format.name}`);
      return found;
    }
    return null;
  };
  const layout = {
    kind: kind as EventKind,
    pointer: field(8, "ptr"),
    page: field(8, "pfn"),
    order: field(4, "order", "alloc_order"),
    requested: field(8, "bytes_req"),
    allocated: field(8, "bytes_alloc"),
    cache: field(4, "name"),
    callSite: field(8, "call_site"),
    flags: field(8, "gfp_flags"),
    flagNames: new FlagNames(format.printFormat),
    migrateType: field(4, "migratetype", "alloc_migratetype"),
    node: field(4, "node"),
  };
  if (layout.pointer === null && layout.page === null) throw notUnderstood(format.name);
  return layout;
}

function notUnderstood(what: string): RecordError {
  return new RecordError("NO_EVENTS", `the kernel describes ${what} in a way that is not understood`);
}
