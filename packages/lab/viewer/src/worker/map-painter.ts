/**
 * Paints moments of a film as maps. Colours of pages are worked out once for each moment and colour mode; panning and
 * zooming only fill pixels.
 */
import {
  ColorPyramid,
  cellRect,
  drawFrame,
  drawPages,
  drawSlots,
  type PageInk,
  type PageSlots,
  SLOT_CELL,
  visibleCells,
} from "../draw/map-raster.ts";
import { mapLayout, type MapLayout } from "../draw/map-layout.ts";
import { ownerPixel } from "../draw/owner-colors.ts";
import { mixPixels, type Palette, PALETTES, pixelOf, rampPixel } from "../draw/palette.ts";
import { slotsOf } from "../film/describe.ts";
import type { FreeBlocks } from "../film/free-blocks.ts";
import { type Moment, NO_BLOCK } from "../film/moment.ts";
import type { MapPicture, MapRequest, Selection } from "./protocol.ts";

/** How far the colour of an empty slab is from that of a full one, towards the free colour. */
const EMPTY_FADE = 0.72;
/** How far what is not selected fades. */
const UNSELECTED_FADE = 0.78;

/** Paints the moments of one film. */
export class MapPainter {
  readonly #moment: Moment;
  readonly #ranks: () => readonly number[];
  #colors = new Uint32Array(0);
  #blockOf = new Int32Array(0);
  #pyramid: ColorPyramid | null = null;
  #key = "";

  constructor(moment: Moment, ranks: () => readonly number[]) {
    this.#moment = moment;
    this.#ranks = ranks;
  }

  /** Paints the moment that the film stands at. O(pixels), and O(pages) where colours change. */
  paint(request: MapRequest, free: FreeBlocks): MapPicture {
    const moment = this.#moment;
    const { width, height, view, theme, selection } = request;
    const palette = PALETTES[theme];
    const layout = mapLayout(moment.pageCount, width, height, view);
    const { mark, line, ground } = palette;
    const ink = this.#ink(request, layout, free, pixelOf(ground), pixelOf(line));
    const pixels = new Uint8ClampedArray(4 * width * height);
    const out = new Uint32Array(pixels.buffer);
    drawPages(out, layout, ink, this.#pyramid!);
    if (Math.min(layout.cellWidth, layout.cellHeight) >= SLOT_CELL) {
      drawSlots(out, layout, this.#visibleSlots(layout, request, palette), ink.line);
    }
    const selectedPage = this.#markSelection(out, layout, selection, pixelOf(mark));
    return { pixels, layout, selectedPage };
  }

  #ink(request: MapRequest, layout: MapLayout, free: FreeBlocks, ground: number, line: number): PageInk {
    const moment = this.#moment;
    const { mode, theme, selection } = request;
    const key = JSON.stringify([
      moment.moment,
      moment.film.position,
      mode,
      theme,
      selection,
      layout.columns,
      this.#ranks(),
    ]);
    const length = layout.columns * layout.rows;
    if (key !== this.#key) {
      if (this.#colors.length !== length) {
        this.#colors = new Uint32Array(length);
        this.#blockOf = new Int32Array(length);
      }
      this.#colors.fill(ground, moment.pageCount);
      this.#colorPages(request, free);
      this.#pyramid = new ColorPyramid(this.#colors, layout.columns, layout.rows);
      this.#key = key;
    }
    return { pageCount: moment.pageCount, colors: this.#colors, blockOf: this.#blockOf, ground, line };
  }

  #colorPages({ mode, theme, selection }: MapRequest, free: FreeBlocks): void {
    const { film, blocks, blockCount } = this.#moment;
    const colors = this.#colors;
    const blockOf = this.#blockOf;
    const palette = PALETTES[theme];
    const freePixel = pixelOf(palette.free);
    for (let index = 0; index < free.count; index++) {
      const page = free.page[index]!;
      const order = free.order[index]!;
      const color =
        mode === "order" ? rampPixel(palette.orderRamp, order / Math.max(1, film.maxOrder)) : freePixel;
      colors.fill(color, page, page + 2 ** order);
      blockOf.fill(NO_BLOCK - 1 - index, page, page + 2 ** order);
    }
    const colorOf = this.#blockColors(mode, palette);
    for (let index = 0; index < blockCount; index++) {
      const block = blocks[index]!;
      const page = film.blockPage[block]!;
      const end = page + film.blockPageCount[block]!;
      const faded = isSelected(film.blockOwner[block]!, selection) ? 0 : UNSELECTED_FADE;
      const color = colorOf(block);
      const pixel = faded === 0 ? color : mixPixels(color, freePixel, faded);
      for (let at = page; at < end; at++) {
        colors[at] = pixel;
        blockOf[at] = block;
      }
    }
  }

  #blockColors(mode: MapRequest["mode"], palette: Palette): (block: number) => number {
    const { film, moment, objectsIn } = this.#moment;
    const freePixel = pixelOf(palette.free);
    const ranks = this.#ranks();
    const ofOwner = film.owners.map(({ kind }, owner) =>
      ownerPixel(palette, { kind, rank: ranks[owner] ?? -1 }),
    );
    if (mode === "age") {
      return (block) => {
        // On a logarithm of operations: most blocks are young, and the old ones are what one looks for.
        const age = moment - film.blockBornAt[block]!;
        return rampPixel(palette.ageRamp, Math.log2(1 + age) / Math.log2(2 + moment));
      };
    }
    if (mode === "order") return () => pixelOf(palette.others);
    if (mode === "use") {
      return (block) => rampPixel(palette.ageRamp, 1 - objectsIn[block]! / slotsOf(film, block));
    }
    const full = ofOwner.map((pixel) =>
      Array.from({ length: 9 }, (_, step) => mixPixels(pixel, freePixel, (EMPTY_FADE * (8 - step)) / 8)),
    );
    return (block) => {
      const owner = film.blockOwner[block]!;
      return full[owner]![Math.round((8 * objectsIn[block]!) / slotsOf(film, block))]!;
    };
  }

  /** The slots of every slab page in the picture. O(pieces that are there). */
  #visibleSlots(layout: MapLayout, { theme, selection }: MapRequest, palette: Palette): PageSlots[] {
    const { film, blockOf, pageCount, pieces, pieceCount } = this.#moment;
    const ranks = this.#ranks();
    const { left, right, top, bottom } = visibleCells(layout);
    const pages = new Map<number, PageSlots>();
    const freeSlot = pixelOf(palette.free);
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const page = row * layout.columns + column;
        const block = page < pageCount ? blockOf[page]! : NO_BLOCK;
        if (block === NO_BLOCK) continue;
        const { slotSize } = film.owners[film.blockOwner[block]!]!;
        const count =
          slotSize === 0
            ? 0
            : slotsBeginningIn(film.pageSize, page - film.blockPage[block]!, slotSize, slotsOf(film, block));
        if (count > 0) pages.set(page, { page, colors: new Uint32Array(count).fill(freeSlot) });
      }
    }
    if (pages.size === 0) return [];
    const base = film.base;
    const pagesPerByte = 1 / film.pageSize;
    for (let index = 0; index < pieceCount; index++) {
      const piece = pieces[index]!;
      const page = Math.floor((film.pieceOffset[piece]! - base) * pagesPerByte);
      const slots = pages.get(page);
      if (slots === undefined) continue;
      const block = film.pieceBlock[piece]!;
      const owner = film.blockOwner[block]!;
      const { kind } = film.owners[owner]!;
      const color = ownerPixel(palette, { kind, rank: ranks[owner] ?? -1 });
      const isMarked = selection?.kind === "piece" && selection.piece === piece;
      slots.colors[slotInPage(this.#moment, piece, page)] = isMarked ? pixelOf(PALETTES[theme].mark) : color;
    }
    return [...pages.values()];
  }

  #markSelection(out: Uint32Array, layout: MapLayout, selection: Selection, color: number): number {
    const { film, blockOf } = this.#moment;
    if (selection === null || selection.kind === "owner") return -1;
    const isPiece = selection.kind === "piece";
    if (isPiece && film.pieceOffset[selection.piece]! < 0) return -1;
    const block = isPiece ? film.pieceBlock[selection.piece]! : selection.block;
    const first = film.blockPage[block]!;
    if (blockOf[first] !== block) return -1;
    const end = Math.min(first + film.blockPageCount[block]!, first + 4096);
    const isLarge = Math.min(layout.cellWidth, layout.cellHeight) >= 6;
    for (let page = first; page < end; page++) {
      const rect = cellRect(layout, page);
      const least = 3;
      const grown = isLarge
        ? rect
        : { ...rect, x1: Math.max(rect.x1, rect.x0 + least), y1: Math.max(rect.y1, rect.y0 + least) };
      drawFrame(out, layout, grown, color);
    }
    return first;
  }
}

function isSelected(owner: number, selection: Selection): boolean {
  return selection === null || selection.kind !== "owner" || selection.owner === owner;
}

/** Slots of a slab that begin in its page number `pageInBlock`. */
function slotsBeginningIn(
  pageSize: number,
  pageInBlock: number,
  slotSize: number,
  slotCount: number,
): number {
  const before = Math.ceil((pageInBlock * pageSize) / slotSize);
  const end = Math.min(slotCount, Math.ceil(((pageInBlock + 1) * pageSize) / slotSize));
  return Math.max(0, end - before);
}

/** The number of a piece's slot among those that begin in its page. */
function slotInPage({ film }: Moment, piece: number, page: number): number {
  const block = film.pieceBlock[piece]!;
  const { slotSize } = film.owners[film.blockOwner[block]!]!;
  const start = film.base + film.blockPage[block]! * film.pageSize;
  const before = Math.ceil(((page - film.blockPage[block]!) * film.pageSize) / slotSize);
  return (film.pieceOffset[piece]! - start) / slotSize - before;
}
