/**
 * One look at the allocators as a picture of a given width and height. What does not fit is left out, not cut: first the
 * tables of the smallest zones, of which one line stays, then caches.
 */
import type { CacheLook, Look, ZoneLook } from "../live/look.ts";
import { formatCount, formatSize } from "./format.ts";
import type { Style } from "./style.ts";

/** The order in which caches are listed. */
export type CacheOrder = "size" | "change";

/** What a picture is made for. */
export interface PictureOptions {
  readonly style: Style;
  /** In characters. */
  readonly columns: number;
  /** In lines; Infinity for all there is. */
  readonly rows: number;
  /** The first line's left side. */
  readonly title: string;
  /** The first line's right side. */
  readonly hint: string;
  readonly cacheOrder: CacheOrder;
}

/** Of one order, with the blank before it. */
const MIN_CELL_COLUMNS = 5;
const MAX_CELL_COLUMNS = 8;
/** What the table of caches and the zones' figures take. */
const MIN_COLUMNS = 66;
const MAX_COLUMNS = 120;
const LABEL_COLUMNS = 10;
const MAX_BAR_COLUMNS = 40;
const MIN_BAR_COLUMNS = 4;
const MIN_CACHE_ROWS = 5;
/** Title, blank, orders, blank, title of the caches. */
const FIXED_ROWS = 5;
const ZONE_ROWS = 5;
const FULL = "█";
const EMPTY = "░";
/** From which share on an index of unusable memory stands out, in thousandths. */
const WARN_THOUSANDTHS = 500;

/** The lines of the picture, at most `rows`, each at most `columns` wide. */
export function renderLook(look: Look, options: PictureOptions): string[] {
  const columns = Math.min(MAX_COLUMNS, options.columns);
  const minColumns = Math.max(MIN_COLUMNS, LABEL_COLUMNS + MIN_CELL_COLUMNS * orderCount(look));
  if (columns < minColumns)
    return [`this takes ${minColumns} columns`.slice(0, columns)].slice(0, options.rows);
  const textColumns = Math.max(...look.zones.map((zone) => zoneText(zone).length));
  const barColumns = Math.min(MAX_BAR_COLUMNS, columns - LABEL_COLUMNS - textColumns - 2);
  const layout = { ...options, columns, cell: cellColumns(look, columns), barColumns };
  const tables = zonesWithTable(look.zones, options.rows);
  const lines = [
    titleLine(options, columns),
    "",
    ordersLine(look, layout),
    ...look.zones.flatMap((zone) => zoneLines(zone, look.zones, tables.has(zone), layout)),
    "",
  ];
  return [...lines, ...cacheLines(look, layout, options.rows - lines.length)].slice(0, options.rows);
}

interface Layout extends PictureOptions {
  /** Width of a column of one order, with the blank before it. */
  readonly cell: number;
  /** Length of the bars of free memory; they are left out below a few. */
  readonly barColumns: number;
}

function orderCount(look: Look): number {
  return Math.max(...look.zones.map(({ freeBlocks }) => freeBlocks.length));
}

/** The widest column of an order that the terminal has room for. */
function cellColumns(look: Look, columns: number): number {
  return Math.min(MAX_CELL_COLUMNS, Math.floor((columns - LABEL_COLUMNS) / orderCount(look)));
}

/** The largest zones whose tables fit. */
function zonesWithTable(zones: readonly ZoneLook[], rows: number): Set<ZoneLook> {
  let room = rows - FIXED_ROWS - MIN_CACHE_ROWS - zones.length;
  const bySize = zones.toSorted((one, other) => other.managedBytes - one.managedBytes);
  return new Set(bySize.filter(() => (room -= ZONE_ROWS - 1) >= 0));
}

function titleLine({ style, title, hint }: PictureOptions, columns: number): string {
  const room = columns - hint.length - 1;
  return `${style.bold(title.slice(0, room).padEnd(room))} ${style.dim(hint)}`;
}

function ordersLine(look: Look, { style, cell }: Layout): string {
  const cells = Array.from({ length: orderCount(look) }, (_, order) => String(order).padStart(cell));
  return style.bold(`${"ORDER".padEnd(LABEL_COLUMNS)}${cells.join("")}`);
}

function zoneLines(zone: ZoneLook, zones: readonly ZoneLook[], withTable: boolean, layout: Layout): string[] {
  const { style, cell } = layout;
  const row = (label: string, cells: readonly string[]): string =>
    `${style.dim(label.padEnd(LABEL_COLUMNS))}${cells.join("")}`;
  const heading = zoneHeading(zone, zones, layout);
  if (!withTable) return [heading];
  return [
    heading,
    row(
      "  free",
      zone.freeBlocks.map((count) => countCell(count, cell, style)),
    ),
    row(
      "  change",
      zone.freeBlocks.map((_, order) => changeCell(zone.freeBlocksChange?.[order] ?? null, cell, style)),
    ),
    row(
      "  unusable",
      zone.unusableIndex.map((index) => unusableCell(index, cell, style)),
    ),
    row(
      "  extfrag",
      zone.fragmentationIndex.map((index) => fragmentationCell(index, cell, style)),
    ),
  ];
}

/** Name, a bar of how much is free, and the figures. */
function zoneHeading(zone: ZoneLook, zones: readonly ZoneLook[], { style, barColumns }: Layout): string {
  const hasNodes = new Set(zones.map(({ node }) => node)).size > 1;
  const name = (hasNodes ? `${zone.node} ${zone.zone}` : zone.zone).padEnd(LABEL_COLUMNS);
  if (barColumns < MIN_BAR_COLUMNS) return `${style.bold(name)}${zoneText(zone)}`;
  const full = zone.managedBytes === 0 ? 0 : Math.round((barColumns * zone.freeBytes) / zone.managedBytes);
  const bar = `${FULL.repeat(full)}${style.dim(EMPTY.repeat(barColumns - full))}`;
  return `${style.bold(name)}${bar}  ${zoneText(zone)}`;
}

function zoneText({ freeBytes, managedBytes, perCpuBytes }: ZoneLook): string {
  const perCpu = perCpuBytes === 0 ? "" : `, ${formatSize(perCpuBytes)} per CPU`;
  return `${formatSize(freeBytes)} of ${formatSize(managedBytes)} free${perCpu}`;
}

/** A count in up to five characters: 45707, 123k, 12M. */
function shortCount(count: number): string {
  const size = Math.abs(count);
  if (size < 1e5) return String(count);
  return size < 1e7 ? `${Math.round(count / 1e3)}k` : `${Math.round(count / 1e6)}M`;
}

function countCell(count: number, cell: number, style: Style): string {
  const text = shortCount(count).padStart(cell);
  return count === 0 ? style.dim(text) : text;
}

function changeCell(change: number | null, cell: number, style: Style): string {
  if (change === null || change === 0) return style.dim("·".padStart(cell));
  return change > 0
    ? style.rise(`+${shortCount(change)}`.padStart(cell))
    : style.fall(shortCount(change).padStart(cell));
}

function unusableCell(index: number, cell: number, style: Style): string {
  const text = (index / 1000).toFixed(2).padStart(cell);
  if (index === 0) return style.dim(text);
  return index >= WARN_THOUSANDTHS ? style.warn(text) : text;
}

/** -1 says that the request can be met, and then there is nothing to tell. */
function fragmentationCell(index: number, cell: number, style: Style): string {
  if (index === -1000) return style.dim("·".padStart(cell));
  return style.warn((index / 1000).toFixed(2).padStart(cell));
}

/** One column of the table of caches, without the name. */
interface CacheColumn {
  readonly title: string;
  readonly width: number;
  /** May be left out where the terminal is narrow. */
  readonly isSpare: boolean;
  text(cache: CacheLook): string;
}

const CACHE_COLUMNS: readonly CacheColumn[] = [
  { title: "OBJECTS", width: 11, isSpare: false, text: ({ activeObjects }) => formatCount(activeObjects) },
  {
    title: "USE",
    width: 7,
    isSpare: false,
    text: ({ activeObjects, slots }) => `${Math.floor((100 * activeObjects) / slots)}%`,
  },
  { title: "SIZE", width: 9, isSpare: true, text: ({ objectBytes }) => formatCount(objectBytes) },
  { title: "SLABS", width: 9, isSpare: true, text: ({ slabs }) => formatCount(slabs) },
  { title: "KiB", width: 12, isSpare: false, text: ({ heldBytes }) => formatCount(heldBytes / 1024) },
];
const CHANGE_COLUMNS = 12;
const MIN_NAME_COLUMNS = 20;

function cacheLines(look: Look, layout: Layout, rows: number): string[] {
  const { style, columns, cacheOrder } = layout;
  const widthOf = (shown: readonly CacheColumn[]): number =>
    shown.reduce((sum, { width }) => sum + width, CHANGE_COLUMNS);
  const hasRoom = columns - widthOf(CACHE_COLUMNS) >= MIN_NAME_COLUMNS;
  const shown = hasRoom ? CACHE_COLUMNS : CACHE_COLUMNS.filter(({ isSpare }) => !isSpare);
  const nameColumns = columns - widthOf(shown);
  const titles = shown.map(({ title, width }) => title.padStart(width)).join("");
  const title = style.bold(`${"CACHE".padEnd(nameColumns)}${titles}${"CHANGE".padStart(CHANGE_COLUMNS)}`);
  if (look.caches === null) return [title, "caches are for root to see: run it with sudo"];
  const caches =
    cacheOrder === "size"
      ? look.caches
      : look.caches.toSorted((one, other) => changeOf(other) - changeOf(one));
  const row = (cache: CacheLook): string => {
    const name = cache.name.slice(0, nameColumns - 1).padEnd(nameColumns);
    const cells = shown.map(({ width, text }) => text(cache).padStart(width)).join("");
    return name + cells + objectsChangeCell(cache, style);
  };
  return [
    title,
    ...caches
      .filter(({ heldBytes }) => heldBytes > 0)
      .slice(0, Math.max(0, rows - 1))
      .map(row),
  ];
}

function changeOf({ heldBytesChange, activeObjectsChange, objectBytes }: CacheLook): number {
  return Math.max(Math.abs(heldBytesChange ?? 0), Math.abs((activeObjectsChange ?? 0) * objectBytes));
}

function objectsChangeCell({ activeObjectsChange: change }: CacheLook, style: Style): string {
  if (change === null || change === 0) return style.dim("·".padStart(CHANGE_COLUMNS));
  return change > 0
    ? style.rise(`+${formatCount(change)}`.padStart(CHANGE_COLUMNS))
    : style.fall(formatCount(change).padStart(CHANGE_COLUMNS));
}
