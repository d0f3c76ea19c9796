/**
 * A recording of the running kernel: its own trace instance, and the raw pages copied out of it.
 *
 *     new ── pump, pump, … ── end ── events ── close
 *
 * `new` switches tracing on. `pump` copies what the kernel has recorded. `end` switches tracing off, copies the rest
 * and removes the instance: from then on the kernel is as it was before. `events` decodes. `close` may come at any time,
 * and does what is still to be done of this; after it nothing is left behind.
 */
import { closeSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import type { TraceEvent } from "../trace/event.ts";
import type { TraceNames } from "../trace/trace-names.ts";
import { EventDecoder } from "./event-decoder.ts";
import { parseEventFormat, type EventFormat } from "./event-format.ts";
import { mergedEvents } from "./event-merge.ts";
import { KernelSymbols } from "./kernel-symbols.ts";
import { parsePageLayout, type PageLayout } from "./page-layout.ts";
import { RecordError } from "./record-error.ts";
import { Spool } from "./spool.ts";
import { TaskNames } from "./task-names.ts";
import { removeStaleInstances, TraceInstance, type ProcessorStats } from "./trace-instance.ts";

/** Events of the page allocator. */
const PAGE_EVENTS = [
  "mm_page_alloc",
  "mm_page_free",
  "mm_page_free_batched",
  "mm_page_alloc_zone_locked",
  "mm_page_pcpu_drain",
  "mm_page_alloc_extfrag",
] as const;
/** Events of the slab allocator. Kernels before 6.1 have those that end in `_node`. */
const OBJECT_EVENTS = [
  "kmalloc",
  "kmalloc_node",
  "kmem_cache_alloc",
  "kmem_cache_alloc_node",
  "kfree",
  "kmem_cache_free",
] as const;

const KIB = 1024;
/** A read takes at most one piece: large enough that reads are few, small enough that a quiet recording stays small. */
const SUB_BUFFER_KIB = 16;
/** Buffers of all processors together, and of one. */
const TOTAL_BUFFER_KIB = 256 * KIB;
const MAX_BUFFER_KIB = 64 * KIB;
const MIN_BUFFER_KIB = 2 * KIB;

/** More than any event of the allocators takes. */
const LARGE_EVENT_BYTES = 512;

/** What to record. */
export interface RecordingPlan {
  readonly tracefs: string;
  readonly pages: boolean;
  readonly objects: boolean;
  /** Leave out the events of this process. */
  readonly withoutSelf: boolean;
  /** Where the raw pages may lie meanwhile. */
  readonly spoolFolder: string;
  /** Of each processor's buffer; null for a size that fits the machine. */
  readonly bufferKib: number | null;
}

/** One processor's share of the recording. */
interface Processor {
  readonly processor: number;
  readonly fd: number;
  readonly spool: Spool;
}

/** A recording from its first event on; see the head of this file for the order of calls. */
export class Recording {
  /** Where all times of the recording count from, on the clock of `process.hrtime`. */
  readonly startNanoseconds: bigint;
  /** The kernel's names of the events that are recorded. */
  readonly eventNames: readonly string[];
  /** Instances of killed recordings, found and removed. */
  readonly staleInstances: number;
  readonly #instance: TraceInstance;
  readonly #formats: readonly EventFormat[];
  readonly #layout: PageLayout;
  readonly #tasks: TaskNames;
  readonly #processors: Processor[] = [];
  readonly #page: Uint8Array;
  #stats: ProcessorStats[] = [];
  #isTracing = true;
  #isRemoved = false;

  /** Makes the instance and switches it on. Throws a RecordError, with nothing left behind. */
  constructor(plan: RecordingPlan) {
    this.staleInstances = removeStaleInstances(plan.tracefs);
    this.#tasks = new TaskNames(plan.tracefs);
    const processorCount = Math.max(1, readdirSync(join(plan.tracefs, "per_cpu")).length);
    const share = Math.floor(TOTAL_BUFFER_KIB / processorCount);
    const bufferKib = plan.bufferKib ?? Math.min(MAX_BUFFER_KIB, Math.max(MIN_BUFFER_KIB, share));
    this.#instance = TraceInstance.create(plan.tracefs, { bufferKib, subBufferKib: SUB_BUFFER_KIB });
    try {
      const { eventNames, formats } = this.#wantedEvents(plan);
      this.eventNames = eventNames;
      this.#formats = formats;
      const header = (name: string): string => readFileSync(join(plan.tracefs, "events", name), "utf8");
      this.#layout = parsePageLayout(header("header_page"), header("header_event"));
      this.#page = new Uint8Array(this.#instance.subBufferBytes ?? this.#layout.pageBytes);
      for (const processor of this.#instance.processors) {
        const spool = openSpool(plan.spoolFolder, `cpu${processor}`);
        this.#processors.push({ processor, fd: this.#instance.openBuffer(processor), spool });
      }
      if (plan.withoutSelf) this.#instance.write("set_event_notrace_pid", ownThreads().join(" "));
      for (const name of this.eventNames) this.#instance.write(join("events/kmem", name, "enable"), "1");
      this.startNanoseconds = process.hrtime.bigint();
      this.#instance.write("tracing_on", "1");
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Bytes of a page of the machine: that of the buffers, where the kernel was not asked for another. */
  get pageSize(): number {
    return this.#layout.pageBytes;
  }

  /** Bytes of raw pages so far. */
  get rawBytes(): number {
    return this.#processors.reduce((sum, { spool }) => sum + spool.bytes, 0);
  }

  /** What the kernel counted for each processor; complete after `end`. */
  get stats(): readonly ProcessorStats[] {
    return this.#isTracing ? this.#instance.stats() : this.#stats;
  }

  /** Copies what the kernel has recorded by now. Throws a RecordError when the spool cannot take it. */
  pump(): void {
    for (const { fd, spool } of this.#processors) {
      // Copying makes events too: whoever went on after a page that is not full would copy for ever.
      while (this.#readPage(fd)) {
        appendTo(spool, this.#page);
        if (this.#isTracing && !this.#isPageFull()) break;
      }
    }
    this.#tasks.collect();
  }

  /** Switches tracing off, copies the rest, and removes the instance. */
  end(): void {
    this.#instance.write("tracing_on", "0");
    this.#isTracing = false;
    this.pump();
    this.#stats = this.#instance.stats();
    this.#removeInstance();
  }

  /** All events by rising time, in one object that is reused. `names` takes what their numbers stand for. */
  events(names: TraceNames): Generator<Readonly<TraceEvent>> {
    const decoder = new EventDecoder(this.#formats, {
      names,
      symbols: KernelSymbols.read(),
      tasks: this.#tasks,
    });
    return mergedEvents(this.#processors, {
      layout: this.#layout,
      pageBytes: this.#page.length,
      startNanoseconds: this.startNanoseconds,
      decoder,
    });
  }

  /** Leaves nothing behind, at whatever point the recording is. May be called twice. */
  close(): void {
    this.#removeInstance();
    for (const { spool } of this.#processors.splice(0)) spool.close();
  }

  #wantedEvents(plan: RecordingPlan): { eventNames: string[]; formats: EventFormat[] } {
    const wanted = [...(plan.objects ? OBJECT_EVENTS : []), ...(plan.pages ? PAGE_EVENTS : [])];
    const present = new Set(listed(join(this.#instance.path, "events/kmem")));
    const eventNames = wanted.filter((name) => present.has(name));
    if (eventNames.length === 0) {
      throw new RecordError("NO_EVENTS", "this kernel was built without the events of its allocators (kmem)");
    }
    const formats = eventNames.map((name) =>
      parseEventFormat(readFileSync(join(plan.tracefs, "events/kmem", name, "format"), "utf8")),
    );
    return { eventNames, formats };
  }

  #readPage(fd: number): boolean {
    try {
      return readSync(fd, this.#page, 0, this.#page.length, null) > 0;
    } catch (error) {
      // Nothing there yet.
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
      throw error;
    }
  }

  /** Is the page at hand so full that the next event began another? */
  #isPageFull(): boolean {
    const { commitAt, dataAt } = this.#layout;
    const dataBytes = this.#page[commitAt]! | (this.#page[commitAt + 1]! << 8);
    return dataAt + dataBytes + LARGE_EVENT_BYTES > this.#page.length;
  }

  #removeInstance(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    this.#isTracing = false;
    for (const { fd } of this.#processors) closeSync(fd);
    this.#instance.remove();
  }
}

/** The names in a folder; none where there is no folder. */
function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The numbers of this process's threads. */
function ownThreads(): string[] {
  return readdirSync("/proc/self/task");
}

function openSpool(folder: string, name: string): Spool {
  try {
    return new Spool(folder, name);
  } catch (error) {
    throw cannotSpool(error);
  }
}

function appendTo(spool: Spool, page: Uint8Array): void {
  try {
    spool.append(page);
  } catch (error) {
    throw cannotSpool(error);
  }
}

function cannotSpool(cause: unknown): RecordError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code === "ENOSPC" ? "the disk is full" : message;
  return new RecordError("CANNOT_WRITE", `cannot keep the recording's raw pages beside the file: ${why}`, {
    cause,
  });
}
