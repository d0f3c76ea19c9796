/** A take: one film, the moment it stands at, and its painter. */
import type { Film } from "../film/film.ts";
import {
  cacheRows,
  drawnBlocks,
  type DrawnBlock,
  eventRows,
  figuresOf,
  type PlaceFacts,
  placeAt,
  towerOf,
} from "../film/describe.ts";
import { freeBlocksAt, type FreeBlocks } from "../film/free-blocks.ts";
import { Moment } from "../film/moment.ts";
import { beginFilm, type Shooting } from "../film/shoot.ts";
import type { Script, ScriptClock } from "../film/script.ts";
import { MAX_TOWER_PAGES } from "../film/tower.ts";
import { MapPainter } from "./map-painter.ts";
import { ownerRanks } from "./owner-ranks.ts";
import type { Jump, Picture, PictureRequest, TakeSummary } from "./protocol.ts";

/** Jumps that a timeline marks. */
const JUMP_COUNT = 3;

/** What a take is called. */
export interface TakeTitle {
  readonly take: number;
  readonly name: string;
  readonly allocator: string;
}

/** One script through one allocator. */
export class Take {
  readonly film: Film;
  readonly #title: TakeTitle;
  readonly #shooting: Shooting;
  readonly #clock: ScriptClock | null;
  readonly #moment: Moment;
  readonly #painter: MapPainter;
  #free: FreeBlocks | null = null;
  #ranks: number[] = [];

  constructor(shooting: Shooting, clock: ScriptClock | null, title: TakeTitle) {
    this.#title = title;
    this.#shooting = shooting;
    this.film = shooting.film;
    this.#clock = clock;
    this.#moment = new Moment(this.film);
    this.#painter = new MapPainter(this.#moment, () => this.#ranks);
  }

  /** A take of a script, of which nothing is shot yet. */
  static ofScript(script: Script, title: TakeTitle): Take {
    return new Take(beginFilm(script), script.clock, title);
  }

  /** A take that is complete. */
  static ofStill(film: Film, title: TakeTitle): Take {
    const take = new Take({ film, advanceTo: () => {} }, null, title);
    take.rank();
    return take;
  }

  /** Shoots up to a moment, and orders owners by what they hold until then. */
  advanceTo(moment: number): void {
    this.#shooting.advanceTo(moment);
  }

  /** Gives out the colours anew. O(blocks). */
  rank(): void {
    this.#ranks = ownerRanks(this.film);
  }

  /** What the page is told of the take. */
  summary(): TakeSummary {
    const { film } = this;
    const { series } = film;
    const cut = (column: Float64Array): Float64Array => column.slice(0, series.count);
    const nanoseconds = this.#clock?.nanoseconds ?? null;
    return {
      ...this.#title,
      kind: film.kind,
      pageSize: film.pageSize,
      maxOrder: film.maxOrder,
      base: film.base,
      operationCount: film.operations.length,
      position: film.position,
      pageCount: film.pageCount,
      owners: film.owners,
      rankOf: this.#ranks,
      series: {
        moment: cut(series.moment),
        liveBytes: cut(series.liveBytes),
        usedBytes: cut(series.usedBytes),
        heldBytes: cut(series.heldBytes),
        sizeBytes: cut(series.sizeBytes),
        unusable: cut(series.unusable),
        freeBlocks: series.freeBlocks.map(cut),
      },
      failures: film.failures.slice(0, 1000),
      jumps: largestJumps(film),
      sampleNanoseconds:
        nanoseconds === null
          ? null
          : cut(series.moment).map((moment) => nanoseconds[Math.max(0, moment - 1)] ?? 0),
    };
  }

  /** Draws a moment. */
  picture(request: PictureRequest): Picture {
    const free = this.#goTo(request.moment);
    const moment = this.#moment;
    const { wantsTower, wantsTables, eventCount, map } = request;
    const first = moment.moment - Math.floor(eventCount / 2) + 1;
    return {
      moment: moment.moment,
      pageCount: moment.pageCount,
      figures: figuresOf(moment, free),
      map: map === null ? null : this.#painter.paint(map, free),
      tower: wantsTower && moment.pageCount <= MAX_TOWER_PAGES ? towerOf(moment, free) : null,
      caches: wantsTables ? cacheRows(moment) : null,
      events: eventCount === 0 ? [] : eventRows(this.film, this.#clock, first, first + eventCount),
    };
  }

  /** What lies at a place. */
  place(moment: number, page: number, within: number): PlaceFacts {
    return placeAt(this.#moment, this.#goTo(moment), page, within);
  }

  /** All that is there, block by block. */
  drawn(moment: number): DrawnBlock[] {
    this.#goTo(moment);
    return drawnBlocks(this.#moment);
  }

  #goTo(moment: number): FreeBlocks {
    const reached = Math.max(0, Math.min(moment, this.film.position));
    if (this.#moment.moment !== reached || this.#free === null) {
      this.#moment.goTo(reached);
      this.#free = freeBlocksAt(this.#moment);
    }
    return this.#free;
  }
}

/** The moments at which the pages held changed most from one sample to the next. */
function largestJumps({ series }: Film): Jump[] {
  const jumps: Jump[] = [];
  for (let at = 1; at < series.count; at++) {
    const bytes = series.heldBytes[at]! - series.heldBytes[at - 1]!;
    if (bytes !== 0) jumps.push({ moment: series.moment[at]!, bytes });
  }
  return jumps.sort((a, b) => Math.abs(b.bytes) - Math.abs(a.bytes)).slice(0, JUMP_COUNT);
}
