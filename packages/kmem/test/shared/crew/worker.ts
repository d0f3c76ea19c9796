/**
 * One worker of a crew: it allocates, writes, verifies, frees, and exchanges objects with the others through cells,
 * until it is told to end, or killed. Everything that it holds stands on the board.
 */
import { parentPort, workerData } from "node:worker_threads";
import { DebugSharedHeap } from "../../../src/debug/index.ts";
import * as Library from "../../../src/index.ts";
import type { AllocError, SharedHeap, SharedHeapHandle } from "../../../src/index.ts";
import { Random } from "../../model/random.ts";
import * as B from "./board.ts";
import { HEAD_BYTES, readObject, verifyObject, writeObject } from "./objects.ts";

/** What a worker is told. */
export interface Orders {
  readonly handle: SharedHeapHandle;
  readonly board: SharedArrayBuffer;
  /** The thread number that it takes. */
  readonly threadId: number;
  /** Its number in the crew. */
  readonly maker: number;
  readonly seed: number;
  /** The library that it runs, where that is a copy. */
  readonly libraryUrl?: string;
  /** With a library that has steps: where it stops, and whose steps are counted. */
  readonly steps?: StepOrders;
}

/** What a worker does with the steps of its library. */
export interface StepOrders {
  readonly stepUrl: string;
  /** A byte a step: set for each that was passed. */
  readonly passed: SharedArrayBuffer;
  /** The step to stop at, or -1. */
  readonly stopAt: number;
  /** Threads to recover instead of allocating: the steps are those of that. */
  readonly recover?: readonly number[];
}

const SIZES = [16, 24, 48, 100, 200, 500, 1000, 2000, 5000, 9000, 20_000];
/** Operations between two changes of mind: more allocating, or more freeing. */
const MOOD_OPERATIONS = 96;

class CrewWorker {
  private readonly heap: SharedHeap;
  private readonly board: B.Board;
  private readonly seat: B.Seat;
  private readonly random: Random;
  private readonly orders: Orders;
  private lastId = 0;
  private cacheCount = 0;

  constructor(heap: SharedHeap, orders: Orders) {
    this.heap = heap;
    this.orders = orders;
    this.board = new B.Board(orders.board);
    this.seat = this.board.seat(orders.threadId);
    this.random = new Random(orders.seed, `worker ${orders.maker}`);
  }

  run(): void {
    this.seat.state = B.RUNNING;
    let pressure = 0.7;
    for (;;) {
      const { command } = this.seat;
      if (command === B.END || command === B.LEAVE) break;
      if (command === B.PARK) {
        this.seat.state = B.PARKED;
        this.seat.waitWhile(B.PARK);
        this.seat.state = B.RUNNING;
        continue;
      }
      if (this.seat.count % MOOD_OPERATIONS === 0) pressure = this.random.pick([0.25, 0.5, 0.75]);
      this.operate(pressure);
      this.seat.countOne();
    }
    if (this.seat.command === B.LEAVE) this.heap.detach();
    this.seat.state = B.ENDED;
  }

  private operate(pressure: number): void {
    const { random } = this;
    const slot = random.below(this.seat.slotCount);
    const object = this.seat.get(slot);
    const choice = random.unit();
    if (choice < 0.01) this.heap.shrink();
    else if (choice < 0.015) this.grow();
    else if (choice < 0.02) this.useCache();
    else if (object === undefined && choice < 0.15) this.take(slot);
    else if (object === undefined && random.chance(pressure)) this.allocate(slot);
    else if (object === undefined) return;
    else if (choice < 0.1) this.give(slot, object);
    else if (choice < 0.2 && object.maker === this.orders.maker) this.reallocate(slot, object);
    else if (!random.chance(pressure)) this.free(slot, object);
  }

  private newObject(offset: number, byteLength: number): B.BoardObject {
    const object = { offset, byteLength, id: ++this.lastId, maker: this.orders.maker };
    writeObject(this.heap.buffer!, object);
    return object;
  }

  private allocate(slot: number): void {
    const { random } = this;
    const byteLength = random.chance(0.8) ? random.pick(SIZES.slice(0, 6)) : random.pick(SIZES);
    this.seat.begin(B.MALLOC);
    const offset = random.chance(0.05)
      ? this.heap.tryMalloc(byteLength, 256)
      : this.heap.tryMalloc(byteLength);
    if (offset >= 0) this.seat.put(slot, this.newObject(offset, byteLength));
    this.seat.done();
  }

  private free(slot: number, object: B.BoardObject): void {
    verifyObject(this.heap.buffer!, object);
    this.seat.begin(B.FREE, object.offset);
    this.heap.free(object.offset);
    this.seat.remove(slot);
    this.seat.done();
  }

  private reallocate(slot: number, object: B.BoardObject): void {
    verifyObject(this.heap.buffer!, object);
    const byteLength = Math.max(HEAD_BYTES, object.byteLength + 16 * this.random.between(-40, 40));
    this.seat.begin(B.REALLOC, object.offset);
    try {
      const offset = this.heap.realloc(object.offset, byteLength);
      this.seat.put(slot, this.newObject(offset, byteLength));
    } catch (error) {
      if ((error as AllocError).code !== "OUT_OF_MEMORY") throw error;
    }
    this.seat.done();
  }

  private give(slot: number, object: B.BoardObject): void {
    this.seat.begin(B.MOVE, object.offset);
    if (this.board.exchange(this.random.below(this.board.cellCount), -1, object.offset)) {
      this.seat.remove(slot);
    }
    this.seat.done();
  }

  private take(slot: number): void {
    const index = this.random.below(this.board.cellCount);
    const offset = this.board.cell(index);
    if (offset < 0) return;
    this.seat.begin(B.MOVE, offset);
    // From here the object is this worker's, also if it dies before its ledger has it.
    if (this.board.exchange(index, offset, -1)) {
      const object = readObject(this.heap.buffer!, offset);
      verifyObject(this.heap.buffer!, object);
      this.seat.put(slot, object);
    }
    this.seat.done();
  }

  private grow(): void {
    const { heap } = this;
    try {
      heap.grow(Math.min(heap.maxSize, heap.size + heap.pageSize));
    } catch (error) {
      // Another one may have grown it further meanwhile.
      if (!(error instanceof RangeError)) throw error;
    }
  }

  /** Makes a cache, uses it, destroys it. Its objects are not on the board: they do not outlive the operation. */
  private useCache(): void {
    if (this.cacheCount++ >= 2) return;
    this.seat.begin(B.MALLOC);
    try {
      const cache = this.heap.createCache({
        name: `cache ${this.orders.maker}-${this.cacheCount}`,
        objectSize: 40,
      });
      const offset = cache.tryAllocate();
      if (offset >= 0) cache.free(offset);
      cache.destroy();
    } catch (error) {
      // All numbers may be used up, or the memory. In a heap for debugging, another thread that had none may just be taking the
      // object out of quarantine.
      const codes = this.heap instanceof DebugSharedHeap ? ["OUT_OF_MEMORY", "IN_USE"] : ["OUT_OF_MEMORY"];
      if (!(error instanceof RangeError) && !codes.includes((error as AllocError).code)) throw error;
    }
    this.seat.done();
  }
}

/** Makes the library stop this thread for ever at the step that is asked for, and note all that it passes. */
async function obeySteps({ stepUrl, passed, stopAt }: StepOrders, seat: B.Seat): Promise<void> {
  const { hook } = (await import(stepUrl)) as { hook: { onStep(step: number): void } };
  const marks = new Uint8Array(passed);
  const never = new Int32Array(new SharedArrayBuffer(4));
  hook.onStep = (step) => {
    marks[step] = 1;
    if (step !== stopAt) return;
    seat.state = B.STOPPED;
    Atomics.wait(never, 0, 0);
  };
}

async function main(orders: Orders): Promise<void> {
  const { libraryUrl } = orders;
  const library = libraryUrl === undefined ? Library : ((await import(libraryUrl)) as typeof Library);
  const Face = orders.handle.format === "kmem-shared-heap" ? library.SharedHeap : DebugSharedHeap;
  const heap = Face.attach(orders.handle, { threadId: orders.threadId });
  const seat = new B.Board(orders.board).seat(orders.threadId);
  const { steps } = orders;
  if (steps !== undefined) await obeySteps(steps, seat);
  if (steps?.recover === undefined) {
    new CrewWorker(heap, orders).run();
  } else {
    seat.state = B.RUNNING;
    for (const thread of steps.recover) heap.recover(thread);
    heap.detach();
    seat.state = B.ENDED;
  }
  parentPort?.close();
}

await main(workerData as Orders);
