/**
 * The one lock of a shared heap. It is held for a batch of slots or one block of pages, never for a walk over the heap.
 *
 *     lock word    bit  31 … 10      9           8 … 0
 *                       generation   CONTENDED   owner
 *
 * The owner is a thread's number + 1, 0 while nobody holds the lock; so whoever waits can tell for whom, and who is
 * left behind by a dead thread. The generation counts acquisitions: two of the same owner differ. CONTENDED says that
 * somebody may be asleep.
 *
 * A thread spins for a bounded number of rounds and then sleeps, where its agent may (`Atomics.wait` throws on a browser's
 * main thread and in audio worklets, which spin on). After `stallMs` it throws `STALLED` rather than wait for ever:
 * a thread that has to hear of another one's death in its event loop could not hear of it here.
 *
 * Invariants:
 *   L1: only the owner clears the owner, but for `takeOver`, whose caller vouches that the owner is dead.
 *   L2: while a thread sleeps, CONTENDED is set, or somebody is between waking it and taking the lock.
 * A thread that dies between those two breaks L2; so `wakeAll` is part of every recovery.
 *
 * Ulrich Drepper, Futexes Are Tricky, 2011, mutex 2; the model in `model/shared-heap.pml` explores it.
 */
import { AllocError } from "../errors.ts";

const OWNER_MASK = 0x1ff;
const CONTENDED = 0x200;
const GENERATION_SHIFT = 10;
const GENERATION = 1 << GENERATION_SHIFT;
const GENERATION_MASK = -GENERATION;

/** Rounds before a thread goes to sleep: some microseconds, more than a critical section takes. */
const SPIN_ROUNDS = 200;
/** Rounds between two looks at the clock, where sleeping is not allowed. */
const CLOCK_ROUNDS = 4096;

/** Tells the processor that this is a spin loop, where the engine knows how to. */
const pause: () => void = (Atomics as { pause?: () => void }).pause ?? (() => undefined);

/** True where this agent may sleep. */
function maySleep(words: Int32Array, at: number): boolean {
  try {
    Atomics.wait(words, at, ~Atomics.load(words, at), 0);
    return true;
  } catch {
    return false;
  }
}

export class Lock {
  private readonly words: Int32Array;
  private readonly at: number;
  private readonly owner: number;
  private readonly stallMs: number;
  private readonly sleeps: boolean;
  /** How often this thread has acquired and not yet released it. */
  private depth = 0;
  /** True once `close` was called. */
  isClosed = false;

  /** The lock at index `at` of shared `words`, for thread `thread`. */
  constructor(words: Int32Array, at: number, thread: number, stallMs: number) {
    this.words = words;
    this.at = at;
    this.owner = thread + 1;
    this.stallMs = stallMs;
    this.sleeps = maySleep(words, at);
  }

  /** How often the lock was acquired, modulo 2^22. */
  get generation(): number {
    return Atomics.load(this.words, this.at) >>> GENERATION_SHIFT;
  }

  /** How often it was acquired since it was of generation `earlier`, modulo 2^22. */
  generationsSince(earlier: number): number {
    return (this.generation - earlier) & (GENERATION_MASK >>> GENERATION_SHIFT);
  }

  /** The number of the thread that holds the lock now; -1 when none does. */
  get holder(): number {
    return (Atomics.load(this.words, this.at) & OWNER_MASK) - 1;
  }

  /**
   * Takes the lock, waiting for it where somebody else has it; once more where this thread has it already.
   *
   * Throws `AllocError` `STALLED` when one thread has held it for as long as `stallMs`, `DETACHED` once it is closed.
   */
  acquire(): void {
    if (this.isClosed) throw detachedError();
    if (this.depth > 0 || this.tryOnce(0)) {
      this.depth++;
      return;
    }
    this.wait();
    this.depth++;
  }

  /** Gives the lock back, as often as it was acquired. Throws `AllocError` `DETACHED` when it was taken over. */
  release(): void {
    if (--this.depth > 0) return;
    const { words, at } = this;
    for (;;) {
      const word = Atomics.load(words, at);
      if ((word & OWNER_MASK) !== this.owner) throw detachedError();
      if (Atomics.compareExchange(words, at, word, word & GENERATION_MASK) !== word) continue;
      if ((word & CONTENDED) !== 0) Atomics.notify(words, at, 1);
      return;
    }
  }

  /** Does `action` with the lock, and returns what it returns. */
  locked<Result>(action: () => Result): Result {
    this.acquire();
    try {
      return action();
    } finally {
      this.release();
    }
  }

  /**
   * Takes the lock from thread `dead`, if that is what holds it. Returns whether it did. The caller vouches that the
   * thread is dead.
   */
  takeOver(dead: number): boolean {
    const { words, at } = this;
    for (;;) {
      const word = Atomics.load(words, at);
      if ((word & OWNER_MASK) !== dead + 1) return false;
      if (Atomics.compareExchange(words, at, word, this.next(word) | CONTENDED) !== word) continue;
      this.depth++;
      return true;
    }
  }

  /** Wakes every thread that sleeps: one that was woken and died before it took the lock woke nobody after it. */
  wakeAll(): void {
    Atomics.notify(this.words, this.at);
  }

  /** Makes every further `acquire` throw. */
  close(): void {
    this.isClosed = true;
  }

  /** The word with this thread as its owner, of the next generation. */
  private next(word: number): number {
    return ((word & GENERATION_MASK) + GENERATION) | this.owner;
  }

  /** Takes the lock if it is free; CONTENDED is set with it where `mark` says so. */
  private tryOnce(mark: number): boolean {
    const { words, at } = this;
    const word = Atomics.load(words, at);
    if ((word & OWNER_MASK) !== 0) return false;
    return Atomics.compareExchange(words, at, word, this.next(word) | mark | (word & CONTENDED)) === word;
  }

  private wait(): void {
    for (let round = 0; round < SPIN_ROUNDS; round++) {
      pause();
      if (this.tryOnce(0)) return;
    }
    if (this.sleeps) this.sleep();
    else this.spin();
  }

  /** Sleeps until the lock is taken. Whoever has slept sets CONTENDED with it: others may sleep still. */
  private sleep(): void {
    const { words, at } = this;
    while (!this.tryOnce(CONTENDED)) {
      const word = Atomics.load(words, at);
      if ((word & OWNER_MASK) === 0) continue;
      const marked = word | CONTENDED;
      if (word !== marked && Atomics.compareExchange(words, at, word, marked) !== word) continue;
      // One thread alone, that is one generation, has held it all the while.
      if (Atomics.wait(words, at, marked, this.stallMs) === "timed-out") this.stall(marked);
    }
  }

  private spin(): void {
    let since = Date.now();
    let seen = Atomics.load(this.words, this.at);
    for (let round = 1; !this.tryOnce(0); round++) {
      pause();
      if (round % CLOCK_ROUNDS !== 0) continue;
      const word = Atomics.load(this.words, this.at);
      if (((word ^ seen) & ~CONTENDED) !== 0) {
        seen = word;
        since = Date.now();
      } else if (Date.now() - since >= this.stallMs) this.stall(word);
    }
  }

  /** Throws `STALLED`, if `word` is still what the lock word is. */
  private stall(word: number): void {
    if (((Atomics.load(this.words, this.at) ^ word) & ~CONTENDED) !== 0) return;
    const thread = (word & OWNER_MASK) - 1;
    throw new AllocError(
      "STALLED",
      `thread ${thread} has held the lock for ${this.stallMs} ms; if it is dead, call recover(${thread})`,
    );
  }
}

/** The error of a heap that this thread has left, or was declared dead in. */
export function detachedError(): AllocError {
  return new AllocError("DETACHED", "this thread is not attached to the shared heap any more");
}
