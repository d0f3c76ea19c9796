/** The allocators of the playground: kmem's own, with a picture of them after each step. */
import { BuddyAllocator, Heap, type SlabCache } from "kmem";
import type { TowerBlock, TowerPicture } from "../film/tower.ts";
import { type Command, ProgramError, type Space } from "./program.ts";

/** A slab in a picture. */
export interface PlayedSlab {
  readonly cache: string;
  readonly offset: number;
  readonly byteLength: number;
  readonly slotSize: number;
  /** A character a slot: "1" for an object. */
  readonly slots: string;
}

/** A playground's space after a step. */
export interface PlayedPicture {
  readonly tower: TowerPicture;
  /** Names of what the blocks belong to; the index is `TowerBlock.owner`, 0 is free. */
  readonly owners: readonly string[];
  readonly slabs: readonly PlayedSlab[];
  /** Where each name points. */
  readonly places: ReadonlyMap<string, number>;
}

/** Runs commands and can be looked at. */
export interface Machine {
  readonly places: ReadonlyMap<string, number>;
  /** Does what a command says; returns the offset of what it made, -1 where it makes nothing. Throws what kmem throws. */
  run(command: Command): number;
  picture(): PlayedPicture;
}

/** A machine on a space, with nothing in it. */
export function newMachine(space: Space): Machine {
  return space.kind === "pages" ? new PagesMachine(space) : new HeapMachine(space);
}

/** Names and where they point. */
class Names {
  readonly places = new Map<string, number>();

  give(name: string, offset: number): number {
    this.places.set(name, offset);
    return offset;
  }

  requireFree(name: string): void {
    if (this.places.has(name))
      throw new ProgramError(`“${name}” is in use: free it first, or take another name.`);
  }

  take(name: string): number {
    const offset = this.places.get(name);
    if (offset === undefined) throw new ProgramError(`There is nothing of the name “${name}”.`);
    return offset;
  }
}

class PagesMachine implements Machine {
  readonly #buddy: BuddyAllocator;
  readonly #names = new Names();

  constructor({ pageSize, pageCount }: Space) {
    this.#buddy = new BuddyAllocator({ size: pageSize * pageCount, pageSize });
  }

  get places(): ReadonlyMap<string, number> {
    return this.#names.places;
  }

  run(command: Command): number {
    const { name } = command;
    if (command.kind === "free") {
      this.#buddy.free(this.#names.take(name));
      this.#names.places.delete(name);
      return -1;
    }
    this.#names.requireFree(name);
    if (command.kind === "block") return this.#names.give(name, this.#buddy.allocate(command.order));
    if (command.kind === "pages") return this.#names.give(name, this.#buddy.allocatePages(command.count));
    throw new ProgramError(`A space of pages has no “${command.kind}”.`);
  }

  picture(): PlayedPicture {
    const { base, pageSize, maxOrder, size } = this.#buddy;
    const nameAt = new Map([...this.places].map(([name, offset]) => [offset, name]));
    const owners = ["free"];
    const blocks: TowerBlock[] = [];
    for (const { offset, byteLength, free } of this.#buddy.blocks()) {
      const owner = free ? 0 : owners.push(nameAt.get(offset) ?? "?") - 1;
      blocks.push({
        page: (offset - base) / pageSize,
        pageCount: byteLength / pageSize,
        owner,
        id: offset,
        objects: 0,
        slots: 0,
      });
    }
    const tower = { pageCount: size / pageSize, pageSize, base, maxOrder, blocks };
    return { tower, owners, slabs: [], places: new Map(this.places) };
  }
}

class HeapMachine implements Machine {
  readonly #heap: Heap;
  readonly #maxOrder: number;
  readonly #names = new Names();
  readonly #caches = new Map<string, SlabCache>();

  constructor({ pageSize, pageCount }: Space) {
    this.#heap = new Heap({ size: pageSize * pageCount, pageSize });
    this.#maxOrder = this.#heap.stats().buddy.maxOrder;
  }

  get places(): ReadonlyMap<string, number> {
    return this.#names.places;
  }

  run(command: Command): number {
    const { name } = command;
    if (command.kind === "cache") {
      this.#caches.set(name, this.#heap.createCache({ name, objectSize: command.objectSize }));
      return -1;
    }
    if (command.kind === "free") {
      this.#heap.free(this.#names.take(name));
      this.#names.places.delete(name);
      return -1;
    }
    this.#names.requireFree(name);
    if (command.kind === "malloc") return this.#names.give(name, this.#heap.malloc(command.bytes));
    if (command.kind === "object") return this.#names.give(name, this.#cache(command.cache).allocate());
    throw new ProgramError(`A heap has no “${command.kind}”.`);
  }

  picture(): PlayedPicture {
    const { base, size, pageSize, slabs, large, free } = this.#heap.snapshot();
    const nameAt = new Map([...this.places].map(([name, offset]) => [offset, name]));
    const owners = ["free"];
    const ownerOf = (name: string): number => {
      const known = owners.indexOf(name);
      return known > 0 ? known : owners.push(name) - 1;
    };
    const block = (offset: number, byteLength: number): Pick<TowerBlock, "page" | "pageCount" | "id"> => ({
      page: (offset - base) / pageSize,
      pageCount: byteLength / pageSize,
      id: offset,
    });
    const blocks: TowerBlock[] = [
      ...slabs.map(({ offset, byteLength, cache, slots }) => ({
        ...block(offset, byteLength),
        owner: ownerOf(cache),
        objects: slots.split("1").length - 1,
        slots: slots.length,
      })),
      ...large.map(({ offset, byteLength }) => ({
        ...block(offset, byteLength),
        owner: ownerOf(nameAt.get(offset) ?? "?"),
        objects: 0,
        slots: 0,
      })),
      ...free.map(({ offset, byteLength }) => ({
        ...block(offset, byteLength),
        owner: 0,
        objects: 0,
        slots: 0,
      })),
    ].sort((a, b) => a.page - b.page);
    const tower = { pageCount: size / pageSize, pageSize, base, maxOrder: this.#maxOrder, blocks };
    return { tower, owners, slabs, places: new Map(this.places) };
  }

  #cache(name: string): SlabCache {
    const cache = this.#caches.get(name);
    if (cache === undefined)
      throw new ProgramError(`There is no cache “${name}”: make it by “cache ${name} 64”.`);
    return cache;
  }
}
