/**
 * Puts the events of all processors into one order, by time; of one moment, by processor, as the kernel prints them.
 * Each processor's pages are in order already, so only the first event of each is compared.
 */
import type { TraceEvent } from "../trace/event.ts";
import type { EventDecoder } from "./event-decoder.ts";
import type { PageLayout } from "./page-layout.ts";
import { RingPage } from "./ring-page.ts";
import type { Spool } from "./spool.ts";

/** Pages read from the spool at once. */
const CHUNK_PAGES = 16;

/** The pages of one processor. */
export interface ProcessorPages {
  readonly processor: number;
  readonly spool: Spool;
}

/** How the pages are made. */
export interface MergeOptions {
  readonly layout: PageLayout;
  readonly pageBytes: number;
  /** Where times count from, on the clock of the buffers. */
  readonly startNanoseconds: bigint;
  readonly decoder: EventDecoder;
}

/** One processor's events, the next of them at hand in `page`. */
class ProcessorEvents {
  readonly processor: number;
  readonly page: RingPage;
  readonly #pages: Iterator<DataView>;

  constructor({ processor, spool }: ProcessorPages, options: MergeOptions) {
    this.processor = processor;
    this.page = new RingPage(options.layout, options.startNanoseconds);
    this.#pages = pagesOf(spool, options.pageBytes);
  }

  /** Moves to the next event; false at the end. */
  next(): boolean {
    while (!this.page.next()) {
      const { value, done } = this.#pages.next();
      if (done === true) return false;
      this.page.open(value);
    }
    return true;
  }
}

function* pagesOf(spool: Spool, pageBytes: number): Generator<DataView, undefined> {
  const chunk = new Uint8Array(CHUNK_PAGES * pageBytes);
  for (const { byteOffset, byteLength } of spool.read(chunk)) {
    for (let at = 0; at < byteLength; at += pageBytes) {
      yield new DataView(chunk.buffer, byteOffset + at, Math.min(pageBytes, byteLength - at));
    }
  }
}

/** Whether the event at hand of one processor comes before that of another, if there is another. */
function isBefore(events: ProcessorEvents, other: ProcessorEvents | undefined): boolean {
  if (other === undefined) return true;
  const byTime = events.page.timeNanoseconds - other.page.timeNanoseconds;
  return byTime === 0 ? events.processor < other.processor : byTime < 0;
}

/** All events by rising time, each in the decoder's one object, which the next overwrites. */
export function* mergedEvents(
  processors: readonly ProcessorPages[],
  options: MergeOptions,
): Generator<Readonly<TraceEvent>> {
  const { decoder } = options;
  let waiting = processors
    .map((pages) => new ProcessorEvents(pages, options))
    .filter((events) => events.next());
  while (waiting.length > 0) {
    // The processor whose event is first gives events until that of the second would be before its own.
    let first = waiting[0]!;
    let second: ProcessorEvents | undefined;
    for (const other of waiting.slice(1)) {
      if (isBefore(other, first)) {
        second = first;
        first = other;
      } else if (isBefore(other, second)) {
        second = other;
      }
    }
    let hasMore = true;
    while (hasMore && isBefore(first, second)) {
      const { view, dataAt, timeNanoseconds } = first.page;
      if (decoder.decode(view, dataAt)) {
        decoder.event.timeNanoseconds = timeNanoseconds;
        decoder.event.cpu = first.processor;
        yield decoder.event;
      }
      hasMore = first.next();
    }
    if (!hasMore) waiting = waiting.filter((each) => each !== first);
  }
}
