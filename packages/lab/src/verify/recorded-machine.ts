/** What a recording says of the machine that it was made on: zones, and which events lie between which moments. */
import { parseBuddyinfo } from "../proc/buddyinfo.ts";
import { parsePagetypeinfo } from "../proc/pagetypeinfo.ts";
import { parseZoneinfo, type ZoneInfo } from "../proc/zoneinfo.ts";
import { EVENT_NAMES } from "../trace/event.ts";
import type { EventColumns } from "../trace/event-columns.ts";
import { WITHOUT_SELF, type StateMoment, type Trace } from "../trace/trace.ts";
import { FreeListMoves } from "./free-list-moves.ts";
import type { PageSet } from "./page-set.ts";
import { settledSet } from "./settle.ts";
import { VerifyError } from "./verify-error.ts";
import { ZoneTwin } from "./zone-twin.ts";

/** The most pages that one BuddyAllocator manages. */
const MAX_ZONE_PAGES = 2 ** 26;

/** A recording's state with all that verifying needs. */
export type WholeMoment = { readonly [Name in keyof StateMoment]: NonNullable<StateMoment[Name]> };

/** The events without which nothing moves. */
const FREE_LIST_EVENTS = ["mm_page_alloc_zone_locked", "mm_page_pcpu_drain"] as const;

/** One recording, ready to be verified. */
export class RecordedMachine {
  readonly events: EventColumns;
  readonly start: WholeMoment;
  readonly end: WholeMoment;
  readonly moves: FreeListMoves;
  readonly zones: readonly ZoneInfo[];
  readonly #maxOrder: number;
  /** The first page frame behind all zones. */
  readonly pageLimit: number;
  /** The first event at or after each moment. */
  readonly rows: Readonly<Record<"startBegan" | "startEnded" | "endBegan" | "endEnded", number>>;

  constructor(file: string, { events, state, facts, attachments }: Trace) {
    this.events = events;
    this.start = wholeMoment(file, state.start);
    this.end = wholeMoment(file, state.end);
    if (attachments.has(WITHOUT_SELF)) {
      throw new VerifyError(`${file} leaves out kmem's own events; record it without --without-self`);
    }
    const told = new Set(events.kind.subarray(0, events.length));
    if (!FREE_LIST_EVENTS.some((name) => told.has(EVENT_NAMES.indexOf(name)))) {
      throw new VerifyError(
        `${file} holds no event of the page allocator's free lists; record it with --pages`,
      );
    }
    const pagetypeinfo = parsePagetypeinfo(this.start.pagetypeinfo);
    this.zones = parseZoneinfo(this.start.zoneinfo);
    const orders = parseBuddyinfo(this.start.buddyinfo)[0]?.freeBlocks.length;
    if (pagetypeinfo === null || orders === undefined || this.zones.length === 0) {
      throw new VerifyError(`${file} holds a state of the machine (${facts.machine}) that is not understood`);
    }
    for (const { zone, spannedPages } of this.zones) {
      if (spannedPages <= MAX_ZONE_PAGES) continue;
      throw new VerifyError(
        `zone ${zone} has ${spannedPages} page frames; a BuddyAllocator manages ${MAX_ZONE_PAGES}`,
      );
    }
    this.#maxOrder = orders - 1;
    this.pageLimit = Math.max(...this.zones.map(({ startPage, spannedPages }) => startPage + spannedPages));
    this.moves = new FreeListMoves(pagetypeinfo.pageblockOrder);
    this.rows = {
      startBegan: firstRowAt(events, this.start.beganNanoseconds),
      startEnded: firstRowAt(events, this.start.endedNanoseconds),
      endBegan: firstRowAt(events, this.end.beganNanoseconds),
      endEnded: firstRowAt(events, this.end.endedNanoseconds),
    };
  }

  /** The free pages just before event `firstRow`, read until event `endRow`. */
  setAt(moment: WholeMoment, firstRow: number, endRow: number): ReturnType<typeof settledSet> {
    const { events, moves, pageLimit } = this;
    return settledSet({ freePages: moment.freePages, events, moves, firstRow, endRow, pageLimit });
  }

  /** A twin for each zone, in which just the pages of `free` are free. */
  twinsOf(free: PageSet): ZoneTwin[] {
    return this.zones.map((zone) => {
      const { startPage, spannedPages } = zone;
      return new ZoneTwin(zone, this.#maxOrder, free.ranges(startPage, startPage + spannedPages));
    });
  }
}

function wholeMoment(file: string, moment: StateMoment | null): WholeMoment {
  if (moment !== null && Object.values(moment).every((part) => part !== null)) return moment as WholeMoment;
  throw new VerifyError(`${file} holds no state of the kernel; record it with kmem record --state --pages`);
}

/** The first event that is not before `nanoseconds`. O(log events). */
function firstRowAt({ timeNanoseconds, length }: EventColumns, nanoseconds: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeNanoseconds[middle]! < nanoseconds) low = middle + 1;
    else high = middle;
  }
  return low;
}
