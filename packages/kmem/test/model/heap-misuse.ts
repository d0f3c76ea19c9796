/** Wrong calls on a heap under test: each throws the error that says so, and changes nothing. */
import type { Heap } from "../../src/index.ts";
import { expectArgumentError, expectRefusal, NOT_INTEGERS } from "./driver.ts";
import type { HeapUnderTest } from "./heap-model.ts";

const MISUSES = { twice: 6, inside: 6, anywhere: 4, number: 4, argument: 4, cache: 2 };

/** Does one wrong thing to the driver's heap; the heap's whole state is compared where `isThorough`, else its figures. */
export function heapMisuse(driver: HeapUnderTest, isThorough: boolean): void {
  const { heap, objects, caches, random } = driver;
  const state = (): string => JSON.stringify(isThorough ? [heap.stats(), heap.snapshot()] : figures(heap));
  const kind = random.weighted(MISUSES);
  if (kind === "twice") freeTwice(driver, state);
  else if (kind === "inside" && objects.length > 0) {
    const { offset, usable } = random.pick(objects);
    const inside = offset + random.between(1, usable - 1);
    expectRefusal(`free(${inside}), inside an object`, ["INVALID_FREE"], () => heap.free(inside), state);
    expectRefusal(`usableSize(${inside})`, ["NOT_ALLOCATED"], () => heap.usableSize(inside), state);
    expectRefusal(`realloc(${inside})`, ["NOT_ALLOCATED"], () => heap.realloc(inside, 1), state);
  } else if (kind === "anywhere") {
    const offset = heap.base + random.below(heap.size);
    if (heap.owns(offset)) return;
    const codes = ["INVALID_FREE", "DOUBLE_FREE"] as const;
    expectRefusal(`free(${offset}), where nothing is`, codes, () => heap.free(offset), state);
  } else if (kind === "number") {
    const wrong = random.pick([
      ...NOT_INTEGERS,
      heap.base + 0.5,
      heap.base + heap.maxSize,
      2 ** 32,
      heap.base - 1,
    ]);
    expectRefusal(`free(${wrong})`, ["INVALID_FREE"], () => heap.free(wrong), state);
    expectRefusal(`usableSize(${wrong})`, ["NOT_ALLOCATED"], () => heap.usableSize(wrong), state);
    if (heap.owns(wrong)) throw new Error(`owns(${wrong})`);
  } else if (kind === "argument") {
    const wrong = random.pick(NOT_INTEGERS);
    expectArgumentError("byteLength", () => heap.malloc(wrong), state);
    expectArgumentError("align", () => heap.malloc(1, random.pick([0, 3, NaN, -16, 0.5])), state);
    expectArgumentError("count", () => heap.calloc(random.pick(NOT_INTEGERS), 1), state);
    expectArgumentError(
      "newSize",
      () => heap.grow(random.pick([wrong, heap.maxSize + 1, heap.size - 1])),
      state,
    );
    if (objects.length > 0) {
      expectArgumentError("byteLength", () => heap.realloc(random.pick(objects).offset, wrong), state);
    }
  } else if (kind === "cache" && caches.length > 0) {
    const owner = random.pick(caches);
    const foreign = objects.find((object) => object.owner !== owner);
    const options = { name: owner.cache.name, objectSize: 16 };
    expectRefusal("a cache's name again", ["IN_USE"], () => heap.createCache(options), state);
    if (foreign === undefined) return;
    const call = (): void => owner.cache.free(foreign.offset);
    expectRefusal("free in the wrong cache", ["INVALID_FREE"], call, state);
  }
}

/** What a wrong call would most likely change. */
function figures(heap: Heap): unknown {
  const { objects, usedBytes, heldBytes, largeObjects, buddy } = heap.stats();
  return [objects, usedBytes, heldBytes, largeObjects, buddy.freeBlocks];
}

/** Frees a new object twice. When the first free gives its slab back, the offset is one of no object at all. */
function freeTwice({ heap, random }: HeapUnderTest, state: () => string): void {
  const byteLength = random.pick([1, 100, 3000, 8193]);
  const offset = heap.tryMalloc(byteLength);
  if (offset < 0) return;
  heap.free(offset);
  const codes = byteLength > 8192 ? (["DOUBLE_FREE"] as const) : (["DOUBLE_FREE", "INVALID_FREE"] as const);
  expectRefusal("double free", codes, () => heap.free(offset), state);
}
