/** Streams looks at this machine's allocators to pages that ask for them: server-sent events. */
import type { ServerResponse } from "node:http";
import { lookAt } from "../live/look.ts";
import { type Sample, takeSample } from "../live/sample.ts";

/** Where a page finds the stream. */
const LIVE_PATH = "live";

/** Looks now and again while anybody listens. */
export class LiveStream {
  readonly #listeners = new Set<ServerResponse>();
  readonly #intervalMs: number;
  #before: Sample | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(intervalSeconds: number) {
    this.#intervalMs = 1e3 * intervalSeconds;
  }

  /** Answers a request for the stream; false for any other. */
  handle(path: string, response: ServerResponse): boolean {
    if (path !== LIVE_PATH) return false;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    this.#listeners.add(response);
    response.on("close", () => {
      this.#listeners.delete(response);
      if (this.#listeners.size === 0) this.stop();
    });
    this.#look();
    this.#timer ??= setInterval(() => this.#look(), this.#intervalMs);
    return true;
  }

  /** Looks no more. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#before = null;
  }

  #look(): void {
    const sample = takeSample();
    const text = `data: ${JSON.stringify(lookAt(sample, this.#before))}\n\n`;
    this.#before = sample;
    for (const listener of this.#listeners) listener.write(text);
  }
}
