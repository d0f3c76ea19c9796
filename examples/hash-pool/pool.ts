// A pool of workers that hash chunks of a shared heap. A worker that dies is recovered and replaced, and its chunk, which
// still lies in the heap, goes to another.

import type { RecoveryReport, SharedHeap } from "kmem";
import { Worker } from "node:worker_threads";
import { DIGEST_BYTES, type Done, type Job, type Start } from "./protocol.ts";

/** A death, and what the heap had to say of it. */
export interface Death {
  readonly chunk: number;
  readonly report: RecoveryReport;
  /** Allocations of the dead worker that were freed. */
  readonly freed: number;
}

/** A worker, and the job that it is at. */
interface Member {
  readonly worker: Worker;
  readonly threadId: number;
  job: Job | undefined;
}

/** Hashes what `chunks` gives, on `workerCount` workers; `deadlyChunk` kills whoever has hashed it first. */
export class HashPool {
  readonly heap: SharedHeap;
  readonly digests = new Map<number, string>();
  readonly deaths: Death[] = [];
  private readonly members = new Map<number, Member>();
  private readonly queue: Job[] = [];
  private readonly chunks: Iterator<Uint8Array>;
  private nextChunk = 0;
  private finish: () => void = () => undefined;
  private readonly workerCount: number;
  private readonly deadlyChunk: number;

  constructor(heap: SharedHeap, chunks: Iterable<Uint8Array>, workerCount: number, deadlyChunk: number) {
    this.heap = heap;
    this.chunks = chunks[Symbol.iterator]();
    this.workerCount = workerCount;
    this.deadlyChunk = deadlyChunk;
  }

  /** Hashes every chunk, and ends the workers. */
  async run(): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.finish = resolve;
    });
    for (let threadId = 1; threadId <= this.workerCount; threadId++) this.hire(threadId);
    await done;
    const members = [...this.members.values()];
    this.members.clear();
    for (const { worker, threadId } of members) {
      await worker.terminate();
      // A worker that was ended has not detached: what its magazines held goes back as a dead one's does.
      this.heap.recover(threadId);
      this.heap.freeOwnedBy(threadId);
    }
  }

  private hire(threadId: number): void {
    const workerData: Start = { handle: this.heap.handle, threadId };
    const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData });
    const member: Member = { worker, threadId, job: undefined };
    this.members.set(threadId, member);
    worker.on("message", (done: Done) => this.collect(member, done));
    worker.on("exit", () => {
      if (this.members.get(threadId) === member) this.bury(member);
    });
    this.employ(member);
  }

  /** Gives a worker its next job; the pool is finished when nobody has one. */
  private employ(member: Member): void {
    member.job = this.queue.shift() ?? this.load();
    if (member.job !== undefined) member.worker.postMessage(member.job);
    else if ([...this.members.values()].every(({ job }) => job === undefined)) this.finish();
  }

  /** Puts the next chunk into the heap: the one copy that is made of it. */
  private load(): Job | undefined {
    const { value, done } = this.chunks.next();
    if (done === true) return undefined;
    const offset = this.heap.malloc(value.length);
    new Uint8Array(this.heap.buffer, offset, value.length).set(value);
    const chunk = this.nextChunk++;
    return { chunk, offset, byteLength: value.length, dies: chunk === this.deadlyChunk };
  }

  private collect(member: Member, { chunk, digestOffset }: Done): void {
    const digest = new Uint8Array(this.heap.buffer, digestOffset, DIGEST_BYTES);
    this.digests.set(chunk, Buffer.from(digest).toString("hex"));
    this.heap.free(digestOffset);
    this.employ(member);
  }

  /** Recovers a worker that has died, frees what it had made, and lets another do its job. */
  private bury({ threadId, job }: Member): void {
    const report = this.heap.recover(threadId);
    const freed = this.heap.freeOwnedBy(threadId);
    // The chunk is the main thread's own: it lives, and is hashed again.
    if (job !== undefined) {
      this.deaths.push({ chunk: job.chunk, report, freed });
      this.queue.push({ ...job, dies: false });
    }
    this.hire(threadId);
  }
}
