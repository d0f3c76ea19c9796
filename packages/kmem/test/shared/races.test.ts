/**
 * Races, played by one thread: what another thread may do between a look at a word and the atomic operation on it is done
 * there, once, in place of that operation's first call.
 */
import { SharedHeap } from "kmem";
import type { Lock } from "../../src/shared/lock.ts";
import type { SharedPool } from "../../src/shared/shared-pool.ts";
import { afterEach, describe, expect, test, vi } from "vitest";

const PAGE = 4096;
/** The bit of the lock word that says that others wait. */
const CONTENDED = 0x200;

afterEach(() => vi.restoreAllMocks());

function makePair(options: { stallMs?: number; trackOwners?: boolean } = {}) {
  const first = SharedHeap.create({ size: 64 * PAGE, ...options });
  return { first, second: SharedHeap.attach(first.handle) };
}

/** The operations as the library calls them: on words of 32 bits. */
const atomics = Atomics as unknown as {
  and(words: Int32Array, at: number, mask: number): number;
  compareExchange(words: Int32Array, at: number, expected: number, replacement: number): number;
};

/** Has `deed` done just before the next `Atomics.compareExchange` on the lock's word; returns whether it was. */
function beforeNextExchange(lock: Lock, deed: () => void): () => boolean {
  const real = atomics.compareExchange;
  let isDone = false;
  vi.spyOn(atomics, "compareExchange").mockImplementation((words, at, expected, replacement) => {
    if (!isDone && words.buffer === lock["words"].buffer && at === lock["at"]) {
      isDone = true;
      deed();
    }
    return real(words, at, expected, replacement);
  });
  return () => isDone;
}

describe("the lock", () => {
  test("is given back although somebody begins to wait just then, and who waits is woken", () => {
    const { first, second } = makePair();
    const lock = first["lock"];
    const notify = vi.spyOn(Atomics, "notify");
    lock.acquire();
    const wasRaced = beforeNextExchange(lock, () => Atomics.or(lock["words"], lock["at"], CONTENDED));
    lock.release();
    expect(wasRaced()).toBe(true);
    expect(lock.holder).toBe(-1);
    expect(notify).toHaveBeenCalledExactlyOnceWith(lock["words"], lock["at"], 1);
    second.check();
  });

  test("of a dead thread is taken over although somebody begins to wait just then", () => {
    const { first, second } = makePair();
    const lock = first["lock"];
    lock.acquire();
    const wasRaced = beforeNextExchange(lock, () => Atomics.or(lock["words"], lock["at"], CONTENDED));
    expect(second.recover(0).heldLock).toBe(true);
    expect(wasRaced()).toBe(true);
    expect(second["lock"].takeOver(0)).toBe(false);
    second.check({ quiet: true });
  });

  test("that changed hands while a thread slept is waited for again", () => {
    const { first, second } = makePair({ stallMs: 5 });
    const lock = first["lock"];
    lock.acquire();
    const wait = vi.spyOn(Atomics, "wait").mockImplementationOnce(() => {
      lock.release();
      lock.acquire();
      return "timed-out";
    });
    wait.mockImplementationOnce(() => {
      lock.release();
      return "ok";
    });
    second.free(second.malloc(20_000));
    expect(wait).toHaveBeenCalledTimes(2);
    expect(lock.holder).toBe(-1);
  });

  test("that changes hands is waited for anew each time where sleeping is not allowed", () => {
    vi.spyOn(Atomics, "wait").mockImplementation(() => {
      throw new TypeError("Atomics.wait cannot be called in this context");
    });
    const { first, second } = makePair({ stallMs: 5 });
    const lock = first["lock"];
    lock.acquire();
    // Each look at the clock finds half of the patience gone; at every other one, somebody else has the lock.
    let now = 0;
    vi.spyOn(Date, "now").mockImplementation(() => {
      now += 3;
      if (now % 6 === 0) lock.release();
      if (now % 6 === 0 && now < 60) lock.acquire();
      return now;
    });
    second.free(second.malloc(20_000));
    expect(now).toBeGreaterThanOrEqual(60);
    expect(lock.holder).toBe(-1);
  });

  test("works on engines without Atomics.pause", async () => {
    vi.stubGlobal("Atomics", Object.create(Atomics, { pause: { value: undefined } }));
    vi.resetModules();
    const { Lock } = await import("../../src/shared/lock.ts");
    vi.unstubAllGlobals();
    const words = new Int32Array(new SharedArrayBuffer(4));
    const [first, second] = [new Lock(words, 0, 0, 5), new Lock(words, 0, 1, 5)];
    first.acquire();
    expect(() => second.acquire()).toThrow(expect.objectContaining({ code: "STALLED" }));
  });
});

describe("two threads that free one object at the same time", () => {
  test("one of them is told so, and the slot is free once", () => {
    const { first, second } = makePair();
    const offset = first.malloc(100);
    const real = atomics.and;
    vi.spyOn(atomics, "and").mockImplementationOnce((words, at, mask) => {
      second.free(offset);
      return real(words, at, mask);
    });
    expect(() => first.free(offset)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE", offset }));
    first.check({ quiet: true });
    expect(first.stats().objects).toBe(0);
  });
});

describe("what a dead thread owned", () => {
  test("is not counted where others free it meanwhile, its pages too", () => {
    const { first, second } = makePair({ trackOwners: true });
    const offsets = [first.malloc(20_000), first.malloc(20_000)];
    const pool: Pick<SharedPool, "forEachOwned"> = second["sharedPool"];
    const visit = pool.forEachOwned.bind(pool);
    pool.forEachOwned = (thread, each) => {
      pool.forEachOwned = visit;
      visit(thread, (offset) => {
        if (offset === offsets[0]) second.free(offset);
        each(offset);
      });
    };
    expect(second.recover(0).owned).toEqual({ objects: 1, bytes: 20_480 });
    second.check({ quiet: true });
  });
});

test("an offset in no slab is in no cache", () => {
  const { first } = makePair();
  expect(first.cacheAt(first.malloc(20_000))).toBeUndefined();
});
