/** Shoots a film from a script, in pieces, so that whoever waits can look at what there is. */
import type { Film } from "./film.ts";
import { HeapShooting } from "./shoot-heap.ts";
import { PagesShooting } from "./shoot-pages.ts";
import type { Script } from "./script.ts";

/** A film that can be shot on. */
export interface Shooting {
  readonly film: Film;
  /** Shoots up to a moment (a number of operations). */
  advanceTo(moment: number): void;
}

/** Begins a film; nothing is shot yet. */
export function beginFilm(script: Script): Shooting {
  return script.kind === "heap" ? new HeapShooting(script) : new PagesShooting(script);
}

/** Shoots a whole film. O(operations). */
export function shootFilm(script: Script): Film {
  const shooting = beginFilm(script);
  shooting.advanceTo(script.operations.length);
  return shooting.film;
}
