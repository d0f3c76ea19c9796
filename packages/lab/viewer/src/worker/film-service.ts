/** What the worker does: opens sources, shoots films in slices, draws moments. Knows nothing of workers itself. */
import type { DrawnBlock, PlaceFacts } from "../film/describe.ts";
import type { HeapScript, Script } from "../film/script.ts";
import { inventedScript } from "./invented.ts";
import { retake, settingsText } from "./retake.ts";
import { type Opened, openFile } from "./open-file.ts";
import type {
  FilmCalls,
  OpenProgress,
  Picture,
  PictureRequest,
  Source,
  TakeSettings,
  TakeSummary,
} from "./protocol.ts";
import { Take } from "./take.ts";

/** How long a slice of shooting may keep others waiting, in milliseconds; and operations between looks at the clock. */
const SLICE_MS = 12;
const SLICE_OPERATIONS = 4096;
/** Operations after which a first picture is offered. */
const FIRST_LOOK = 20_000;
/** How often a growing film is told of, in milliseconds. */
const TELL_MS = 250;

/** Where the service speaks to. */
export interface Listener {
  progress(progress: OpenProgress): void;
  take(summary: TakeSummary): void;
  /** Lets waiting calls run. */
  pause(): Promise<void>;
}

/** Holds the takes of what is open. */
export class FilmService implements FilmCalls {
  readonly #listener: Listener;
  #takes: Take[] = [];
  #scripts: Script[] = [];
  /** Counts the sources: a film of an earlier one is not shot on. */
  #opened = 0;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  async open(source: Source): Promise<void> {
    const opened = ++this.#opened;
    const content = await this.#contentOf(source);
    if (opened !== this.#opened) return;
    this.#takes = [];
    this.#scripts = [];
    if ("still" in content) {
      const { still } = content;
      this.#takes = [Take.ofStill(still, { take: 0, name: "Snapshot", allocator: "a heap at one moment" })];
      this.#listener.take(this.#takes[0]!.summary());
      return;
    }
    this.#scripts = content.scripts;
    for (const script of content.scripts) {
      const allocator = script.kind === "heap" ? "Heap" : "BuddyAllocator";
      const name = script.kind === "heap" ? "Objects" : "Pages";
      const settings = `${allocator}, pages of ${script.pageSize.toLocaleString("en")} bytes`;
      this.#takes.push(Take.ofScript(script, { take: this.#takes.length, name, allocator: settings }));
    }
    for (const take of this.#takes.slice()) await this.#shoot(take, opened);
  }

  async addTake(settings: TakeSettings): Promise<number> {
    const script = this.#scripts.find((each): each is HeapScript => each.kind === "heap");
    if (script === undefined)
      throw new Error("There are no objects to compare: open a recording that has some.");
    const number = this.#takes.length;
    const take = Take.ofScript(retake(script, settings), {
      take: number,
      name: "Objects",
      allocator: settingsText(settings),
    });
    this.#takes.push(take);
    await this.#shoot(take, this.#opened);
    return number;
  }

  async picture(take: number, request: PictureRequest): Promise<Picture> {
    return this.#take(take).picture(request);
  }

  async place(take: number, moment: number, page: number, within: number): Promise<PlaceFacts> {
    return this.#take(take).place(moment, page, within);
  }

  async drawn(take: number, moment: number): Promise<DrawnBlock[]> {
    return this.#take(take).drawn(moment);
  }

  async blockOfPiece(take: number, piece: number): Promise<number> {
    const { film } = this.#take(take);
    return film.pieceOffset[piece]! < 0 ? -1 : film.pieceBlock[piece]!;
  }

  #take(number: number): Take {
    const take = this.#takes[number];
    if (take === undefined) throw new Error(`There is no take ${number}.`);
    return take;
  }

  async #contentOf(source: Source): Promise<Opened> {
    if (source.kind === "file") {
      return openFile(source.name, new Uint8Array(source.bytes), (share, text) => {
        this.#listener.progress({ phase: "reading", share, text });
      });
    }
    const script = inventedScript(source.name);
    if (script === undefined) throw new Error(`There is no script of the name "${source.name}".`);
    return { scripts: [script] };
  }

  /** Shoots a film to its end, a slice at a time, telling of it now and then. */
  async #shoot(take: Take, opened: number): Promise<void> {
    const { film } = take;
    const length = film.operations.length;
    let told = -Infinity;
    const tell = (): void => {
      told = performance.now();
      this.#listener.take(take.summary());
      this.#listener.progress({
        phase: "shooting",
        share: length === 0 ? 1 : film.position / length,
        text: film.title,
      });
    };
    take.advanceTo(Math.min(FIRST_LOOK, length));
    take.rank();
    tell();
    while (film.position < length) {
      await this.#listener.pause();
      if (opened !== this.#opened) return;
      const end = performance.now() + SLICE_MS;
      while (film.position < length && performance.now() < end) {
        take.advanceTo(Math.min(length, film.position + SLICE_OPERATIONS));
      }
      if (performance.now() - told > TELL_MS) tell();
    }
    take.rank();
    tell();
  }
}
