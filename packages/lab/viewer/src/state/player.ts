/**
 * Keeps pictures coming: one request a take is under way at a time, and when it is answered the newest wish is sent. While
 * playing, time moves with the display's frames. So nothing queues up, however slow a moment is to draw.
 */
import { effect } from "@preact/signals";
import { viewOnPage } from "../draw/map-layout.ts";
import type { MapRequest, Picture, PictureRequest } from "../worker/protocol.ts";
import type { FilmClient } from "./film-client.ts";
import * as store from "./store.ts";

/** Events around the moment that the tables list. */
const EVENT_COUNT = 60;

/** How often figures and tables change while a film plays, in milliseconds. */
const READABLE_MS = 150;

/** What can be learnt of pictures that have come, for tests and for the curious. */
export interface PlayerTimes {
  /** From wish to picture, in milliseconds, the newest last. */
  readonly pictureMs: number[];
}

/** The size of a take's map on the screen, in pixels of the screen. */
export interface MapSize {
  readonly width: number;
  readonly height: number;
}

/** Asks for pictures. */
export class Player {
  readonly times: PlayerTimes = { pictureMs: [] };
  readonly #client: FilmClient;
  readonly #sizes = new Map<number, MapSize>();
  readonly #busy = new Set<number>();
  readonly #stale = new Set<number>();
  /** The exact moment, with a fraction, while playing. */
  #exact = 0;
  #lastFrame = 0;
  /** When each take's figures were shown last. */
  readonly #readAt = new Map<number, number>();

  constructor(client: FilmClient) {
    this.#client = client;
    effect(() => {
      // Everything that a picture depends on.
      void [
        store.moment.value,
        store.mapView.value,
        store.colorMode.value,
        store.theme.value,
        store.selection.value,
        store.view.value,
        store.takeNumber.value,
        store.otherTake.value,
        store.takes.value,
      ];
      this.refresh();
    });
    effect(() => {
      if (!store.isPlaying.value) {
        this.refresh();
      } else {
        this.#exact = store.moment.peek();
        this.#lastFrame = performance.now();
        requestAnimationFrame(this.#frame);
      }
    });
  }

  /** Tells how large a take's map is on the screen; null when it is not shown. */
  setMapSize(take: number, size: MapSize | null): void {
    if (size === null) this.#sizes.delete(take);
    else this.#sizes.set(take, size);
    this.refresh();
  }

  /** Is the newest picture of a take the one that was wished for last? */
  isSettled(take: number): boolean {
    return !this.#busy.has(take) && !this.#stale.has(take);
  }

  /** Asks for new pictures of all takes that are shown. */
  refresh(): void {
    const shown =
      store.view.peek() === "compare"
        ? [store.takeNumber.peek(), store.otherTake.peek()]
        : [store.takeNumber.peek()];
    for (const take of shown) if (store.takes.peek().some((each) => each.take === take)) this.#ask(take);
  }

  #ask(take: number): void {
    if (this.#busy.has(take)) {
      this.#stale.add(take);
      return;
    }
    this.#busy.add(take);
    const start = performance.now();
    const answered = (picture: Picture | null): void => {
      this.#busy.delete(take);
      if (picture !== null) {
        this.times.pictureMs.push(performance.now() - start);
        if (this.times.pictureMs.length > 1000) this.times.pictureMs.shift();
        this.#show(take, picture);
      }
      if (this.#stale.delete(take)) this.#ask(take);
    };
    this.#client.call("picture", [take, this.#request(take)]).then(answered, () => answered(null));
  }

  #request(take: number): PictureRequest {
    const view = store.view.peek();
    const size = this.#sizes.get(take);
    const isShown = view === "map" || view === "compare";
    const map: MapRequest | null =
      size === undefined || !isShown
        ? null
        : {
            ...size,
            view: store.mapView.peek(),
            mode: store.colorMode.peek(),
            theme: store.theme.peek(),
            selection: take === store.takeNumber.peek() ? store.selection.peek() : null,
          };
    const isReadable = this.#isReadable(take);
    return {
      moment: store.moment.peek(),
      map,
      wantsTower: view === "tower",
      wantsTables: isReadable,
      eventCount: isReadable && view === "tables" ? EVENT_COUNT : 0,
    };
  }

  /** Is it time for figures and tables? */
  #isReadable(take: number): boolean {
    return !store.isPlaying.peek() || performance.now() - (this.#readAt.get(take) ?? -Infinity) > READABLE_MS;
  }

  #show(take: number, picture: Picture): void {
    store.pictures.value = new Map(store.pictures.peek()).set(take, picture);
    if (picture.caches !== null) {
      this.#readAt.set(take, performance.now());
      store.readablePictures.value = new Map(store.readablePictures.peek()).set(take, picture);
    }
    const page = picture.map?.selectedPage ?? -1;
    if (store.isFollowing.peek() && page >= 0 && take === store.takeNumber.peek()) {
      const { layout } = picture.map!;
      const { zoom } = store.mapView.peek();
      const wanted = viewOnPage(picture.pageCount, layout, page, zoom);
      const now = store.mapView.peek();
      if (Math.abs(wanted.left - now.left) + Math.abs(wanted.top - now.top) > 1e-6)
        store.mapView.value = wanted;
    }
  }

  #frame = (time: number): void => {
    if (!store.isPlaying.peek()) return;
    const end = store.take.peek()?.position ?? 0;
    // The first frame may be dated before the start.
    this.#exact = Math.min(
      end,
      this.#exact + (store.speed.peek() * Math.max(0, time - this.#lastFrame)) / 1000,
    );
    this.#lastFrame = time;
    store.moment.value = Math.floor(this.#exact);
    if (this.#exact >= end) store.isPlaying.value = false;
    else requestAnimationFrame(this.#frame);
  };
}
