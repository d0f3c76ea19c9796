/** A film on the screen: map or tower, the panel beside it, the timeline below. */
import type { JSX } from "preact";
import { PALETTES } from "../draw/palette.ts";
import { MAX_TOWER_PAGES } from "../film/tower.ts";
import { WHOLE_SPACE, zoomAt } from "../draw/map-layout.ts";
import { useTake } from "../state/app.ts";
import * as store from "../state/store.ts";
import { Button, Segments } from "../ui/controls.tsx";
import { count } from "../ui/format.ts";
import { Icon } from "../ui/icons.tsx";
import { colorOfOwner } from "../ui/owner-look.ts";
import { Tower } from "../ui/tower-svg.tsx";
import type { ColorMode } from "../worker/protocol.ts";
import { CompareView } from "./compare.tsx";
import { MapCanvas } from "./map.tsx";
import { SidePanel } from "./side-panel.tsx";
import { TablesView } from "./tables.tsx";
import { Timeline } from "./timeline.tsx";

const HEAP_MODES = [
  ["owner", "Cache"],
  ["age", "Age"],
  ["use", "Use"],
  ["order", "Free order"],
] as const;
const PAGES_MODES = [
  ["owner", "Mobility"],
  ["age", "Age"],
  ["order", "Free order"],
] as const;

/** The view that is chosen, of what is open. */
export function FilmView(): JSX.Element | null {
  const take = store.take.value;
  if (take === null) return <Opening />;
  const view = store.view.value;
  return (
    <div class={`film film-${view}`}>
      <div class="film-bar">
        {store.takes.value.length > 1 && view !== "compare" && (
          <Segments
            label="Space"
            value={String(store.takeNumber.value)}
            options={store.takes.value.map(
              ({ take: number, name, allocator }) => [String(number), number > 1 ? allocator : name] as const,
            )}
            onChange={(number) => useTake(Number(number))}
          />
        )}
        {(view === "map" || view === "compare") && (
          <Segments<ColorMode>
            label="Colour by"
            value={store.colorMode.value}
            options={take.kind === "heap" ? HEAP_MODES : PAGES_MODES}
            onChange={(mode) => (store.colorMode.value = mode)}
          />
        )}
        {view === "map" && <ZoomButtons />}
        <span class="film-name">{take.allocator}</span>
        {(view === "map" || view === "compare") && <ModeLegend mode={store.colorMode.value} />}
      </div>
      {view === "map" && (
        <div class="film-main">
          <MapCanvas take={take.take} key={take.take} />
          <SidePanel />
        </div>
      )}
      {view === "tower" && (
        <div class="film-main">
          <FilmTower />
          <SidePanel />
        </div>
      )}
      {view === "tables" && <TablesView />}
      {view === "compare" && <CompareView />}
      <Timeline />
    </div>
  );
}

function zoom(factor: number): void {
  store.mapView.value = zoomAt(store.mapView.peek(), factor, 0.5, 0.5);
}

function ZoomButtons(): JSX.Element {
  return (
    <div class="segments" role="group" aria-label="Zoom">
      <Button label="Zoom out" class="segment" onClick={() => zoom(0.5)}>
        <Icon name="minus" />
      </Button>
      <Button label="Zoom in" class="segment" onClick={() => zoom(2)}>
        <Icon name="plus" />
      </Button>
      <Button label="Whole space" class="segment" onClick={() => (store.mapView.value = WHOLE_SPACE)}>
        <Icon name="whole" />
      </Button>
    </div>
  );
}

/** What the colours mean where they are no owner's. */
function ModeLegend({ mode }: { readonly mode: ColorMode }): JSX.Element | null {
  const palette = PALETTES[store.theme.value];
  const texts: Record<ColorMode, readonly [string, readonly string[], string] | null> = {
    owner: null,
    age: ["new", palette.ageRamp, "old"],
    use: ["full", palette.ageRamp, "empty"],
    order: ["order 0", palette.orderRamp, "largest"],
  };
  const text = texts[mode];
  if (text === null) return <span class="ramp">paler: emptier slabs</span>;
  const [from, ramp, to] = text;
  return (
    <span class="ramp">
      {from}
      <span class="ramp-bar" style={{ background: `linear-gradient(to right, ${ramp.join(", ")})` }} />
      {to}
    </span>
  );
}

/** The tower of a small space; a larger one is told of. */
function FilmTower(): JSX.Element {
  const take = store.take.value!;
  const picture = store.picture.value;
  const theme = store.theme.value;
  if (picture === null) return <div class="tower-none">Drawing …</div>;
  if (picture.pageCount > MAX_TOWER_PAGES) {
    return (
      <div class="tower-none">
        <p>
          A tower shows up to {count(MAX_TOWER_PAGES)} pages; this space has {count(picture.pageCount)}. The
          map shows them all.
        </p>
        <Button label="Show the map" class="primary" onClick={() => (store.view.value = "map")} />
      </div>
    );
  }
  if (picture.tower === null) return <div class="tower-none">Drawing …</div>;
  return (
    <Tower
      picture={picture.tower}
      nameOf={(owner) => take.owners[owner]!.name}
      colorOf={(owner) => colorOfOwner(take, owner, theme)}
      label={`Tower of ${count(picture.pageCount)} pages`}
    />
  );
}

/** While a file is read. */
function Opening(): JSX.Element {
  const progress = store.progress.value;
  const share = progress?.share ?? null;
  return (
    <div class="opening" role="status">
      <h1>{store.sourceName.value}</h1>
      <progress max={1} {...(share === null ? {} : { value: share })} aria-label="Reading" />
      <p>
        {progress?.phase === "shooting" ? "Replaying" : "Reading"} {progress?.text}
      </p>
    </div>
  );
}
