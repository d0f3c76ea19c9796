/**
 * A crew of workers on one shared heap, and the one who watches it: starts them, lets them end, kills them, recovers
 * what they leave, and holds the heap against the board (`board.ts`).
 */
import { renameSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";
import { wasm } from "../../../../../scripts/wasm/webassembly.ts";
import { DebugSharedHeap } from "../../../src/debug/index.ts";
import { type OwnedReport, type RecoveryReport, SharedHeap } from "../../../src/index.ts";
import { HEADER_LOCK } from "../../../src/shared/layout.ts";
import { fail, same } from "../../model/driver.ts";
import { Random } from "../../model/random.ts";
import * as B from "./board.ts";
import { readObject, verifyObject } from "./objects.ts";
import type { Orders, StepOrders } from "./worker.ts";

/** The workers' program as one file: a worker begins to work in a fraction of the time that its modules take to load. */
const PROGRAM = fileURLToPath(new URL("../../../../../.cache/crew/worker.mjs", import.meta.url));
let isBuilt = false;

/** Bundles the workers' program, once in a process. */
function program(): string {
  if (!isBuilt) {
    const entry = fileURLToPath(new URL("./worker.ts", import.meta.url));
    // Another process may be about the same: each writes a file of its own, and moves it to its place.
    const outfile = `${PROGRAM}.${process.pid}`;
    buildSync({ entryPoints: [entry], bundle: true, format: "esm", platform: "node", outfile });
    renameSync(outfile, PROGRAM);
    isBuilt = true;
  }
  return PROGRAM;
}

/** Objects of ended workers that are kept, at most, for others to free. */
const MAX_ESTATE = 200;

/** What a crew is made from. */
export interface CrewOptions {
  readonly seed: number;
  readonly workerCount: number;
  readonly trackOwners: boolean;
  /** The bytes are a WebAssembly memory's, instead of a growable buffer's. */
  readonly isMemory?: boolean;
  /** The heap is one for debugging. A kill may then leave one more object, in a place that was about to be one or was one. */
  readonly isDebug?: boolean;
  /** The library that workers run; the source by default. */
  readonly libraryUrl?: string;
}

/** One that works, or did. */
interface Member {
  readonly thread: number;
  readonly maker: number;
  readonly worker: Worker;
  readonly exited: Promise<unknown>;
}

/** How a worker ended. */
export type Ending = "kill" | "exit" | "detach";

/** What was seen so far. */
export interface CrewFigures {
  operations: number;
  kills: number;
  exits: number;
  detaches: number;
  /** Recoveries of a thread that had died with the lock. */
  withLock: number;
  /** Free slots that came back. */
  slots: number;
  /** Deaths in the middle of something that the board had noted. */
  midway: number;
  /** Objects that were compared byte by byte. */
  verified: number;
}

/** Objects of which the board tells, by offset, and how many the heap may have beyond them. */
interface Known {
  readonly objects: Map<number, B.BoardObject>;
  readonly mostExtra: number;
}

/** The figures of a crew that has done nothing yet. */
export function noFigures(): CrewFigures {
  return {
    operations: 0,
    kills: 0,
    exits: 0,
    detaches: 0,
    withLock: 0,
    slots: 0,
    midway: 0,
    verified: 0,
  };
}

export class Crew {
  readonly heap: SharedHeap;
  readonly random: Random;
  readonly figures: CrewFigures = noFigures();
  readonly members = new Map<number, Member>();
  private readonly options: CrewOptions;
  private readonly boardBuffer: SharedArrayBuffer;
  private readonly board: B.Board;
  /** What ended workers held, and nobody else has taken yet. */
  private readonly estate = new Map<number, B.BoardObject>();
  /** Objects that a killed worker had made and told nobody of, where owners are not tracked. */
  private readonly lost: OwnedReport = { objects: 0, bytes: 0 };
  private lastMaker = 0;
  private reportFailure!: (error: Error) => void;
  /** Rejects when a worker throws. */
  private readonly failure: Promise<never>;

  constructor(options: CrewOptions) {
    this.options = options;
    this.random = new Random(options.seed, "crew");
    const Face = options.isDebug === true ? DebugSharedHeap : SharedHeap;
    this.heap = Face.create({
      ...(options.isMemory === true
        ? { memory: new wasm.Memory({ initial: 4, maximum: 128, shared: true }), maxSize: 2 ** 23 }
        : { size: 2 ** 18, maxSize: 2 ** 23 }),
      maxThreads: options.workerCount + 2,
      maxCaches: 64,
      trackOwners: options.trackOwners,
      stallMs: 60_000,
    });
    this.boardBuffer = B.Board.bufferFor(options.workerCount + 2);
    this.board = new B.Board(this.boardBuffer);
    this.failure = new Promise<never>((_, reject) => {
      this.reportFailure = reject;
    });
    this.failure.catch(() => undefined);
  }

  /** Starts the whole crew. Numbers begin at 1: this thread has 0. */
  async start(): Promise<void> {
    const threads = Array.from({ length: this.options.workerCount }, (_, index) => index + 1);
    await Promise.all(threads.map((thread) => this.hire(thread)));
  }

  /** Starts a worker under a thread number, and waits until it works, or has come to where it is to stop. */
  async hire(thread: number, steps?: StepOrders, libraryUrl = this.options.libraryUrl): Promise<void> {
    const maker = ++this.lastMaker;
    this.board.seat(thread).clear();
    const orders: Orders = {
      handle: this.heap.handle,
      board: this.boardBuffer,
      threadId: thread,
      maker,
      seed: this.options.seed,
      ...(libraryUrl === undefined ? {} : { libraryUrl }),
      ...(steps === undefined ? {} : { steps }),
    };
    const worker = new Worker(program(), { workerData: orders, execArgv: [] });
    worker.on("error", (error: unknown) => this.reportFailure(error as Error));
    const exited = new Promise((resolve) => worker.once("exit", resolve));
    this.members.set(thread, { thread, maker, worker, exited });
    await this.until(thread, (state) => state !== B.EMPTY);
  }

  /** Waits until `holds` is true of the state of a thread's seat. */
  async until(thread: number, holds: (state: number) => boolean): Promise<number> {
    const seat = this.board.seat(thread);
    for (;;) {
      const { state } = seat;
      if (holds(state)) return state;
      await Promise.race([seat.stateAfter(state), this.failure]);
    }
  }

  /** Waits until a worker has done `count` more operations, or stopped. */
  async work(thread: number, count: number): Promise<void> {
    const seat = this.board.seat(thread);
    const target = seat.count + count;
    while (seat.count < target && seat.state === B.RUNNING) {
      await Promise.race([new Promise((resolve) => setImmediate(resolve)), this.failure]);
    }
  }

  /** Ends a worker at a moment that nobody knows, recovers it while the others go on, and compares everything. */
  async end(thread: number, ending: Ending): Promise<void> {
    const member = this.members.get(thread)!;
    const seat = this.board.seat(thread);
    if (ending === "kill") {
      await member.worker.terminate();
      this.figures.kills++;
    } else {
      seat.command = ending === "detach" ? B.LEAVE : B.END;
      await Promise.race([member.exited, this.failure]);
      if (ending === "detach") this.figures.detaches++;
      else this.figures.exits++;
    }
    this.members.delete(thread);
    this.figures.operations += seat.count;
    if (ending !== "detach") {
      const report = this.heap.recover(thread);
      if (report.heldLock) this.figures.withLock++;
      this.figures.slots += report.slots;
    }
    this.heap.check();
    await this.park();
    this.settle(member, ending);
    this.resume();
  }

  /** True when a worker has come to the step at which it was to stop. */
  hasStopped(thread: number): boolean {
    return this.board.seat(thread).state === B.STOPPED;
  }

  /**
   * Ends a worker as `end` does, but has another one recover it. That one, if it stops at its step, is killed as well, and
   * both are recovered here; returns whether it did.
   */
  async endWithRescuer(
    thread: number,
    rescuer: number,
    orders: StepOrders,
    libraryUrl: string,
  ): Promise<boolean> {
    const member = this.members.get(thread)!;
    await member.worker.terminate();
    this.figures.kills++;
    this.members.delete(thread);
    await this.hire(rescuer, orders, libraryUrl);
    await this.until(rescuer, (state) => state === B.STOPPED || state === B.ENDED);
    const hasStopped = this.hasStopped(rescuer);
    const { worker, exited } = this.members.get(rescuer)!;
    if (hasStopped) await worker.terminate();
    await exited;
    this.members.delete(rescuer);
    if (hasStopped) {
      this.figures.kills++;
      // Of two that are dead, the one that holds the lock comes first: the other one's recovery would wait for it.
      const dead = this.holder() === thread ? [thread, rescuer] : [rescuer, thread];
      for (const each of dead) this.heap.recover(each);
      this.heap.freeOwnedBy(rescuer);
    }
    this.heap.check();
    await this.park();
    this.settle(member, "kill");
    this.resume();
    return hasStopped;
  }

  /** The thread that holds the heap's lock now, or -1. */
  private holder(): number {
    return (Atomics.load(new Int32Array(this.heap.handle.tables), HEADER_LOCK) & 0xff) - 1;
  }

  /** Stops the others between two operations. */
  async park(): Promise<void> {
    for (const thread of this.members.keys()) this.board.seat(thread).command = B.PARK;
    for (const thread of this.members.keys()) await this.until(thread, (state) => state === B.PARKED);
  }

  resume(): void {
    for (const thread of this.members.keys()) this.board.seat(thread).command = B.RUN;
  }

  /** Compares the heap with the board, after `member` has ended and been recovered. The others are parked. */
  private settle(member: Member, ending: Ending): void {
    const { heap } = this;
    heap.check({ quiet: true });
    const known = this.knownObjects(member.thread);
    const { objects, usedBytes } = heap.stats();
    const listed = this.sum(known.objects.values());
    // Those of a heap for debugging are of slots with red zones.
    const { isDebug = false } = this.options;
    const extra = {
      objects: objects - listed.objects - this.lost.objects,
      bytes: isDebug ? 0 : usedBytes - listed.bytes - this.lost.bytes,
    };
    const most = known.mostExtra + (isDebug && ending === "kill" ? 1 : 0);
    if (extra.objects < 0 || extra.objects > most || (extra.objects === 0 && extra.bytes !== 0)) {
      fail(
        `${objects} objects of ${usedBytes} bytes are in use; the living and the dead hold ${listed.objects} of ` +
          `${listed.bytes}, and 0 to ${most} more are possible`,
      );
    }
    if (ending !== "detach" && this.options.trackOwners) this.freeWhatItMade(member, known, extra);
    else {
      this.lost.objects += extra.objects;
      this.lost.bytes += extra.bytes;
    }
    this.inherit(member.thread, known);
  }

  /** The recovery's report of a dead worker's own must be just what the board has of its making, and what is extra. */
  private freeWhatItMade({ thread, maker }: Member, known: Known, extra: OwnedReport): void {
    const { owned } = this.heap.recover(thread) as RecoveryReport & { owned: OwnedReport };
    const made = [...known.objects.values()].filter((object) => object.maker === maker);
    const listed = this.sum(made);
    if (this.options.isDebug === true && extra.objects > 0) {
      // It may have died over what another had made.
      const theirs = owned.objects - listed.objects;
      if (theirs < 0 || theirs > extra.objects)
        fail(`the dead owned ${owned.objects}, not ${listed.objects}`);
      this.lost.objects += extra.objects - theirs;
    } else {
      same("objects of the dead", owned.objects, listed.objects + extra.objects);
      same("bytes of the dead", owned.bytes, listed.bytes + extra.bytes);
    }
    same("objects freed of the dead", this.heap.freeOwnedBy(thread), owned.objects);
    for (const { offset } of made) {
      known.objects.delete(offset);
      this.estate.delete(offset);
    }
    const isGone = (offset: number): boolean => made.some((object) => object.offset === offset);
    for (let index = 0; index < this.board.cellCount; index++) {
      const offset = this.board.cell(index);
      if (offset >= 0 && isGone(offset)) this.board.exchange(index, offset, -1);
    }
    for (const each of this.members.keys()) {
      const seat = this.board.seat(each);
      for (let slot = 0; slot < seat.slotCount; slot++) {
        const object = seat.get(slot);
        if (object !== undefined && isGone(object.offset)) seat.remove(slot);
      }
    }
    this.heap.check({ quiet: true });
  }

  /** Everything that somebody holds. Fails where two hold one, where one is no object, and where bytes changed. */
  private knownObjects(dead: number | undefined): Known {
    const objects = new Map<number, B.BoardObject>();
    const add = (object: B.BoardObject, isVerified = true): void => {
      const { offset, id, maker } = object;
      if (objects.has(offset)) fail(`two hold what lies at offset ${offset}`);
      if (!this.heap.owns(offset)) fail(`object ${id} of ${maker} at offset ${offset} is lost`);
      if (isVerified) {
        verifyObject(this.heap.buffer!, object);
        this.figures.verified++;
      }
      objects.set(offset, object);
    };
    for (const object of this.estate.values()) add(object);
    for (let index = 0; index < this.board.cellCount; index++) {
      const offset = this.board.cell(index);
      if (offset >= 0) add(readObject(this.heap.buffer!, offset));
    }
    for (const thread of this.members.keys()) for (const object of this.ledger(thread)) add(object);
    if (dead === undefined) return { objects, mostExtra: 0 };
    const { kind, pending } = this.board.seat(dead).doing;
    if (kind !== B.NOTHING) this.figures.midway++;
    let half = kind === B.NOTHING || pending < 0 ? undefined : pending;
    for (const object of this.ledger(dead)) {
      if (object.offset !== half) add(object);
      else if (!objects.has(half) && this.heap.owns(half)) add(object, kind !== B.REALLOC);
      if (object.offset === half) half = undefined;
    }
    // Taken out of a cell, and not yet in the ledger.
    if (half !== undefined && kind === B.MOVE && !objects.has(half) && this.heap.owns(half)) {
      add(readObject(this.heap.buffer!, half));
    }
    return { objects, mostExtra: kind === B.MALLOC || kind === B.REALLOC ? 1 : 0 };
  }

  private *ledger(thread: number): Generator<B.BoardObject> {
    const seat = this.board.seat(thread);
    for (let slot = 0; slot < seat.slotCount; slot++) {
      const object = seat.get(slot);
      if (object !== undefined) yield object;
    }
  }

  private sum(objects: Iterable<B.BoardObject>): OwnedReport {
    const sum = { objects: 0, bytes: 0 };
    for (const { offset } of objects) {
      sum.objects++;
      sum.bytes += this.heap.usableSize(offset);
    }
    return sum;
  }

  /** What an ended worker held lives on: in cells for the others, or freed here. */
  private inherit(dead: number, known: Known): void {
    const { kind, pending } = this.board.seat(dead).doing;
    const held = [...this.ledger(dead)];
    if (kind === B.MOVE && known.objects.has(pending)) held.push(known.objects.get(pending)!);
    const elsewhere = new Set<number>();
    for (let index = 0; index < this.board.cellCount; index++) elsewhere.add(this.board.cell(index));
    for (const thread of this.members.keys()) {
      for (const { offset } of this.ledger(thread)) elsewhere.add(offset);
    }
    for (const { offset } of held) {
      const object = known.objects.get(offset);
      if (object === undefined || elsewhere.has(offset)) continue;
      // A kill in the middle of a realloc may have left it half written.
      if (kind === B.REALLOC && offset === pending) this.heap.free(offset);
      else this.estate.set(offset, object);
    }
    this.board.seat(dead).clear();
    this.spendEstate();
  }

  private spendEstate(): void {
    for (const [offset, object] of this.estate) {
      const index = this.random.below(this.board.cellCount);
      if (this.random.chance(0.5) && this.board.exchange(index, -1, offset)) this.estate.delete(offset);
      else if (this.estate.size > MAX_ESTATE) this.release(object);
    }
  }

  private release(object: B.BoardObject): void {
    verifyObject(this.heap.buffer!, object);
    this.heap.free(object.offset);
    this.estate.delete(object.offset);
  }

  /** Ends all that are left, and frees everything. The heap must then be as empty as it began. */
  async finish(): Promise<void> {
    for (const thread of this.members.keys()) await this.end(thread, "detach");
    const known = this.knownObjects(undefined);
    for (const { offset } of known.objects.values()) this.heap.free(offset);
    this.heap.shrink();
    this.heap.check({ quiet: true });
    const { objects, usedBytes, heldBytes } = this.heap.stats();
    same("objects at the end", objects, this.lost.objects);
    if (this.options.isDebug !== true) same("bytes in use at the end", usedBytes, this.lost.bytes);
    if (this.lost.objects === 0) same("heldBytes at the end", heldBytes, 0);
  }

  /** Kills whoever still runs, where a test has failed. */
  async stop(): Promise<void> {
    await Promise.all([...this.members.values()].map(({ worker }) => worker.terminate()));
  }
}
