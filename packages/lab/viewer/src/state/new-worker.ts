/** The worker of the site: a script beside the page's own. The report's build puts another module in this one's place. */
export function newWorker(): Worker {
  return new Worker(new URL("../worker/film-worker.ts", import.meta.url), { type: "module" });
}
