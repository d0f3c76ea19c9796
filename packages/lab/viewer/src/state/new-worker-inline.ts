/** The worker of a self-contained report: its script is part of the page's own. Takes the place of `new-worker.ts`. */
// oxlint-disable-next-line import/default -- Vite makes the worker's constructor the default export.
import FilmWorker from "../worker/film-worker.ts?worker&inline";

/** Starts the worker. */
export function newWorker(): Worker {
  return new FilmWorker();
}
