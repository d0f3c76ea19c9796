/** The map: pages as pixels, to be moved with pointer, wheel and keys, and asked what lies where. */
import { effect } from "@preact/signals";
import type { CanvasHTMLAttributes, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { pageAtPixel, panBy, WHOLE_SPACE, zoomAt } from "../draw/map-layout.ts";
import { cellRect, slotGrid } from "../draw/map-raster.ts";
import { hex } from "../film/hex.ts";
import { client, player } from "../state/app.ts";
import * as store from "../state/store.ts";
import { bytes, count } from "../ui/format.ts";
import { useSize } from "../ui/use-size.ts";
import type { MapPicture, Picture } from "../worker/protocol.ts";

const WHEEL_ZOOM = 0.0016;
const KEY_ZOOM = 1.5;
const KEY_PAN = 0.15;
/** A press that moves less than this many pixels is a click. */
const CLICK_SLACK = 4;

/** One take's map. */
export function MapCanvas({ take }: { readonly take: number }): JSX.Element {
  const { ref, width, height } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hasFocus, setHasFocus] = useState(false);
  const label = mapLabel(store.readablePictures.value.get(take) ?? null);
  const scale = Math.min(2, devicePixelRatio);

  useEffect(() => {
    if (width === 0 || height === 0) return;
    player.setMapSize(take, { width: Math.round(width * scale), height: Math.round(height * scale) });
    return () => player.setMapSize(take, null);
  }, [take, width, height, scale]);

  // Drawn as pictures come, without a new rendering of the page.
  useLayoutEffect(
    () => effect(() => drawMap(canvas.current, store.pictures.value.get(take)?.map ?? null)),
    [take],
  );

  const pointer = usePointer(take, scale);
  return (
    <div class="map" ref={ref}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={label}
        aria-keyshortcuts="ArrowLeft ArrowRight ArrowUp ArrowDown + - 0 Enter"
        onFocus={(event) => setHasFocus(event.currentTarget.matches(":focus-visible"))}
        onBlur={() => setHasFocus(false)}
        onKeyDown={(event) => onMapKey(event, take)}
        {...pointer}
      />
      {hasFocus && <div class="crosshair" aria-hidden="true" />}
    </div>
  );
}

/** Puts a map's pixels into a canvas. */
function drawMap(canvas: HTMLCanvasElement | null, map: MapPicture | null): void {
  if (map === null || canvas === null) return;
  const { width, height } = map.layout;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext("2d")!.putImageData(new ImageData(map.pixels, width, height), 0, 0);
}

function mapLabel(picture: Picture | null): string {
  if (picture === null) return "Map of pages";
  const { heldBytes, sizeBytes } = picture.figures;
  return `Map of ${count(picture.pageCount)} pages, ${bytes(heldBytes)} of ${bytes(sizeBytes)} held. Arrow keys move, plus and minus zoom, Enter asks what is in the middle.`;
}

/** Asks what lies at a point of the canvas, in pixels of the screen. */
function ask(take: number, picture: Picture, x: number, y: number, isClick: boolean): void {
  const layout = picture.map!.layout;
  const page = pageAtPixel(layout, picture.pageCount, x, y);
  if (page < 0) return;
  const summary = store.takes.peek().find((each) => each.take === take)!;
  const known = askedPage === page && !isClick && store.place.peek() !== null;
  if (known && layout.cellWidth < 28) return;
  askedPage = page;
  client.call("place", [take, picture.moment, page, 0]).then(
    (facts) => {
      const within = withinPage(
        picture,
        page,
        x,
        y,
        facts.slotSize,
        summary.pageSize,
        (facts.offset - summary.base) / summary.pageSize,
      );
      if (facts.slotSize === 0 || within === 0) return show(take, facts, isClick);
      return client
        .call("place", [take, picture.moment, page, within])
        .then((exact) => show(take, exact, isClick));
    },
    () => {},
  );
}

let askedPage = -1;

function show(take: number, facts: NonNullable<typeof store.place.value>, isClick: boolean): void {
  store.place.value = facts;
  if (!isClick || take !== store.takeNumber.peek()) return;
  store.selection.value =
    facts.piece >= 0 && facts.kind === "slab"
      ? { kind: "piece", piece: facts.piece }
      : facts.block >= 0
        ? { kind: "block", block: facts.block }
        : null;
  store.announcement.value = `${facts.ownerName}, ${bytes(facts.byteLength)} at ${hex(facts.offset)}`;
}

/** The byte of a page at whose slot a point lies; 0 where slots are not drawn. */
function withinPage(
  picture: Picture,
  page: number,
  x: number,
  y: number,
  slotSize: number,
  pageSize: number,
  firstPage: number,
): number {
  const { layout } = picture.map!;
  if (slotSize === 0 || Math.min(layout.cellWidth, layout.cellHeight) < 28) return 0;
  const cell = cellRect(layout, page);
  const before = Math.ceil(((page - firstPage) * pageSize) / slotSize);
  const slotCount = Math.max(1, Math.ceil(((page - firstPage + 1) * pageSize) / slotSize) - before);
  const { columns, rows } = slotGrid(slotCount);
  const column = Math.min(
    columns - 1,
    Math.max(0, Math.floor(((x - cell.x0) / (cell.x1 - cell.x0)) * columns)),
  );
  const row = Math.min(rows - 1, Math.max(0, Math.floor(((y - cell.y0) / (cell.y1 - cell.y0)) * rows)));
  const slot = before + Math.min(slotCount - 1, row * columns + column);
  return slot * slotSize - (page - firstPage) * pageSize;
}

function onMapKey(event: KeyboardEvent, take: number): void {
  const view = store.mapView.peek();
  const moves: Record<string, () => void> = {
    ArrowLeft: () => (store.mapView.value = panBy(view, -KEY_PAN, 0)),
    ArrowRight: () => (store.mapView.value = panBy(view, KEY_PAN, 0)),
    ArrowUp: () => (store.mapView.value = panBy(view, 0, -KEY_PAN)),
    ArrowDown: () => (store.mapView.value = panBy(view, 0, KEY_PAN)),
    "+": () => (store.mapView.value = zoomAt(view, KEY_ZOOM, 0.5, 0.5)),
    "=": () => (store.mapView.value = zoomAt(view, KEY_ZOOM, 0.5, 0.5)),
    "-": () => (store.mapView.value = zoomAt(view, 1 / KEY_ZOOM, 0.5, 0.5)),
    "0": () => (store.mapView.value = WHOLE_SPACE),
    Enter: () => {
      const picture = store.pictures.peek().get(take);
      if (picture === undefined || picture.map === null) return;
      ask(take, picture, picture.map.layout.width / 2, picture.map.layout.height / 2, true);
    },
  };
  const move = moves[event.key];
  if (move === undefined || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  move();
}

/** Where in an element a pointer is, as shares of its width and height. */
function share(event: MouseEvent): { x: number; y: number } {
  const box = (event.currentTarget as HTMLCanvasElement).getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
}

/** Dragging moves, two fingers or the wheel zoom, a click selects, hovering asks. */
function usePointer(take: number, scale: number): CanvasHTMLAttributes<HTMLCanvasElement> {
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const travelled = useRef(0);
  const askAt = (event: MouseEvent, isClick: boolean): void => {
    const box = (event.currentTarget as HTMLCanvasElement).getBoundingClientRect();
    const now = store.pictures.peek().get(take);
    if (now === undefined || now.map === null) return;
    ask(take, now, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale, isClick);
  };
  return {
    onWheel: (event) => {
      event.preventDefault();
      const { x, y } = share(event);
      store.mapView.value = zoomAt(store.mapView.peek(), Math.exp(-event.deltaY * WHEEL_ZOOM), x, y);
    },
    onPointerDown: (event) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      pointers.current.set(event.pointerId, share(event));
      if (pointers.current.size === 1) travelled.current = 0;
    },
    onPointerMove: (event) => {
      const before = pointers.current.get(event.pointerId);
      if (before === undefined) {
        askAt(event, false);
        return;
      }
      const now = share(event);
      const box = event.currentTarget.getBoundingClientRect();
      travelled.current += Math.hypot((now.x - before.x) * box.width, (now.y - before.y) * box.height);
      if (pointers.current.size === 1) {
        if (travelled.current > CLICK_SLACK)
          store.mapView.value = panBy(store.mapView.peek(), before.x - now.x, before.y - now.y);
      } else {
        const other = [...pointers.current].find(([id]) => id !== event.pointerId)![1];
        const length = Math.hypot(before.x - other.x, before.y - other.y);
        const longer = Math.hypot(now.x - other.x, now.y - other.y);
        if (length > 0.01)
          store.mapView.value = zoomAt(
            store.mapView.peek(),
            longer / length,
            (now.x + other.x) / 2,
            (now.y + other.y) / 2,
          );
      }
      pointers.current.set(event.pointerId, now);
    },
    onPointerUp: (event) => {
      if (pointers.current.size === 1 && travelled.current <= CLICK_SLACK) askAt(event, true);
      pointers.current.delete(event.pointerId);
    },
    onPointerCancel: (event) => pointers.current.delete(event.pointerId),
    onDblClick: (event) => {
      const { x, y } = share(event);
      store.mapView.value = zoomAt(store.mapView.peek(), 4, x, y);
    },
  };
}
