/**
 * The state at a moment of a film: the nearest checkpoint before it, and the rows that began since.
 *
 * Cost: O(rows of the checkpoint + operations since it + pages). A million operations in a space of a million pages take
 * some 10 ms; the arrays are reused from one moment to the next.
 */
import { withRoom } from "./columns.ts";
import { type Checkpoint, type Film, pageCountAt, rowsBegunBy } from "./film.ts";

/** `blockOf` of a free page. */
export const NO_BLOCK = -1;

/** What is drawn: the pages and pieces as they were after `moment` operations. */
export class Moment {
  readonly film: Film;
  moment = -1;
  pageCount = 0;
  /** For each page: the block it lies in, or `NO_BLOCK`. */
  blockOf = new Int32Array(0);
  /** The blocks that are there, `blockCount` of them, not sorted by place. */
  blocks = new Uint32Array(1024);
  blockCount = 0;
  /** The pieces that are there, `pieceCount` of them. */
  pieces = new Uint32Array(1024);
  pieceCount = 0;
  /** For each block of the film: pieces in it. Right only for blocks that are there. */
  objectsIn = new Uint32Array(1024);

  constructor(film: Film) {
    this.film = film;
  }

  /** Goes to a moment, at most the film's position. */
  goTo(moment: number): void {
    if (moment === this.moment) return;
    const { film } = this;
    const from = checkpointBefore(film.checkpoints, moment);
    const begunBlocks = rowsBegunBy(film.blockBornAt, film.blockCount, moment);
    const begunPieces = rowsBegunBy(film.pieceBornAt, film.pieceCount, moment);
    this.blocks = withRoom(this.blocks, (from?.blocks.length ?? 0) + begunBlocks - (from?.blockCount ?? 0));
    this.pieces = withRoom(this.pieces, (from?.pieces.length ?? 0) + begunPieces - (from?.pieceCount ?? 0));
    this.blockCount = keepLiving(this.blocks, film.blockDiedAt, moment, from?.blocks, [
      from?.blockCount ?? 0,
      begunBlocks,
    ]);
    this.pieceCount = keepLiving(this.pieces, film.pieceDiedAt, moment, from?.pieces, [
      from?.pieceCount ?? 0,
      begunPieces,
    ]);
    this.moment = moment;
    this.pageCount = pageCountAt(film, moment);
    this.#layOutPages();
    this.#countObjects();
  }

  #layOutPages(): void {
    const { film, blocks, blockCount } = this;
    if (this.blockOf.length < film.pageCount) this.blockOf = new Int32Array(film.pageCount);
    const { blockOf } = this;
    const { blockPage, blockPageCount } = film;
    blockOf.fill(NO_BLOCK);
    for (let index = 0; index < blockCount; index++) {
      const block = blocks[index]!;
      const page = blockPage[block]!;
      const end = page + blockPageCount[block]!;
      // Most blocks are a page or two, for which a call costs more than the loop.
      for (let at = page; at < end; at++) blockOf[at] = block;
    }
  }

  #countObjects(): void {
    const { film, blocks, blockCount, pieces, pieceCount } = this;
    this.objectsIn = withRoom(this.objectsIn, film.blockCount);
    const { objectsIn } = this;
    const { pieceBlock } = film;
    for (let index = 0; index < blockCount; index++) objectsIn[blocks[index]!] = 0;
    for (let index = 0; index < pieceCount; index++) {
      const block = pieceBlock[pieces[index]!]!;
      objectsIn[block] = objectsIn[block]! + 1;
    }
  }
}

/** Writes the rows that are there at `moment` to `out`: of those listed, and of the rows begun since. */
export function keepLiving(
  out: Uint32Array,
  diedAt: Uint32Array,
  moment: number,
  listed: Uint32Array | undefined,
  [first, end]: readonly [number, number],
): number {
  let count = 0;
  if (listed !== undefined) {
    for (let index = 0; index < listed.length; index++) {
      const row = listed[index]!;
      if (diedAt[row]! > moment) out[count++] = row;
    }
  }
  for (let row = first; row < end; row++) {
    if (diedAt[row]! > moment) out[count++] = row;
  }
  return count;
}

/** The last checkpoint at or before `moment`. O(log checkpoints). */
function checkpointBefore(checkpoints: readonly Checkpoint[], moment: number): Checkpoint | undefined {
  let low = 0;
  let high = checkpoints.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (checkpoints[middle]!.moment <= moment) low = middle + 1;
    else high = middle;
  }
  return checkpoints[low - 1];
}
