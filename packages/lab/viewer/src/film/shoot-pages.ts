/**
 * Shoots a film of pages: runs a script through a `BuddyAllocator` once. Each piece is a block of its own; its place is
 * what `tryAllocate` returns. The space doubles, up to `maxSize`, when there is no room.
 */
import { BuddyAllocator, NONE } from "kmem";
import type { Film, Owner } from "./film.ts";
import { FilmWriter, type Figures } from "./film-writer.ts";
import type { PagesScript } from "./script.ts";

/** The owner of the first group. */
const FIRST_GROUP = 2;

/** A page allocator in front of the camera. */
export class PagesShooting {
  readonly buddy: BuddyAllocator;
  readonly film: Film;
  readonly #script: PagesScript;
  readonly #writer: FilmWriter;

  constructor(script: PagesScript) {
    const { pageSize, size, maxSize, maxOrder, order, groups, pieceCount } = script;
    this.#script = script;
    this.buddy = new BuddyAllocator({ size, maxSize, pageSize, maxOrder });
    const owners: Owner[] = [
      { name: "free", kind: "free", slotSize: 0, objectSize: 0 },
      { name: "large objects", kind: "large", slotSize: 0, objectSize: 0 },
      ...groups.map((name) => ({ name, kind: "group" as const, slotSize: 0, objectSize: 0 })),
    ];
    const pieceBytes =
      script.bytesRequested ??
      Float64Array.from({ length: pieceCount }, (_, piece) => pageSize * 2 ** order[piece]!);
    const frame = { base: this.buddy.base, maxOrder, pageCount: size / pageSize, owners, pieceBytes };
    this.#writer = new FilmWriter(script, frame, () => this.#figures());
    this.film = this.#writer.film;
  }

  /** Shoots up to a moment. */
  advanceTo(moment: number): void {
    const { film } = this;
    while (film.position < moment) {
      const operation = film.operations[film.position]!;
      if (operation >= 0) this.#allocate(operation);
      else this.#free(~operation);
      this.#writer.advance();
    }
  }

  #allocate(piece: number): void {
    const { buddy } = this;
    const { order, groupOf, pageSize } = this.#script;
    const pieceOrder = order[piece]!;
    let offset = buddy.tryAllocate(pieceOrder);
    while (offset === NONE && 2 * buddy.size <= buddy.maxSize) {
      buddy.grow(2 * buddy.size);
      this.#writer.sized(buddy.size / pageSize);
      offset = buddy.tryAllocate(pieceOrder);
    }
    if (offset === NONE) {
      this.#writer.pieceFailed();
      return;
    }
    const page = (offset - buddy.base) / pageSize;
    this.#writer.pieceBorn(
      offset,
      this.#writer.blockBorn(page, 2 ** pieceOrder, FIRST_GROUP + groupOf[piece]!),
    );
  }

  #free(piece: number): void {
    const { film } = this;
    const offset = film.pieceOffset[piece]!;
    if (offset < 0) return;
    this.buddy.free(offset);
    this.#writer.pieceDied(piece);
    this.#writer.blockDied(film.pieceBlock[piece]!);
  }

  #figures(): Figures {
    const { size, pageSize, allocatedPages, freeBlocks } = this.buddy.stats();
    const heldBytes = allocatedPages * pageSize;
    return { usedBytes: heldBytes, heldBytes, sizeBytes: size, freeBlocks };
  }
}
