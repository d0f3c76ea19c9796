/**
 * Fills a picture with pages. It knows arrays only: a colour and a block number for each page, and the layout.
 *
 * Where a page is less than a pixel, pixels show averages of 2 × 2, 4 × 4, … pages, so that panning shimmers as little as
 * can be. Where it is more, lines part the blocks; where it is large, `slots` fill it.
 *
 * Cost: O(pixels), and O(pages) once for each change of colours.
 */
import type { MapLayout } from "./map-layout.ts";

/** From this many pixels a page on, lines part the blocks. */
const LINE_CELL = 5;
/** From this many pixels a page on, slots are drawn. */
export const SLOT_CELL = 28;

/** What pages look like. */
export interface PageInk {
  readonly pageCount: number;
  /** A pixel for each page. */
  readonly colors: Uint32Array;
  /** Pages of one block have the same number. */
  readonly blockOf: Int32Array;
  readonly ground: number;
  readonly line: number;
}

/** The slots of one page, to be drawn in its cell. */
export interface PageSlots {
  readonly page: number;
  /** One for each slot that begins in the page, in order: its pixel. */
  readonly colors: Uint32Array;
}

/** Averages of pages, ever coarser: level n has 2^n × 2^n pages in one colour. */
export class ColorPyramid {
  readonly #levels: Uint32Array[] = [];
  readonly #columns: number;
  readonly #rows: number;

  constructor(colors: Uint32Array, columns: number, rows: number) {
    this.#levels.push(colors);
    this.#columns = columns;
    this.#rows = rows;
  }

  /** The colours at a level, made when first asked for; and how many there are in a row. */
  level(number: number): { colors: Uint32Array; columns: number; rows: number } {
    const columns = Math.ceil(this.#columns / 2 ** number);
    const rows = Math.ceil(this.#rows / 2 ** number);
    let colors = this.#levels[number];
    if (colors === undefined) {
      const finer = this.level(number - 1);
      colors = halved(finer.colors, finer.columns, finer.rows);
      this.#levels[number] = colors;
    }
    return { colors, columns, rows };
  }
}

function halved(colors: Uint32Array, columns: number, rows: number): Uint32Array {
  const outColumns = Math.ceil(columns / 2);
  const outRows = Math.ceil(rows / 2);
  const out = new Uint32Array(outColumns * outRows);
  for (let row = 0; row < outRows; row++) {
    const top = 2 * row * columns;
    const bottom = 2 * row + 1 < rows ? top + columns : top;
    for (let column = 0; column < outColumns; column++) {
      const left = 2 * column;
      const right = left + 1 < columns ? left + 1 : left;
      const upper = average(colors[top + left]!, colors[top + right]!);
      out[row * outColumns + column] = average(
        upper,
        average(colors[bottom + left]!, colors[bottom + right]!),
      );
    }
  }
  return out;
}

/** The average of two pixels in each channel, rounded down; the four bytes do not reach into each other. */
function average(a: number, b: number): number {
  return ((a & b) + (((a ^ b) & 0xfefefefe) >>> 1)) >>> 0;
}

/** Draws the pages into `out`, row by row. */
export function drawPages(out: Uint32Array, layout: MapLayout, ink: PageInk, pyramid: ColorPyramid): void {
  const { width, height, cellWidth, cellHeight, shiftX, shiftY } = layout;
  const smaller = Math.min(cellWidth, cellHeight);
  const number = smaller >= 1 ? 0 : Math.max(0, Math.floor(Math.log2(1 / smaller)));
  const { colors, columns, rows } = pyramid.level(number);
  const scale = 2 ** number;
  const columnOf = new Int32Array(width);
  for (let x = 0; x < width; x++) {
    columnOf[x] = Math.min(columns - 1, Math.floor((x + 0.5 + shiftX) / cellWidth / scale));
  }
  let drawnRow = -1;
  for (let y = 0; y < height; y++) {
    const row = Math.min(rows - 1, Math.floor((y + 0.5 + shiftY) / cellHeight / scale));
    const start = y * width;
    if (row === drawnRow) {
      out.copyWithin(start, start - width, start);
      continue;
    }
    drawnRow = row;
    const base = row * columns;
    for (let x = 0; x < width; x++) out[start + x] = colors[base + columnOf[x]!]!;
  }
  if (Math.min(cellWidth, cellHeight) >= LINE_CELL) drawLines(out, layout, ink);
}

/** The columns and rows of pages that a picture shows, ends exclusive. */
export function visibleCells(layout: MapLayout): {
  left: number;
  right: number;
  top: number;
  bottom: number;
} {
  const { width, height, columns, rows, cellWidth, cellHeight, shiftX, shiftY } = layout;
  return {
    left: Math.max(0, Math.floor(shiftX / cellWidth)),
    right: Math.min(columns, Math.ceil((shiftX + width) / cellWidth)),
    top: Math.max(0, Math.floor(shiftY / cellHeight)),
    bottom: Math.min(rows, Math.ceil((shiftY + height) / cellHeight)),
  };
}

function drawLines(out: Uint32Array, layout: MapLayout, ink: PageInk): void {
  const { columns, cellWidth, cellHeight, shiftX, shiftY } = layout;
  const { blockOf, pageCount, line } = ink;
  const { left, right, top, bottom } = visibleCells(layout);
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const page = row * columns + column;
      if (page >= pageCount) return;
      const block = blockOf[page];
      const x0 = Math.round(column * cellWidth - shiftX);
      const x1 = Math.round((column + 1) * cellWidth - shiftX);
      const y0 = Math.round(row * cellHeight - shiftY);
      const y1 = Math.round((row + 1) * cellHeight - shiftY);
      if (column + 1 === columns || page + 1 >= pageCount || blockOf[page + 1] !== block) {
        fillRect(out, layout, { x0: x1 - 1, y0, x1, y1 }, line);
      }
      if (page + columns >= pageCount || blockOf[page + columns] !== block) {
        fillRect(out, layout, { x0, y0: y1 - 1, x1, y1 }, line);
      }
    }
  }
}

/** A rectangle in pixels, ends exclusive. */
export interface Rect {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** Fills the part of a rectangle that lies in the picture. */
function fillRect(out: Uint32Array, layout: MapLayout, rect: Rect, color: number): void {
  const x0 = Math.max(0, rect.x0);
  const x1 = Math.min(layout.width, rect.x1);
  const y1 = Math.min(layout.height, rect.y1);
  if (x1 <= x0) return;
  for (let y = Math.max(0, rect.y0); y < y1; y++)
    out.fill(color, y * layout.width + x0, y * layout.width + x1);
}

/** The outline of one page's cell. */
export function cellRect(layout: MapLayout, page: number): Rect {
  const { columns, cellWidth, cellHeight, shiftX, shiftY } = layout;
  const column = page % columns;
  const row = Math.floor(page / columns);
  return {
    x0: Math.round(column * cellWidth - shiftX),
    y0: Math.round(row * cellHeight - shiftY),
    x1: Math.round((column + 1) * cellWidth - shiftX),
    y1: Math.round((row + 1) * cellHeight - shiftY),
  };
}

/** How `count` slots stand in a cell: as square as can be. */
export function slotGrid(count: number): { columns: number; rows: number } {
  const columns = Math.max(1, Math.ceil(Math.sqrt(count)));
  return { columns, rows: Math.max(1, Math.ceil(count / columns)) };
}

/** The place of one slot of `count` in a page's cell. */
function slotRect(cell: Rect, count: number, index: number): Rect {
  const { columns, rows } = slotGrid(count);
  const inset = Math.max(1, Math.min(4, Math.floor((cell.x1 - cell.x0) / 24)));
  const width = (cell.x1 - cell.x0 - 2 * inset) / columns;
  const height = (cell.y1 - cell.y0 - 2 * inset) / rows;
  const column = index % columns;
  const row = Math.floor(index / columns);
  const gap = Math.min(width, height) >= 4 ? 1 : 0;
  return {
    x0: Math.round(cell.x0 + inset + column * width),
    y0: Math.round(cell.y0 + inset + row * height),
    x1: Math.round(cell.x0 + inset + (column + 1) * width) - gap,
    y1: Math.round(cell.y0 + inset + (row + 1) * height) - gap,
  };
}

/** Draws the slots of some pages over their cells, parted by `line`. */
export function drawSlots(
  out: Uint32Array,
  layout: MapLayout,
  pages: readonly PageSlots[],
  line: number,
): void {
  for (const { page, colors } of pages) {
    const cell = cellRect(layout, page);
    fillRect(out, layout, { ...cell, x1: cell.x1 - 1, y1: cell.y1 - 1 }, line);
    for (let index = 0; index < colors.length; index++) {
      fillRect(out, layout, slotRect(cell, colors.length, index), colors[index]!);
    }
  }
}

/** Draws a frame of two pixels around a rectangle, inside it. */
export function drawFrame(out: Uint32Array, layout: MapLayout, rect: Rect, color: number): void {
  const { x0, y0, x1, y1 } = rect;
  const thick = Math.min(2, Math.max(1, Math.floor((x1 - x0) / 3)));
  fillRect(out, layout, { x0, y0, x1, y1: y0 + thick }, color);
  fillRect(out, layout, { x0, y0: y1 - thick, x1, y1 }, color);
  fillRect(out, layout, { x0, y0, x1: x0 + thick, y1 }, color);
  fillRect(out, layout, { x0: x1 - thick, y0, x1, y1 }, color);
}
