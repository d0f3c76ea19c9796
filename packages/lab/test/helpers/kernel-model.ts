import { blankEvent, EventKind } from "../../src/trace/event.ts";
import { encodePageRanges, decodePageRanges } from "../../src/trace/page-ranges.ts";
import { sourceFacts } from "../../src/trace/recording.ts";
import type { StateMoment, Trace } from "../../src/trace/trace.ts";
import { TraceBuilder } from "../../src/trace/trace-builder.ts";

/** The largest order of the modelled kernel. */
const MAX_ORDER = 10;
const START_PAGE = 4096;
const SPANNED_PAGES = 3 * 1024 + 512;
const HUGE_PAGE_ORDER = 9;

/** A generator of whole numbers below a limit, the same for the same seed (xorshift, 32 bit). */
export function randomBelow(seed: number): (limit: number) => number {
  let state = seed || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/**
 * A page allocator of one zone that knows nothing of buddies: a set of free pages, from which the free lists are counted
 * afresh. It writes the events that the kernel would, and the state that kmem record would store.
 */
export class KernelModel {
  readonly trace = new TraceBuilder();
  readonly free = new Set<number>();
  #nanoseconds = 0;

  /** Everything is free at first. */
  constructor() {
    for (let page = START_PAGE; page < START_PAGE + SPANNED_PAGES; page++) this.free.add(page);
  }

  /** Does something of which no event tells. */
  moveSilently(page: number, enters: boolean): void {
    if (enters) this.free.add(page);
    else this.free.delete(page);
  }

  /** A block leaves or enters, with the event that tells of it. */
  move(kind: EventKind, page: number, order: number): void {
    const enters = kind === EventKind.MM_PAGE_PCPU_DRAIN || kind === EventKind.MM_PAGE_FREE;
    for (let each = page; each < page + 2 ** order; each++) this.moveSilently(each, enters);
    this.tell(kind, page, order);
  }

  /** An event that moves nothing. */
  tell(kind: EventKind, page: number, order: number): void {
    this.#nanoseconds += 10;
    this.trace.add({ ...blankEvent(), kind, key: page, order, timeNanoseconds: this.#nanoseconds });
  }

  /** A random move that can be: one in eight of huge pages. */
  moveRandomly(random: (limit: number) => number): void {
    const order = random(8) === 0 ? HUGE_PAGE_ORDER : random(7);
    const page = START_PAGE + 2 ** order * random(Math.floor(SPANNED_PAGES / 2 ** order));
    const pages = Array.from({ length: 2 ** order }, (_, index) => page + index);
    if (pages.every((each) => this.free.has(each)))
      this.move(EventKind.MM_PAGE_ALLOC_ZONE_LOCKED, page, order);
    else if (pages.every((each) => !this.free.has(each))) {
      const isPerCpu = order <= 3 || order === HUGE_PAGE_ORDER;
      this.move(isPerCpu ? EventKind.MM_PAGE_PCPU_DRAIN : EventKind.MM_PAGE_FREE, page, order);
    } else this.tell(EventKind.MM_PAGE_ALLOC, page, order);
  }

  /** The free lists, counted from the set: aligned blocks, as large as they come. */
  freeBlocks(): number[] {
    const counts = Array.from({ length: MAX_ORDER + 1 }, () => 0);
    const isFree = (page: number, order: number): boolean => {
      for (let each = page; each < page + 2 ** order; each++) if (!this.free.has(each)) return false;
      return true;
    };
    let page = START_PAGE;
    while (page < START_PAGE + SPANNED_PAGES) {
      if (!this.free.has(page)) {
        page++;
        continue;
      }
      let order = 0;
      while (order < MAX_ORDER && page % 2 ** (order + 1) === 0 && isFree(page, order + 1)) order++;
      counts[order]!++;
      page += 2 ** order;
    }
    return counts;
  }

  /** The state now; `whileReading` is what the kernel does while the set of free pages is read. */
  state(end: "start" | "end", whileReading: () => void = () => {}): StateMoment {
    const began = ++this.#nanoseconds;
    const before = this.#buddyinfo();
    whileReading();
    const ranges = Float64Array.from(
      [...this.free].sort((one, other) => one - other).flatMap((page) => [page, page + 1]),
    );
    const after = this.#buddyinfo();
    return {
      beganNanoseconds: began,
      endedNanoseconds: ++this.#nanoseconds,
      buddyinfo: end === "start" ? after : before,
      freePages: decodePageRanges(encodePageRanges(ranges)),
      pagetypeinfo: `Page block order: ${HUGE_PAGE_ORDER}\n`,
      slabinfo: "",
      zoneinfo: [
        "Node 0, zone   Normal",
        `  pages free     ${this.free.size}`,
        `        spanned  ${SPANNED_PAGES}`,
        `        present  ${SPANNED_PAGES}`,
        `        managed  ${SPANNED_PAGES}`,
        `  start_pfn:           ${START_PAGE}`,
        "",
      ].join("\n"),
    };
  }

  /** The recording of all that happened. */
  finish(start: StateMoment | null, end: StateMoment | null, attachments?: Trace["attachments"]): Trace {
    const facts = sourceFacts("tracefs", { kernelRelease: "6.18.0", pageSize: 4096 });
    return this.trace.finish(facts, {
      state: { start, end },
      ...(attachments === undefined ? {} : { attachments }),
    });
  }

  #buddyinfo(): string {
    return `Node 0, zone   Normal ${this.freeBlocks().join(" ")} \n`;
  }
}
