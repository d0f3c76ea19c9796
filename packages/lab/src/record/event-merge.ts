/**
 * Puts the events of all processors into one order, by time. Each processor's pages are in order already, so only the
 * first event of each is compared. Which of two
 * events of one moment comes first depends on nothing but the recording.
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
    // The processor whose event is first gives events until another's would be first.
    let first = waiting[0]!;
    let limit = Infinity;
    for (const other of waiting.slice(1)) {
      if (other.page.timeNanoseconds < first.page.timeNanoseconds) {
        limit = first.page.timeNanoseconds;
        first = other;
      } else {
        limit = Math.min(limit, other.page.timeNanoseconds);
      }
    }
    let hasMore = true;
    while (hasMore && first.page.timeNanoseconds <= limit) {
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
