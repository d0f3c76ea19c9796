/**
 * The tower as a picture that can be pointed at and walked with the arrow keys. It knows a picture and names only; the film
 * and the playground share it.
 */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import {
  buddyPage,
  freeLists,
  mergeChain,
  type TowerCell,
  towerCells,
  type TowerPicture,
} from "../film/tower.ts";
import { hex } from "../film/hex.ts";
import { bytes, count } from "./format.ts";
import { useSize } from "./use-size.ts";

/** What a tower is drawn with. */
export interface TowerProps {
  readonly picture: TowerPicture;
  /** What a block's owner is called, and its colour. */
  readonly nameOf: (owner: number) => string;
  readonly colorOf: (owner: number) => string;
  readonly label: string;
}

const ROW_GAP = 3;
const MIN_TEXT_WIDTH = 26;

/** A tower and its free lists. */
export function Tower({ picture, nameOf, colorOf, label }: TowerProps): JSX.Element {
  const { ref, width, height } = useSize<HTMLDivElement>();
  const cells = useMemo(() => towerCells(picture), [picture]);
  const [pointed, setPointed] = useState<string | null>(null);
  const rowCount = picture.maxOrder + 1;
  const rowHeight = Math.max(20, Math.min(46, height / rowCount));
  const scale = width / 2 ** picture.maxOrder;
  const pointedCell = cells.find((cell) => keyOf(cell) === pointed) ?? null;
  const marks = pointedCell === null ? null : marksOf(picture, pointedCell);
  const focusKey =
    pointedCell === null ? (cells[0] === undefined ? "" : keyOf(cells[0])) : keyOf(pointedCell);

  const walk = (event: KeyboardEvent, cell: TowerCell): void => {
    const next = neighbour(cells, cell, event.key);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    setPointed(keyOf(next));
    document.getElementById(`cell-${keyOf(next)}`)?.focus();
  };

  return (
    <div class="tower">
      <div class="tower-picture" ref={ref}>
        {width > 0 && (
          <svg
            width={width}
            height={rowHeight * rowCount}
            role="group"
            aria-label={`${label}. ${countText(cells)}. Arrow keys walk through the blocks.`}
            onPointerLeave={() => setPointed(null)}
          >
            {cells.map((cell) => {
              const key = keyOf(cell);
              const mark = marks?.get(key);
              return (
                <Cell
                  key={key}
                  id={`cell-${key}`}
                  cell={cell}
                  x={cell.page * scale}
                  y={(picture.maxOrder - cell.order) * rowHeight}
                  width={2 ** cell.order * scale}
                  height={rowHeight - ROW_GAP}
                  color={cell.state === "used" ? colorOf(picture.blocks[cell.block]!.owner) : null}
                  text={cellText(picture, cell, nameOf)}
                  label={describeCell(picture, cell, nameOf)}
                  mark={mark ?? null}
                  isFocusable={key === focusKey}
                  onPoint={() => setPointed(key)}
                  onKeyDown={(event) => walk(event, cell)}
                />
              );
            })}
          </svg>
        )}
      </div>
      <FreeListTable picture={picture} rowHeight={rowHeight} />
      <p class="tower-caption" aria-live="polite">
        {pointedCell === null
          ? `${countText(cells)}. Point at a block, or walk with the arrow keys, to see its buddy and what freeing it would merge.`
          : `${describeCell(picture, pointedCell, nameOf)} ${describeBuddy(picture, pointedCell)}`}
      </p>
    </div>
  );
}

function Cell(props: {
  readonly id: string;
  readonly cell: TowerCell;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly color: string | null;
  readonly text: string;
  readonly label: string;
  readonly mark: "self" | "buddy" | "merged" | null;
  readonly isFocusable: boolean;
  readonly onPoint: () => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}): JSX.Element {
  const { cell, x, y, width, height, color, text, mark } = props;
  const gap = width > 4 ? 1 : width > 1.5 ? 0.5 : 0;
  return (
    <g
      id={props.id}
      class={`cell ${cell.state} ${mark ?? ""}`}
      role="img"
      aria-label={props.label}
      data-order={cell.order}
      data-page={cell.page}
      data-state={cell.state}
      tabIndex={props.isFocusable ? 0 : -1}
      onPointerEnter={props.onPoint}
      onFocus={props.onPoint}
      onKeyDown={props.onKeyDown}
    >
      <rect
        x={x + gap / 2}
        y={y}
        width={Math.max(0.5, width - gap)}
        height={height}
        fill={color ?? undefined}
      />
      {text !== "" && width >= Math.max(MIN_TEXT_WIDTH, text.length * 7.5) && (
        <text
          x={x + width / 2}
          y={y + height / 2}
          dominant-baseline="central"
          text-anchor="middle"
          fill={color === null ? undefined : inkOn(color)}
        >
          {text}
        </text>
      )}
    </g>
  );
}

function FreeListTable({
  picture,
  rowHeight,
}: {
  readonly picture: TowerPicture;
  readonly rowHeight: number;
}): JSX.Element {
  const lists = freeLists(picture);
  return (
    <table class="free-lists">
      <caption class="visually-hidden">Free lists, one for each order</caption>
      <tbody>
        {lists
          .map((pages, order) => (
            <tr key={order} style={{ height: `${rowHeight}px` }} data-order={order} data-count={pages.length}>
              <th scope="row" title={`order ${order}: blocks of ${bytes(picture.pageSize * 2 ** order)}`}>
                2<sup>{order}</sup>
              </th>
              <td class={pages.length === 0 ? "muted" : ""}>
                {pages.length === 0
                  ? "empty"
                  : pages
                      .slice(0, 4)
                      .map((page) => hex(picture.base + page * picture.pageSize))
                      .join(" → ")}
                {pages.length > 4 && ` → … (${count(pages.length)})`}
              </td>
            </tr>
          ))
          .toReversed()}
      </tbody>
    </table>
  );
}

function keyOf({ order, page }: { readonly order: number; readonly page: number }): string {
  return `${order}-${page}`;
}

/** What is to be marked when a block is pointed at: itself, its buddy, and what they would merge to. */
function marksOf(picture: TowerPicture, cell: TowerCell): Map<string, "self" | "buddy" | "merged"> {
  const marks = new Map<string, "self" | "buddy" | "merged">();
  if (cell.order < picture.maxOrder)
    marks.set(keyOf({ order: cell.order, page: buddyPage(cell.page, cell.order) }), "buddy");
  if (cell.state === "used") {
    for (const { order, page, buddyPage: buddy } of mergeChain(picture, cell.page, cell.order)) {
      marks.set(keyOf({ order, page: buddy }), "buddy");
      marks.set(keyOf({ order: order + 1, page }), "merged");
    }
  }
  return marks.set(keyOf(cell), "self");
}

function neighbour(cells: readonly TowerCell[], cell: TowerCell, key: string): TowerCell | null {
  const row = cells.filter(({ order }) => order === cell.order);
  const at = row.indexOf(cell);
  const end = cell.page + 2 ** cell.order;
  switch (key) {
    case "ArrowRight":
      return row[at + 1] ?? null;
    case "ArrowLeft":
      return row[at - 1] ?? null;
    case "ArrowUp":
      return (
        cells.findLast(
          ({ order, page }) => order > cell.order && page <= cell.page && cell.page < page + 2 ** order,
        ) ?? null
      );
    case "ArrowDown":
      return cells.find(({ order, page }) => order < cell.order && page >= cell.page && page < end) ?? null;
    default:
      return null;
  }
}

function countText(cells: readonly TowerCell[]): string {
  const number = (state: TowerCell["state"]): number => cells.filter((cell) => cell.state === state).length;
  return `${count(number("broken"))} broken, ${count(number("used"))} used, ${count(number("free"))} free blocks`;
}

function cellText(picture: TowerPicture, cell: TowerCell, nameOf: (owner: number) => string): string {
  if (cell.state !== "used") return "";
  const { owner, slots, objects } = picture.blocks[cell.block]!;
  return slots === 0 ? nameOf(owner) : `${nameOf(owner)} ${objects}/${slots}`;
}

function describeCell(picture: TowerPicture, cell: TowerCell, nameOf: (owner: number) => string): string {
  const at = hex(picture.base + cell.page * picture.pageSize);
  const size = bytes(picture.pageSize * 2 ** cell.order);
  if (cell.state === "broken") return `Order ${cell.order} at ${at}, ${size}: broken into halves.`;
  if (cell.state === "free") return `Order ${cell.order} at ${at}, ${size}: free.`;
  const { owner, slots, objects } = picture.blocks[cell.block]!;
  const slab = slots === 0 ? "" : `, a slab with ${objects} of ${slots} slots in use`;
  return `Order ${cell.order} at ${at}, ${size}: ${nameOf(owner)}${slab}.`;
}

function describeBuddy(picture: TowerPicture, cell: TowerCell): string {
  if (cell.order === picture.maxOrder) return "It is the whole space and has no buddy.";
  const at = (page: number): string => hex(picture.base + page * picture.pageSize);
  const buddy = `Its buddy is at ${at(buddyPage(cell.page, cell.order))}.`;
  if (cell.state !== "used") return buddy;
  const chain = mergeChain(picture, cell.page, cell.order);
  if (chain.length === 0) return `${buddy} Freed now, it would merge with nothing.`;
  const last = chain.at(-1)!;
  return `${buddy} Freed now, it would merge ${chain.length === 1 ? "once" : `${chain.length} times`}, to order ${last.order + 1} at ${at(last.page)}.`;
}

/** Black or white, whichever is read better on a colour. */
function inkOn(color: string): string {
  const value = Number.parseInt(color.slice(1), 16);
  const luminance = 0.299 * (value >> 16) + 0.587 * ((value >> 8) & 0xff) + 0.114 * (value & 0xff);
  return luminance > 140 ? "#111318" : "#ffffff";
}
