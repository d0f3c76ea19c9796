/** The worker: hands calls from the page to the service, and what it says back to the page. */
import { FilmService } from "./film-service.ts";
import type { CallMessage, Picture, WorkerMessage } from "./protocol.ts";

/** The scope of a worker, as far as it is used; the DOM's types know only windows. */
interface WorkerScope {
  addEventListener(type: "message", listener: (event: MessageEvent<CallMessage>) => void): void;
  postMessage(message: WorkerMessage, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;

/** A task of its own for what waits, without the four milliseconds that nested timers cost. */
const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.addEventListener("message", () => waiting.shift()?.());
channel.port1.start();

const service = new FilmService({
  progress: (progress) => scope.postMessage({ type: "progress", progress }),
  take: (summary) => scope.postMessage({ type: "take", summary }),
  pause: () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      channel.port2.postMessage(null);
    }),
});

scope.addEventListener("message", ({ data: { call, method, args } }) => {
  const answer = (service[method] as (...args: readonly unknown[]) => Promise<unknown>).apply(service, [
    ...args,
  ]);
  void answer.then(
    (value) => {
      const pixels = method === "picture" ? (value as Picture).map?.pixels.buffer : undefined;
      return scope.postMessage({ type: "result", call, value }, pixels === undefined ? [] : [pixels]);
    },
    (error: unknown) => scope.postMessage({ type: "error", call, message: messageOf(error) }),
  );
});

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
