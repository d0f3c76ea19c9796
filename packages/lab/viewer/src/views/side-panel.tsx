/** Beside map and tower: the moment's figures, what is pointed at, and the caches, whose colours are the legend. */
import type { JSX } from "preact";
import { PALETTES } from "../draw/palette.ts";
import type { PlaceFacts } from "../film/describe.ts";
import { select } from "../state/app.ts";
import * as store from "../state/store.ts";
import { Button } from "../ui/controls.tsx";
import { hex } from "../film/hex.ts";
import { bytes, count, percent } from "../ui/format.ts";
import { colorOfOwner } from "../ui/owner-look.ts";
import type { Picture, TakeSummary } from "../worker/protocol.ts";
import { CacheTable } from "./tables.tsx";

/** The panel. */
export function SidePanel(): JSX.Element | null {
  const take = store.take.value;
  const picture = store.readablePicture.value;
  if (take === null || picture === null) return null;
  return (
    <aside class="side" aria-label="Figures of the moment">
      <Figures picture={picture} />
      <Place take={take} />
      <section class="side-caches">
        <h2>{take.kind === "heap" ? "Caches" : "Blocks for"}</h2>
        <CacheTable take={take} rows={picture.caches ?? []} isShort />
      </section>
    </aside>
  );
}

/** The figures that everybody asks first. */
function Figures({ picture }: { readonly picture: Picture }): JSX.Element {
  const { liveBytes, usedBytes, heldBytes, sizeBytes, objects, largestFreeBytes } = picture.figures;
  const rows: readonly (readonly [string, string, string])[] = [
    ["Asked for", bytes(liveBytes), `${count(objects)} objects`],
    ["Waste inside", bytes(usedBytes - liveBytes), percent(usedBytes - liveBytes, heldBytes)],
    ["Waste between", bytes(heldBytes - usedBytes), percent(heldBytes - usedBytes, heldBytes)],
    ["Pages held", bytes(heldBytes), `of ${bytes(sizeBytes)}`],
    ["Largest free", bytes(largestFreeBytes), percent(largestFreeBytes, sizeBytes - heldBytes)],
  ];
  return (
    <dl class="facts">
      {rows.map(([name, value, note]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
          <dd class="note">{note}</dd>
        </div>
      ))}
    </dl>
  );
}

function Place({ take }: { readonly take: TakeSummary }): JSX.Element {
  const place = store.place.value;
  if (place === null) {
    return (
      <section class="place" aria-label="What lies there">
        <p class="hint">
          Point at the map to see what lies there; click to keep it marked. The wheel zooms, dragging moves.
        </p>
      </section>
    );
  }
  const color =
    place.kind === "free"
      ? PALETTES[store.theme.value].free
      : colorOfOwner(take, place.owner, store.theme.value);
  return (
    <section class="place" aria-label="What lies there">
      <h2>
        <span class="swatch" style={{ background: color }} />
        {place.ownerName}
      </h2>
      <p>{placeText(place, take)}</p>
      {place.slots !== "" && <Slots place={place} color={color} />}
      {place.piece >= 0 && <p class="hint">{pieceText(place)}</p>}
      {store.selection.value !== null && (
        <p class="place-buttons">
          <label class="check">
            <input
              type="checkbox"
              checked={store.isFollowing.value}
              onChange={(event) => (store.isFollowing.value = event.currentTarget.checked)}
            />
            follow it
          </label>
          <Button label="Unmark" onClick={() => select(null)} />
        </p>
      )}
    </section>
  );
}

function placeText(place: PlaceFacts, { pageSize }: TakeSummary): string {
  const where = `${hex(place.offset)}, ${bytes(place.byteLength)} (${count(place.byteLength / pageSize)} pages)`;
  if (place.kind === "free") return `Free block at ${where}.`;
  const since = `since event ${count(place.bornAt)}`;
  if (place.kind === "run") return `Block at ${where}, ${since}.`;
  return `Slab at ${where}, ${since}: ${count(place.objects)} of ${count(place.slots.length)} slots of ${bytes(place.slotSize)}.`;
}

function pieceText({ piece, pieceBytes, pieceBornAt, pieceDiedAt }: PlaceFacts): string {
  const end = pieceDiedAt < 0 ? "to the end" : `to event ${count(pieceDiedAt)}`;
  return `Object ${count(piece)}: ${bytes(pieceBytes)} asked for, from event ${count(pieceBornAt)} ${end}.`;
}

/** A slab's bitmap as it is: a square a slot. */
function Slots({ place, color }: { readonly place: PlaceFacts; readonly color: string }): JSX.Element {
  const shown = place.slots.slice(0, 512);
  const columns = Math.min(32, Math.ceil(Math.sqrt(shown.length * 2.4)));
  const size = 10;
  return (
    <svg
      class="slots"
      viewBox={`0 0 ${columns * size} ${Math.ceil(shown.length / columns) * size}`}
      style={{ width: `${Math.min(296, columns * 16)}px` }}
      role="img"
      aria-label={`Slots: ${count(place.objects)} of ${count(place.slots.length)} in use`}
    >
      {[...shown].map((bit, slot) => (
        <rect
          key={slot}
          class={bit === "1" ? "slot used" : "slot"}
          x={(slot % columns) * size + 1}
          y={Math.floor(slot / columns) * size + 1}
          width={size - 2}
          height={size - 2}
          fill={bit === "1" ? color : undefined}
        />
      ))}
    </svg>
  );
}
