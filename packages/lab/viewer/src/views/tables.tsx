/** Tables: caches as slabtop shows them, free blocks as buddyinfo does, and the events around the moment. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { findPiece, goTo, select } from "../state/app.ts";
import * as store from "../state/store.ts";
import { hex } from "../film/hex.ts";
import { bytes, count, duration, percent } from "../ui/format.ts";
import { colorOfOwner } from "../ui/owner-look.ts";
import type { CacheRow, EventRow } from "../film/describe.ts";
import type { Picture, TakeSummary } from "../worker/protocol.ts";

type SortKey = "name" | "objects" | "use" | "slotSize" | "slabs" | "heldBytes";

const COLUMNS: readonly (readonly [key: SortKey, title: string, short: boolean])[] = [
  ["name", "Cache", true],
  ["objects", "Objects", true],
  ["use", "In use", true],
  ["slotSize", "Slot", false],
  ["slabs", "Slabs", false],
  ["heldBytes", "Held", true],
];

/** All tables of the moment. */
export function TablesView(): JSX.Element | null {
  const take = store.take.value;
  const picture = store.readablePicture.value;
  if (take === null || picture === null) return null;
  return (
    <div class="tables">
      <section class="panel">
        <h2>Caches</h2>
        <CacheTable take={take} rows={picture.caches ?? []} isShort={false} />
      </section>
      <section class="panel">
        <h2>Free blocks</h2>
        <FreeBlocksTable take={take} picture={picture} />
      </section>
      <section class="panel events">
        <h2>Events around the moment</h2>
        <EventTable rows={picture.events} />
      </section>
    </div>
  );
}

function sortValue(row: CacheRow, key: SortKey): number | string {
  return key === "use" ? row.objects / Math.max(1, row.slots) : row[key];
}

/** Caches; a click on a heading sorts, a click on a name marks its pages on the map. */
export function CacheTable(props: {
  readonly take: TakeSummary;
  readonly rows: readonly CacheRow[];
  readonly isShort: boolean;
}): JSX.Element {
  const { take, rows, isShort } = props;
  const [sort, setSort] = useState<{ key: SortKey; isUp: boolean }>({ key: "heldBytes", isUp: false });
  const columns = COLUMNS.filter(([, , short]) => short || !isShort);
  const sorted = [...rows].sort((a, b) => {
    const x = sortValue(a, sort.key);
    const y = sortValue(b, sort.key);
    const order = typeof x === "string" ? x.localeCompare(y as string) : x - (y as number);
    return (sort.isUp ? order : -order) || a.owner - b.owner;
  });
  const selected = store.selection.value;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Caches">
      <table class="figures">
        <thead>
          <tr>
            {columns.map(([key, title]) => (
              <th
                key={key}
                scope="col"
                aria-sort={sort.key === key ? (sort.isUp ? "ascending" : "descending") : "none"}
              >
                <button
                  type="button"
                  onClick={() => setSort({ key, isUp: sort.key === key ? !sort.isUp : key === "name" })}
                >
                  {title}
                  <span aria-hidden="true">{sort.key === key ? (sort.isUp ? " ▴" : " ▾") : ""}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => {
            const isSelected = selected?.kind === "owner" && selected.owner === row.owner;
            return (
              <tr key={row.owner} class={isSelected ? "selected" : ""}>
                <th scope="row">
                  <button
                    type="button"
                    class="name"
                    aria-pressed={isSelected}
                    title="Show its pages on the map"
                    onClick={() => select(isSelected ? null : { kind: "owner", owner: row.owner })}
                  >
                    <span
                      class="swatch"
                      style={{ background: colorOfOwner(take, row.owner, store.theme.value) }}
                    />
                    {row.name}
                  </button>
                </th>
                <td>{count(row.objects)}</td>
                <td>{percent(row.objects, row.slots)}</td>
                {!isShort && <td>{row.slotSize === 0 ? "–" : bytes(row.slotSize)}</td>}
                {!isShort && <td>{count(row.slabs)}</td>}
                <td>{bytes(row.heldBytes)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {rows.length === 0 && <p class="empty">Nothing is allocated at this moment.</p>}
    </div>
  );
}

/** Free blocks of each order, with the kernel's two indices. */
function FreeBlocksTable({
  take,
  picture,
}: {
  readonly take: TakeSummary;
  readonly picture: Picture;
}): JSX.Element {
  const { freeBlocks, externalIndex, unusableIndex } = picture.figures;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Free blocks of each order">
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Order</th>
            <th scope="col">Block</th>
            <th scope="col">Free</th>
            <th scope="col" title="Share of the free space that a request of this order cannot use">
              Unusable
            </th>
            <th
              scope="col"
              title="The kernel's external fragmentation index: towards 0 a request fails for lack of memory, towards 1 for fragmentation"
            >
              Ext. index
            </th>
          </tr>
        </thead>
        <tbody>
          {freeBlocks.map((free, order) => (
            <tr key={order}>
              <th scope="row">{order}</th>
              <td>{bytes(take.pageSize * 2 ** order)}</td>
              <td>{count(free)}</td>
              <td>{(unusableIndex[order]! / 10).toFixed(1)} %</td>
              <td>
                {externalIndex[order] === -1000 ? "would succeed" : (externalIndex[order]! / 1000).toFixed(3)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const EVENT_WORDS: Record<EventRow["kind"], string> = {
  allocate: "allocates",
  free: "frees",
  fail: "fails",
  skip: "frees nothing",
};

function EventTable({ rows }: { readonly rows: readonly EventRow[] }): JSX.Element {
  const moment = store.readablePicture.value?.moment ?? -1;
  const hasClock = rows.some(({ nanoseconds }) => nanoseconds >= 0);
  const hasSites = rows.some(({ callSite }) => callSite !== "");
  const frame = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const row = frame.current?.querySelector<HTMLElement>("tr.now");
    // Only this list scrolls, not the page.
    if (row !== null && row !== undefined)
      frame.current!.scrollTop = row.offsetTop - frame.current!.clientHeight / 2;
  }, [rows]);
  return (
    <div class="scroll" ref={frame} tabIndex={0} role="region" aria-label="Events">
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Event</th>
            {hasClock && <th scope="col">Time</th>}
            <th scope="col">What</th>
            <th scope="col">Bytes</th>
            <th scope="col">Cache</th>
            <th scope="col">Offset</th>
            {hasSites && <th scope="col">Call site</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={row.moment}
              class={row.moment === moment ? "now" : ""}
              aria-current={row.moment === moment ? "step" : undefined}
            >
              <th scope="row">
                <button type="button" class="link" title="Go to this moment" onClick={() => goTo(row.moment)}>
                  {count(row.moment)}
                </button>
              </th>
              {hasClock && <td>{row.nanoseconds < 0 ? "" : duration(row.nanoseconds)}</td>}
              <td class="text">{EVENT_WORDS[row.kind]}</td>
              <td>{count(row.bytes)}</td>
              <td class="text">{row.owner}</td>
              <td>
                {row.offset < 0 ? (
                  "–"
                ) : (
                  <button
                    type="button"
                    class="link"
                    title="Find it on the map"
                    onClick={() => findPiece(row.piece)}
                  >
                    {hex(row.offset)}
                  </button>
                )}
              </td>
              {hasSites && <td class="text site">{row.callSite}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="empty">No event yet: this is the start.</p>}
    </div>
  );
}
