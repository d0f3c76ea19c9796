/** What a person can do: every button, key and dropped file ends in one of these. */
import { WHOLE_SPACE } from "../draw/map-layout.ts";
import type { Theme } from "../draw/palette.ts";
import { INVENTED } from "../worker/invented.ts";
import type { Selection, Source, TakeSettings, TakeSummary } from "../worker/protocol.ts";
import { FilmClient } from "./film-client.ts";
import { newWorker } from "./new-worker.ts";
import { Player } from "./player.ts";
import * as store from "./store.ts";

/** The one worker, and what listens to it. */
export const client = new FilmClient(newWorker(), {
  progress: (progress) => {
    store.progress.value = progress;
  },
  take: showTake,
});

/** Keeps the pictures coming. */
export const player = new Player(client);

function showTake(summary: TakeSummary): void {
  const known = store.takes.peek();
  const others = known.filter(({ take }) => take !== summary.take);
  const isFirst = known.length === 0;
  store.takes.value = [...others, summary].sort((a, b) => a.take - b.take);
  if (isFirst) {
    store.takeNumber.value = summary.take;
    store.speed.value = speedFor(summary.operationCount);
    store.view.value =
      store.view.peek() === "playground" || store.view.peek() === "live" ? "map" : store.view.peek();
    // The end is where most is to be seen; while the film is shot, so far.
    store.moment.value = summary.position;
  } else if (store.progress.peek() !== null && summary.take === store.takeNumber.peek() && isAtEdge) {
    store.moment.value = summary.position;
  }
}

/** Has the moment not been moved by hand since the film was opened? */
let isAtEdge = true;

/** A speed at which a film of so many operations takes about half a minute. */
function speedFor(operationCount: number): number {
  return Math.max(1, 10 ** Math.round(Math.log10(Math.max(1, operationCount) / 30)));
}

/** Opens a file or an invented script; what was open is closed. */
export async function open(source: Source): Promise<void> {
  store.isPlaying.value = false;
  store.failure.value = null;
  const title = source.kind === "invented" ? (INVENTED[source.name]?.title ?? source.name) : source.name;
  store.progress.value = { phase: "reading", share: null, text: title };
  store.announcement.value = `Opening ${title}`;
  const before = { name: store.sourceName.peek(), takes: store.takes.peek() };
  store.sourceName.value = title;
  store.takes.value = [];
  store.takeNumber.value = 0;
  store.otherTake.value = -1;
  store.pictures.value = new Map();
  store.readablePictures.value = new Map();
  store.selection.value = null;
  store.mapView.value = WHOLE_SPACE;
  isAtEdge = true;
  try {
    await client.call("open", [source], source.kind === "file" ? [source.bytes] : []);
    if (isAtEdge) goToPeak();
    const take = store.take.peek();
    store.announcement.value =
      take === null ? "" : `${title} is open: ${take.operationCount.toLocaleString("en")} events.`;
  } catch (error) {
    // A file that cannot be opened leaves the page as it was.
    store.failure.value = (error as Error).message;
    store.sourceName.value = before.name;
    store.takes.value = before.takes;
  } finally {
    store.progress.value = null;
  }
}

/** Opens a file that a person chose or dropped. */
export async function openFile(file: File): Promise<void> {
  try {
    await open({ kind: "file", name: file.name, bytes: await file.arrayBuffer() });
  } catch (error) {
    store.failure.value = `${file.name} cannot be read: ${(error as Error).message}`;
  }
}

/** Opens a file of the page's own origin. */
export async function openUrl(url: string, name: string): Promise<void> {
  store.progress.value = { phase: "reading", share: null, text: name };
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the server says ${response.status}`);
    await open({ kind: "file", name, bytes: await response.arrayBuffer() });
  } catch (error) {
    store.failure.value = `${name} cannot be fetched: ${(error as Error).message}`;
    store.progress.value = null;
  }
}

/** Back to the start page. */
export function close(): void {
  store.isPlaying.value = false;
  store.sourceName.value = null;
  store.takes.value = [];
  store.pictures.value = new Map();
  store.readablePictures.value = new Map();
  store.failure.value = null;
  store.view.value = "map";
}

/** Goes to where most is asked for: there is most to see. */
function goToPeak(): void {
  const take = store.take.peek();
  if (take === null) return;
  const { liveBytes, moment } = take.series;
  let peak = 0;
  for (let at = 1; at < liveBytes.length; at++) if (liveBytes[at]! > liveBytes[peak]!) peak = at;
  store.moment.value = moment[peak] ?? 0;
}

/** Goes to a moment, within what has been shot. */
export function goTo(moment: number): void {
  isAtEdge = false;
  const end = store.take.peek()?.position ?? 0;
  store.moment.value = Math.round(Math.min(Math.max(0, moment), end));
}

/** Goes by a number of events. */
export function step(events: number): void {
  store.isPlaying.value = false;
  goTo(store.moment.peek() + events);
}

/** Plays or pauses; at the end it begins anew. */
export function togglePlaying(): void {
  isAtEdge = false;
  const end = store.take.peek()?.position ?? 0;
  if (!store.isPlaying.peek() && store.moment.peek() >= end) store.moment.value = 0;
  store.isPlaying.value = !store.isPlaying.peek();
  store.announcement.value = store.isPlaying.peek() ? "Playing" : `Paused at event ${store.moment.peek()}`;
}

/** Marks something in the maps. */
export function select(what: Selection): void {
  store.selection.value = what;
}

/** Shows a piece of the film on the map. */
export function findPiece(piece: number): void {
  store.selection.value = { kind: "piece", piece };
  store.view.value = "map";
}

/** Looks at another take: objects or pages. */
export function useTake(take: number): void {
  store.isPlaying.value = false;
  store.selection.value = null;
  store.mapView.value = WHOLE_SPACE;
  store.takeNumber.value = take;
  const summary = store.take.peek();
  if (summary !== null) {
    store.speed.value = speedFor(summary.operationCount);
    goToPeak();
  }
}

/** Shoots the objects once more by other settings, to stand beside. */
export async function compareWith(settings: TakeSettings): Promise<void> {
  try {
    const firstHeap = store.takes.peek().find(({ name }) => name === "Objects");
    if (firstHeap !== undefined) store.takeNumber.value = firstHeap.take;
    store.otherTake.value = await client.call("addTake", [settings]);
  } catch (error) {
    store.failure.value = (error as Error).message;
  } finally {
    store.progress.value = null;
  }
}

const THEME_KEY = "kmem-theme";

/** Light or dark, as chosen before or as the system says. */
export function initialTheme(): Theme {
  try {
    const kept = localStorage.getItem(THEME_KEY);
    if (kept === "light" || kept === "dark") return kept;
  } catch {
    // Pages from a file may have no storage.
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Changes the look and remembers it. */
export function toggleTheme(): void {
  store.theme.value = store.theme.peek() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(THEME_KEY, store.theme.peek());
  } catch {
    // As above.
  }
}
