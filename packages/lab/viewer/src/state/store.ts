/**
 * What the page shows, as signals: views read them, `actions.ts` and `player.ts` write them. Nothing else is kept anywhere.
 */
import { computed, signal } from "@preact/signals";
import { type MapView, WHOLE_SPACE } from "../draw/map-layout.ts";
import type { Theme } from "../draw/palette.ts";
import type { PlaceFacts } from "../film/describe.ts";
import type { ColorMode, OpenProgress, Picture, Selection, TakeSummary } from "../worker/protocol.ts";

/** The pages of the viewer. */
export const VIEWS = ["map", "tower", "tables", "compare", "playground", "live"] as const;
export type ViewName = (typeof VIEWS)[number];

export const view = signal<ViewName>("map");
export const theme = signal<Theme>("light");
/** The name of what is open, or is being opened; null on the start page. */
export const sourceName = signal<string | null>(null);
export const progress = signal<OpenProgress | null>(null);
/** What went wrong last, for people. */
export const failure = signal<string | null>(null);
/** What a screen reader is told next. */
export const announcement = signal("");

export const takes = signal<readonly TakeSummary[]>([]);
/** The take that is looked at; `otherTake` stands beside it in a comparison, -1 for none. */
export const takeNumber = signal(0);
export const otherTake = signal(-1);
/** Operations done. */
export const moment = signal(0);
export const isPlaying = signal(false);
/** Operations a second. */
export const speed = signal(1000);
/** Pictures by take, the newest each. */
export const pictures = signal<ReadonlyMap<number, Picture>>(new Map());

export const mapView = signal<MapView>(WHOLE_SPACE);
export const colorMode = signal<ColorMode>("owner");
export const selection = signal<Selection>(null);
/** What lies where the pointer or the cursor of the map is; null where nothing was asked. */
export const place = signal<PlaceFacts | null>(null);
/** Does the map keep what is selected in its middle? */
export const isFollowing = signal(false);

/** The take that is looked at, null before there is one. */
export const take = computed(() => takes.value.find((each) => each.take === takeNumber.value) ?? null);
/** Its newest picture. */
export const picture = computed(() => pictures.value.get(takeNumber.value) ?? null);
/**
 * The same for what is read rather than watched: figures and tables. While a film plays it changes a few times a second, so
 * that numbers can be read and frames are free for the map.
 */
export const readablePictures = signal<ReadonlyMap<number, Picture>>(new Map());
/** The readable picture of the take that is looked at. */
export const readablePicture = computed(() => readablePictures.value.get(takeNumber.value) ?? null);
