/** Listens to `kmem live --web`: looks at this machine's allocators, and the last few minutes of them. */
import { signal } from "@preact/signals";
import type { Look } from "../../../src/live/look.ts";

/** Looks that are kept, for the lines over time. */
const KEPT = 300;
const STREAM = "live";

/** How the stream is. */
export type LiveState = "waiting" | "live" | "absent";

export const liveState = signal<LiveState>("waiting");
/** The looks so far, the newest last. */
export const looks = signal<readonly Look[]>([]);

/** Does the page come from `kmem live --web`? Its address says so; a page from elsewhere has no stream to ask for. */
const hasStream = new URLSearchParams(location.hash.slice(1)).has("stream");

let source: EventSource | null = null;

/** Begins to listen; does nothing where it does already. */
export function listenLive(): void {
  if (source !== null) return;
  if (!hasStream) {
    liveState.value = "absent";
    return;
  }
  source = new EventSource(STREAM);
  source.addEventListener("message", ({ data }: MessageEvent<string>) => {
    liveState.value = "live";
    looks.value = [...looks.peek().slice(1 - KEPT), JSON.parse(data) as Look];
  });
  source.addEventListener("error", () => {
    // A server that has no stream answers once; one that has gone may come back, and the browser asks again.
    liveState.value = source?.readyState === EventSource.CLOSED ? "absent" : "waiting";
    if (liveState.value === "absent") source = null;
  });
}

/** Stops listening. */
export function stopLive(): void {
  source?.close();
  source = null;
}
