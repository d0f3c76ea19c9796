/**
 * `malloc`, `free` and `malloc_usable_size` in WebAssembly, for the common case: a small object, and a magazine that has
 * it or has room for it. Everything else is left to JavaScript.
 *
 * A call from one Wasm module to another costs a nanosecond, a call to JavaScript six. So the words of the pool lie in a
 * memory (`table-memory.ts`), and a module of its own works on them. It is assembled here, for the layout at hand: all
 * that is constant stands in its instructions.
 *
 * This is a second writing of `SlabPool.allocate` and `SlabPool.free`, and of the class look-up in `Heap.malloc`, on the
 * same words: each step has its line there. A test runs both beside each other and compares every word. What JavaScript
 * does on the same heap in between is seen, and the other way round.
 *
 * Assumes a pool of one thread whose granule is 16 bytes, and that words have their low byte first, as in WebAssembly.
 */
import { GRANULE, MAX_SLOT_SIZE } from "../heap/size-classes.ts";
import * as L from "../slab/layout.ts";
import {
  add,
  and,
  assemble,
  call,
  type Code,
  constant,
  get,
  isBelow,
  isZero,
  leave,
  load,
  load8,
  multiply,
  or,
  set,
  shiftLeft,
  shiftRight,
  type Signature,
  store,
  store8,
  tee,
  when,
  xor,
} from "./assembler.ts";
import type { TableMemory } from "./table-memory.ts";
import { webAssembly } from "./webassembly.ts";

/** The functions that have a fast path, with pointers and sizes as C has them. */
export interface FastFunctions {
  malloc(size: number): number;
  free(pointer: number): void;
  malloc_usable_size(pointer: number): number;
}

/** What the module imports, for whatever it leaves: the same three functions, which are numbered so. */
const SIGNATURES: readonly Signature[] = [
  { name: "malloc", returns: true },
  { name: "free", returns: false },
  { name: "malloc_usable_size", returns: true },
];
const REST_OF_MALLOC = 0;
const REST_OF_FREE = 1;
const REST_OF_USABLE_SIZE = 2;

/** Bytes of a word, and of the two words that each cache has at the start of the pool: its magazine's top and limit. */
const WORD = 4;
const TOPS = 2 * WORD;
const WORD_SHIFT = 2;
const GRANULE_SHIFT = Math.log2(GRANULE);
/** A byte of the in-use map tells of so many bytes of the space. */
const MAP_BYTE_SHIFT = GRANULE_SHIFT + 3;

/** The parameter of each function. */
const ARGUMENT = 0;

/** The number of the bit of the granule at `offset`, in its byte of the in-use map. */
function bitNumber(offset: Code): Code {
  return and(shiftRight(offset, constant(GRANULE_SHIFT)), constant(7));
}

/** That bit. */
function bitOf(offset: Code): Code {
  return shiftLeft(constant(1), bitNumber(offset));
}

/** The address of that byte, without where the map begins. */
function mapByte(offset: Code): Code {
  return shiftRight(offset, constant(MAP_BYTE_SHIFT));
}

/** The page word of the page in which `offset` lies. */
function pageWord(offset: Code, { pageShift, layout }: TableMemory): Code {
  const page = shiftRight(offset, constant(pageShift));
  return load(shiftLeft(page, constant(WORD_SHIFT)), WORD * layout.pages);
}

/** The cache in whose slab a page with such a word lies, 0 for none. */
function cacheIn(word: Code): Code {
  return and(word, constant(L.PAGE_CACHE_MASK));
}

/** 1 where a granule begins at `offset` and its bit is set in `byte`, that of the in-use map; else 0. */
function isObject(offset: Code, byte: Code): Code {
  return and(isZero(and(offset, constant(GRANULE - 1))), shiftRight(byte, bitNumber(offset)));
}

/** `SlabPool.allocate` of the class for so many bytes. */
function malloc({ layout, classes }: TableMemory): Code {
  const [size, tops, top, offset] = [ARGUMENT, 1, 2, 3];
  const granules = shiftRight(add(get(size), constant(GRANULE - 1)), constant(GRANULE_SHIFT));
  return [
    ...when(isBelow(get(size), constant(MAX_SLOT_SIZE + 1)), [
      ...set(tops, multiply(load8(granules, classes), constant(TOPS))),
      ...set(top, load(get(tops))),
      // The magazine has a slot: offset + 1, and 0 below the lowest.
      ...when(tee(offset, load(shiftLeft(get(top), constant(WORD_SHIFT)))), [
        ...set(offset, add(get(offset), constant(-1))),
        ...setBit(get(offset), WORD * layout.inUse),
        ...store(get(tops), add(get(top), constant(-1))),
        ...get(offset),
        ...leave,
      ]),
    ]),
    ...call(REST_OF_MALLOC, get(size)),
  ];
}

/** Sets the bit of the granule at `offset` in the map that begins at the byte `map`. */
function setBit(offset: Code, map: number): Code {
  return store8(mapByte(offset), or(load8(mapByte(offset), map), bitOf(offset)), map);
}

/** Adds 1 to a word. */
function increment(address: Code, offset: number): Code {
  return store(address, add(load(address, offset), constant(1)), offset);
}

/** `SlabPool.free`, with the `push` of `TablePool`. */
function free(tables: TableMemory): Code {
  const [offset, cache, byte, top, word] = [ARGUMENT, 1, 2, 3, 4];
  const tops = multiply(get(cache), constant(TOPS));
  const inUse = WORD * tables.layout.inUse;
  const clear = store8(mapByte(get(offset)), xor(get(byte), bitOf(get(offset))), inUse);
  return [
    ...when(tee(cache, cacheIn(tee(word, pageWord(get(offset), tables)))), [
      ...set(byte, load8(mapByte(get(offset)), inUse)),
      // An object begins there.
      ...when(isObject(get(offset), get(byte)), [
        ...set(top, load(tops)),
        // The magazine has room.
        ...when(isBelow(get(top), load(tops, WORD)), [
          ...clear,
          ...store(shiftLeft(get(top), constant(WORD_SHIFT)), add(get(offset), constant(1)), WORD),
          ...store(tops, add(get(top), constant(1))),
          ...leave,
        ]),
        ...putIntoSlab(tables, clear),
      ]),
    ]),
    ...when(get(offset), call(REST_OF_FREE, get(offset))),
  ];
}

/** `TablePool.push` where the magazine is full, for a slab that stays on its list. */
function putIntoSlab({ layout, pageShift }: TableMemory, clear: Code): Code {
  const [offset, cache, slab, count, word] = [ARGUMENT, 1, 3, 5, 4];
  const [slabs, depot, summary] = [WORD * layout.slabs, WORD * layout.depot, WORD * layout.summary];
  const firstOfSlab = shiftLeft(constant(-1), shiftRight(get(word), constant(L.PAGE_ORDER_SHIFT)));
  const page = and(shiftRight(get(offset), constant(pageShift)), firstOfSlab);
  return [
    ...set(slab, multiply(page, constant(WORD * L.SLAB_WORDS))),
    ...set(count, add(load(get(slab), slabs + WORD * L.SLAB_FREE), constant(1))),
    ...when(and(get(count), add(get(count), constant(-1))), [
      ...when(isBelow(get(count), load(get(slab), slabs + WORD * L.SLAB_SLOTS)), [
        ...clear,
        ...setBit(get(offset), depot),
        // A bit of the summary tells of 32 in the depot map.
        ...setBit(shiftRight(get(offset), constant(5)), summary),
        ...store(get(slab), get(count), slabs + WORD * L.SLAB_FREE),
        ...increment(
          multiply(get(cache), constant(WORD * L.CACHE_WORDS)),
          WORD * (layout.caches + L.CACHE_FREE),
        ),
        ...leave,
      ]),
    ]),
  ];
}

/** `SlabPool.slotSize` of an object. */
function usableSize(tables: TableMemory): Code {
  const [offset, cache] = [ARGUMENT, 1];
  const { inUse, caches } = tables.layout;
  const words = multiply(get(cache), constant(WORD * L.CACHE_WORDS));
  const granules = load(words, WORD * (caches + L.CACHE_SLOT_GRANULES));
  return [
    ...when(tee(cache, cacheIn(pageWord(get(offset), tables))), [
      ...when(isObject(get(offset), load8(mapByte(get(offset)), WORD * inUse)), [
        ...multiply(granules, constant(GRANULE)),
        ...leave,
      ]),
    ]),
    ...call(REST_OF_USABLE_SIZE, get(offset)),
  ];
}

/**
 * The three functions on the words of a pool; `rest` does what they leave. Throws as `new WebAssembly.Module` does where a
 * page forbids that.
 */
export function fastFunctions(tables: TableMemory, rest: FastFunctions): FastFunctions {
  const bodies: Code[] = [malloc(tables), free(tables), usableSize(tables)];
  const bytes = assemble(
    SIGNATURES,
    SIGNATURES.map((signature, index) => ({ ...signature, locals: 5, body: bodies[index] })),
  );
  const { Instance, Module } = webAssembly();
  const { exports } = new Instance(new Module(bytes), { kmem: { ...rest, tables: tables.memory } });
  return exports as FastFunctions;
}
