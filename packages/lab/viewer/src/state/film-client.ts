/** The page's side of the worker: calls become promises, and what the worker says by itself goes to listeners. */
import type { FilmCalls, OpenProgress, TakeSummary, WorkerMessage } from "../worker/protocol.ts";

/** What is told without being asked for. */
export interface FilmListener {
  progress(progress: OpenProgress): void;
  take(summary: TakeSummary): void;
}

type Pending = { resolve(value: unknown): void; reject(error: Error): void };

/** Calls of one worker. */
export class FilmClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;

  constructor(worker: Worker, listener: FilmListener) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.type === "progress") listener.progress(data.progress);
      else if (data.type === "take") listener.take(data.summary);
      else this.#settle(data);
    });
    worker.addEventListener("error", (event) => {
      const error = new Error(`The film stopped: ${event.message}`);
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    });
  }

  /** Calls a method of the service. Rejects with an Error whose message is for people. */
  call<Method extends keyof FilmCalls>(
    method: Method,
    args: Parameters<FilmCalls[Method]>,
    transfer: Transferable[] = [],
  ): ReturnType<FilmCalls[Method]> {
    const call = ++this.#calls;
    const promise = new Promise<unknown>((resolve, reject) => this.#pending.set(call, { resolve, reject }));
    this.#worker.postMessage({ call, method, args }, transfer);
    return promise as ReturnType<FilmCalls[Method]>;
  }

  #settle(message: Extract<WorkerMessage, { call: number }>): void {
    const pending = this.#pending.get(message.call);
    this.#pending.delete(message.call);
    if (message.type === "result") pending?.resolve(message.value);
    else pending?.reject(new Error(message.message));
  }
}
