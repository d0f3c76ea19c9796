/**
 * Shoots a film of objects: runs a script through a `Heap` once and writes down what each operation did to the pages.
 *
 * Where objects lie is what `malloc` and `allocate` return. When a slab comes, its first object lies in a page that
 * belonged to nobody; how far it reaches is asked of `cacheAt`. A large object's pages are its `usableSize`. When a slab
 * goes, none of its slots was in use before, so only slabs without objects are asked about: after a free those of its
 * cache, after a request that needed pages those of all caches, since a heap that may not grow takes them back then.
 * (Such a slab cannot come back for the same cache within that request: the cache would have used its slots.) Nothing
 * else of the heap is looked at, but for `stats()` at each sample.
 *
 * Cost: what the heap itself costs, and some 20 ns an operation.
 */
import { Heap, NONE, type SlabCache } from "kmem";
import { type Film, LARGE, type Owner } from "./film.ts";
import { FilmWriter, type Figures } from "./film-writer.ts";
import { FROM_MALLOC, type HeapScript } from "./script.ts";

/** The number in `#blockOf` of a page that belongs to nobody; blocks stand there by their number plus 1. */
const NOBODY = 0;

/** A heap in front of the camera. */
export class HeapShooting {
  readonly heap: Heap;
  readonly film: Film;
  readonly #script: HeapScript;
  readonly #writer: FilmWriter;
  readonly #caches: readonly SlabCache[];
  readonly #ownerOfName = new Map<string, number>();
  /** For each page: its block's number plus 1. */
  #blockOf: Uint32Array;
  /** For each block: objects in it now. */
  #objectsIn = new Uint32Array(1024);
  /** For each owner: blocks of it that hold no object, and so may have gone back. */
  readonly #empty: Set<number>[];
  readonly #pagesPerByte: number;

  constructor(script: HeapScript) {
    const { pageSize, size, maxSize } = script;
    this.#script = script;
    this.heap = new Heap({ size, maxSize, pageSize });
    this.#caches = script.caches.map(({ name, objectSize }) =>
      this.heap.createCache({ name, objectSize: Math.max(1, objectSize) }),
    );
    this.#pagesPerByte = 1 / pageSize;
    this.#blockOf = new Uint32Array(maxSize / pageSize);
    const { caches, buddy } = this.heap.stats();
    const classCount = caches.length - this.#caches.length;
    const owners: Owner[] = [
      { name: "free", kind: "free", slotSize: 0, objectSize: 0 },
      { name: "large objects", kind: "large", slotSize: 0, objectSize: 0 },
      ...caches.map(({ name, slotSize, objectSize }, index) => {
        const kind = index < classCount ? ("class" as const) : ("named" as const);
        return { name, kind, slotSize, objectSize };
      }),
    ];
    for (const [owner, { name }] of owners.entries()) if (owner > LARGE) this.#ownerOfName.set(name, owner);
    this.#empty = owners.map(() => new Set());
    const frame = {
      base: this.heap.base,
      maxOrder: buddy.maxOrder,
      pageCount: buddy.pageCount,
      owners,
      pieceBytes: script.bytesRequested,
    };
    this.#writer = new FilmWriter(script, frame, () => this.#figures());
    this.film = this.#writer.film;
  }

  /** Shoots up to a moment. */
  advanceTo(moment: number): void {
    const { film } = this;
    const writer = this.#writer;
    const { operations } = film;
    while (film.position < moment) {
      const operation = operations[film.position]!;
      if (operation >= 0) this.#allocate(operation);
      else this.#free(~operation);
      writer.advance();
    }
  }

  #allocate(piece: number): void {
    const { heap } = this;
    const { cacheOf, bytesRequested } = this.#script;
    const cache = cacheOf[piece]!;
    const offset =
      cache === FROM_MALLOC ? heap.tryMalloc(bytesRequested[piece]!) : this.#caches[cache]!.tryAllocate();
    if (offset === NONE) {
      this.#writer.pieceFailed();
      this.#askAboutAll();
      return;
    }
    let place = this.#blockOf[Math.floor((offset - heap.base) * this.#pagesPerByte)]!;
    if (place === NOBODY || !this.#isStill(place - 1, offset)) place = this.#newBlock(offset);
    const block = place - 1;
    const objects = this.#objectsIn[block]!;
    if (objects === 0) this.#empty[this.film.blockOwner[block]!]!.delete(block);
    this.#objectsIn[block] = objects + 1;
    this.#writer.pieceBorn(offset, block);
  }

  /** Is `block`, in which an object has come to lie at `offset`, still what it was before that request? */
  #isStill(block: number, offset: number): boolean {
    if (this.#objectsIn[block]! > 0) return true;
    return this.heap.cacheAt(offset) === this.film.owners[this.film.blockOwner[block]!]!.name;
  }

  #free(piece: number): void {
    const { film, heap } = this;
    const offset = film.pieceOffset[piece]!;
    if (offset < 0) return;
    const cache = this.#script.cacheOf[piece]!;
    if (cache === FROM_MALLOC) heap.free(offset);
    else this.#caches[cache]!.free(offset);
    const block = film.pieceBlock[piece]!;
    const owner = film.blockOwner[block]!;
    this.#writer.pieceDied(piece);
    const objects = this.#objectsIn[block]! - 1;
    this.#objectsIn[block] = objects;
    if (owner === LARGE) {
      this.#blockGone(block);
      return;
    }
    const empty = this.#empty[owner]!;
    if (objects === 0) empty.add(block);
    if (empty.size > 0) this.#askAbout(owner);
  }

  /** A block has come, whose first object lies at `offset`. Returns its place: its number plus 1. */
  #newBlock(offset: number): number {
    const { heap } = this;
    // It may lie where an empty slab was.
    this.#askAboutAll();
    const page = Math.floor((offset - heap.base) * this.#pagesPerByte);
    const name = heap.cacheAt(offset);
    if (name === undefined) return this.#adopt(page, heap.usableSize(offset) * this.#pagesPerByte, LARGE);
    let first = page;
    let end = page + 1;
    while (first > 0 && this.#isNewPage(first - 1, name)) first--;
    while (end < this.film.pageCount && this.#isNewPage(end, name)) end++;
    return this.#adopt(first, end - first, this.#ownerOfName.get(name)!);
  }

  #isNewPage(page: number, name: string): boolean {
    const { heap } = this;
    return this.#blockOf[page] === NOBODY && heap.cacheAt(heap.base + page * heap.pageSize) === name;
  }

  #adopt(page: number, pageCount: number, owner: number): number {
    const block = this.#writer.blockBorn(page, pageCount, owner);
    this.#blockOf.fill(block + 1, page, page + pageCount);
    if (block === this.#objectsIn.length) {
      const longer = new Uint32Array(2 * block);
      longer.set(this.#objectsIn);
      this.#objectsIn = longer;
    }
    return block + 1;
  }

  #blockGone(block: number): void {
    const { blockPage, blockPageCount } = this.film;
    const page = blockPage[block]!;
    this.#writer.blockDied(block);
    this.#blockOf.fill(NOBODY, page, page + blockPageCount[block]!);
  }

  /** Finds which slabs without objects of one cache have gone back to the pages. */
  #askAbout(owner: number): void {
    const { heap, film } = this;
    const { name } = film.owners[owner]!;
    const empty = this.#empty[owner]!;
    for (const block of empty) {
      if (heap.cacheAt(heap.base + film.blockPage[block]! * heap.pageSize) === name) continue;
      empty.delete(block);
      this.#blockGone(block);
    }
  }

  #askAboutAll(): void {
    this.#writer.sized(this.heap.size * this.#pagesPerByte);
    for (let owner = LARGE + 1; owner < this.#empty.length; owner++) {
      if (this.#empty[owner]!.size > 0) this.#askAbout(owner);
    }
  }

  #figures(): Figures {
    const { usedBytes, heldBytes, size, buddy } = this.heap.stats();
    return { usedBytes, heldBytes, sizeBytes: size, freeBlocks: buddy.freeBlocks };
  }
}
