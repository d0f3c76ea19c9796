/**
 * Where each page of a space lies in a picture: row by row, a power of two of pages to a row, so that blocks are bars or
 * rectangles and buddies lie beside or below each other. At zoom 1 the whole space fills the picture.
 */

/** Which part of the space is looked at, and how large. */
export interface MapView {
  /** How much larger than at first sight: 1 or more. */
  readonly zoom: number;
  /** The place of the picture's left and top edge, as shares of the whole: 0 to 1. */
  readonly left: number;
  readonly top: number;
}

/** The whole space. */
export const WHOLE_SPACE: MapView = { zoom: 1, left: 0, top: 0 };

/** A page is drawn this large at most, in pixels. */
const MAX_CELL = 640;

/** A picture's geometry; lengths in pixels, of which a page may be less than one. */
export interface MapLayout {
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Pixels from the whole's left and top edge to the picture's. */
  readonly shiftX: number;
  readonly shiftY: number;
}

/** Lays out `pageCount` pages. */
export function mapLayout(pageCount: number, width: number, height: number, view: MapView): MapLayout {
  const wanted = Math.sqrt((pageCount * width) / Math.max(1, height));
  const columns = Math.min(
    2 ** Math.max(0, Math.round(Math.log2(wanted))),
    2 ** Math.ceil(Math.log2(Math.max(1, pageCount))),
  );
  const rows = Math.ceil(pageCount / columns);
  const { zoom, left, top } = clampView(view, columns, rows, width, height);
  return {
    width,
    height,
    columns,
    rows,
    cellWidth: (width / columns) * zoom,
    cellHeight: (height / rows) * zoom,
    shiftX: left * width * zoom,
    shiftY: top * height * zoom,
  };
}

function clampView(view: MapView, columns: number, rows: number, width: number, height: number): MapView {
  const largest = Math.max(1, MAX_CELL / Math.min(width / columns, height / rows));
  const zoom = Math.min(Math.max(1, view.zoom), largest);
  const room = 1 - 1 / zoom;
  const clamp = (value: number): number => Math.min(Math.max(0, value), room);
  return { zoom, left: clamp(view.left), top: clamp(view.top) };
}

/** The view with what lies at a point of the picture kept there while the zoom changes by `factor`. */
export function zoomAt(view: MapView, factor: number, x: number, y: number): MapView {
  const zoom = Math.max(1, view.zoom * factor);
  const left = view.left + x / view.zoom - x / zoom;
  const top = view.top + y / view.zoom - y / zoom;
  const room = 1 - 1 / zoom;
  return { zoom, left: Math.min(Math.max(0, left), room), top: Math.min(Math.max(0, top), room) };
}

/** The view moved by shares of the picture. */
export function panBy(view: MapView, x: number, y: number): MapView {
  const room = 1 - 1 / view.zoom;
  return {
    zoom: view.zoom,
    left: Math.min(Math.max(0, view.left + x / view.zoom), room),
    top: Math.min(Math.max(0, view.top + y / view.zoom), room),
  };
}

/** The page at a pixel, -1 where there is none. */
export function pageAtPixel(layout: MapLayout, pageCount: number, x: number, y: number): number {
  const column = Math.floor((x + layout.shiftX) / layout.cellWidth);
  const row = Math.floor((y + layout.shiftY) / layout.cellHeight);
  if (column < 0 || row < 0 || column >= layout.columns || row >= layout.rows) return -1;
  const page = row * layout.columns + column;
  return page < pageCount ? page : -1;
}

/** The middle of a page in the picture, in pixels; it may lie outside. */
export function pixelOfPage(layout: MapLayout, page: number): { x: number; y: number } {
  const column = page % layout.columns;
  const row = Math.floor(page / layout.columns);
  return {
    x: (column + 0.5) * layout.cellWidth - layout.shiftX,
    y: (row + 0.5) * layout.cellHeight - layout.shiftY,
  };
}

/** A view in which `page` is in the middle, at least at `zoom`. */
export function viewOnPage(pageCount: number, layout: MapLayout, page: number, zoom: number): MapView {
  const column = page % layout.columns;
  const row = Math.floor(Math.min(page, pageCount - 1) / layout.columns);
  const room = 1 - 1 / zoom;
  const middle = (at: number): number => Math.min(Math.max(0, at - 0.5 / zoom), room);
  return { zoom, left: middle((column + 0.5) / layout.columns), top: middle((row + 0.5) / layout.rows) };
}
