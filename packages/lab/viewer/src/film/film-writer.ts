/** Writes a film's tables row by row: what both ways of shooting share. */
import { unusableFreeSpaceIndex } from "kmem";
import { withRoom } from "./columns.ts";
import { FAILED, type Film, NEVER, type Owner, type Series, watchedOrder } from "./film.ts";
import { keepLiving } from "./moment.ts";
import type { Script } from "./script.ts";

/** Samples of a series, at most. */
const SAMPLE_COUNT = 2000;
/** Operations from one checkpoint to the next, at least. */
const CHECKPOINT_STEP = 32_768;
/** A checkpoint lists what is live; with fewer operations than this times as many, the lists would outgrow the film. */
const CHECKPOINT_LIVE_SHARE = 2;

/** The figures of a moment that the allocator tells. */
export interface Figures {
  readonly usedBytes: number;
  readonly heldBytes: number;
  readonly sizeBytes: number;
  readonly freeBlocks: ArrayLike<number>;
}

/** What a film is begun with. */
export interface FilmFrame {
  readonly base: number;
  readonly maxOrder: number;
  readonly pageCount: number;
  readonly owners: Owner[];
  readonly pieceBytes: ArrayLike<number>;
}

/** A film that is being written. */
export class FilmWriter {
  readonly film: Film;
  /** Bytes asked for, over what is live. */
  liveBytes = 0;
  readonly #figures: () => Figures;
  readonly #sampleOrder: number;

  constructor(script: Script, frame: FilmFrame, figures: () => Figures) {
    this.#figures = figures;
    this.#sampleOrder = watchedOrder(frame.maxOrder);
    const { pieceCount } = script;
    this.film = {
      kind: script.kind,
      title: script.title,
      pageSize: script.pageSize,
      base: frame.base,
      maxOrder: frame.maxOrder,
      owners: frame.owners,
      operations: script.operations,
      position: 0,
      pageCount: frame.pageCount,
      pieceCount: 0,
      pieceOffset: new Float64Array(pieceCount),
      pieceBytes: frame.pieceBytes,
      pieceBlock: new Uint32Array(pieceCount),
      pieceBornAt: new Uint32Array(pieceCount),
      pieceDiedAt: new Uint32Array(pieceCount),
      blockCount: 0,
      blockPage: new Uint32Array(1024),
      blockPageCount: new Uint32Array(1024),
      blockOwner: new Uint16Array(1024),
      blockBornAt: new Uint32Array(1024),
      blockDiedAt: new Uint32Array(1024),
      growths: [{ moment: 0, pageCount: frame.pageCount }],
      checkpoints: [],
      failures: [],
      series: emptySeries(script.operations.length, frame.maxOrder),
    };
    this.#sample();
  }

  /** The moment after the operation that is being shot. */
  get nextMoment(): number {
    return this.film.position + 1;
  }

  /** Writes down the next piece. */
  pieceBorn(offset: number, block: number): void {
    const { film, nextMoment } = this;
    const piece = film.pieceCount++;
    film.pieceOffset[piece] = offset;
    film.pieceBlock[piece] = block;
    film.pieceBornAt[piece] = nextMoment;
    film.pieceDiedAt[piece] = NEVER;
    this.liveBytes += film.pieceBytes[piece]!;
  }

  /** Writes down that the next piece got no memory. */
  pieceFailed(): void {
    const { film, nextMoment } = this;
    const piece = film.pieceCount++;
    film.pieceOffset[piece] = FAILED;
    film.pieceBornAt[piece] = nextMoment;
    film.pieceDiedAt[piece] = nextMoment;
    film.failures.push(nextMoment);
  }

  pieceDied(piece: number): void {
    this.film.pieceDiedAt[piece] = this.nextMoment;
    this.liveBytes -= this.film.pieceBytes[piece]!;
  }

  /** Writes down a block and returns its number. */
  blockBorn(page: number, pageCount: number, owner: number): number {
    const { film } = this;
    const block = film.blockCount++;
    film.blockPage = withRoom(film.blockPage, block + 1);
    film.blockPageCount = withRoom(film.blockPageCount, block + 1);
    film.blockOwner = withRoom(film.blockOwner, block + 1);
    film.blockBornAt = withRoom(film.blockBornAt, block + 1);
    film.blockDiedAt = withRoom(film.blockDiedAt, block + 1);
    film.blockPage[block] = page;
    film.blockPageCount[block] = pageCount;
    film.blockOwner[block] = owner;
    film.blockBornAt[block] = this.nextMoment;
    film.blockDiedAt[block] = NEVER;
    return block;
  }

  blockDied(block: number): void {
    this.film.blockDiedAt[block] = this.nextMoment;
  }

  /** Writes down the space's length if it has changed. */
  sized(pageCount: number): void {
    const { film } = this;
    if (film.growths.at(-1)!.pageCount === pageCount) return;
    film.growths.push({ moment: this.nextMoment, pageCount });
    film.pageCount = Math.max(film.pageCount, pageCount);
  }

  /** Ends an operation: the next moment is reached. */
  advance(): void {
    const { film } = this;
    film.position++;
    const { step } = film.series;
    if (film.position % step === 0 || film.position === film.operations.length) this.#sample();
    if (film.position % CHECKPOINT_STEP === 0) this.#checkpoint();
  }

  #sample(): void {
    const { series, position } = this.film;
    const { usedBytes, heldBytes, sizeBytes, freeBlocks } = this.#figures();
    const at = series.count++;
    series.moment[at] = position;
    series.liveBytes[at] = this.liveBytes;
    series.usedBytes[at] = usedBytes;
    series.heldBytes[at] = heldBytes;
    series.sizeBytes[at] = sizeBytes;
    series.unusable[at] = unusableFreeSpaceIndex(freeBlocks, this.#sampleOrder);
    for (let order = 0; order < freeBlocks.length; order++)
      series.freeBlocks[order]![at] = freeBlocks[order]!;
  }

  #checkpoint(): void {
    const { film } = this;
    const { checkpoints, position } = film;
    const last = checkpoints.at(-1);
    const listed = last === undefined ? 0 : last.pieces.length + last.blocks.length;
    if (position - (last?.moment ?? 0) < CHECKPOINT_LIVE_SHARE * listed) return;
    const pieces = new Uint32Array((last?.pieces.length ?? 0) + film.pieceCount - (last?.pieceCount ?? 0));
    const blocks = new Uint32Array((last?.blocks.length ?? 0) + film.blockCount - (last?.blockCount ?? 0));
    const livePieces = keepLiving(pieces, film.pieceDiedAt, position, last?.pieces, [
      last?.pieceCount ?? 0,
      film.pieceCount,
    ]);
    const liveBlocks = keepLiving(blocks, film.blockDiedAt, position, last?.blocks, [
      last?.blockCount ?? 0,
      film.blockCount,
    ]);
    checkpoints.push({
      moment: position,
      pieces: pieces.slice(0, livePieces),
      blocks: blocks.slice(0, liveBlocks),
      pieceCount: film.pieceCount,
      blockCount: film.blockCount,
    });
  }
}

function emptySeries(operationCount: number, maxOrder: number): Series {
  const step = Math.max(1, Math.ceil(operationCount / SAMPLE_COUNT));
  // The start, one a step, and the end where that is between two steps.
  const length = Math.floor(operationCount / step) + 2;
  const column = (): Float64Array => new Float64Array(length);
  return {
    step,
    count: 0,
    moment: column(),
    liveBytes: column(),
    usedBytes: column(),
    heldBytes: column(),
    sizeBytes: column(),
    unusable: column(),
    freeBlocks: Array.from({ length: maxOrder + 1 }, column),
  };
}
