/** What the page and the worker say to each other: plain data, ready for structured clone. */
import type { MapLayout, MapView } from "../draw/map-layout.ts";
import type { Theme } from "../draw/palette.ts";
import type { CacheRow, DrawnBlock, EventRow, MomentFigures, PlaceFacts } from "../film/describe.ts";
import type { Owner } from "../film/film.ts";
import type { TowerPicture } from "../film/tower.ts";

/** What a page's colour stands for. */
export type ColorMode = "owner" | "age" | "order" | "use";

/** What is to be told from the rest in a map. */
export type Selection =
  | { readonly kind: "owner"; readonly owner: number }
  | { readonly kind: "block"; readonly block: number }
  | { readonly kind: "piece"; readonly piece: number }
  | null;

/** What a map is drawn by; lengths in pixels of the screen. */
export interface MapRequest {
  readonly width: number;
  readonly height: number;
  readonly view: MapView;
  readonly mode: ColorMode;
  readonly theme: Theme;
  readonly selection: Selection;
}

/** What the page wants of a moment. */
export interface PictureRequest {
  readonly moment: number;
  readonly map: MapRequest | null;
  readonly wantsTower: boolean;
  readonly wantsTables: boolean;
  /** Events before and after the moment; 0 for none. */
  readonly eventCount: number;
}

/** A map as pixels. */
export interface MapPicture {
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
  readonly layout: MapLayout;
  /** The selected thing's first page, -1 where it is not there. */
  readonly selectedPage: number;
}

/** A moment as the page shows it. */
export interface Picture {
  readonly moment: number;
  readonly pageCount: number;
  readonly figures: MomentFigures;
  readonly map: MapPicture | null;
  /** Null as well where the space is too large for a tower. */
  readonly tower: TowerPicture | null;
  readonly caches: readonly CacheRow[] | null;
  readonly events: readonly EventRow[];
}

/** Samples over time; each array has an entry a sample. */
export interface SeriesData {
  readonly moment: Float64Array;
  readonly liveBytes: Float64Array;
  readonly usedBytes: Float64Array;
  readonly heldBytes: Float64Array;
  readonly sizeBytes: Float64Array;
  readonly unusable: Float64Array;
  readonly freeBlocks: readonly Float64Array[];
}

/** A jump of the pages held from one sample to the next. */
export interface Jump {
  readonly moment: number;
  readonly bytes: number;
}

/** A take: one script through one allocator. */
export interface TakeSummary {
  readonly take: number;
  readonly name: string;
  /** What stands behind it: allocator and settings, in a few words. */
  readonly allocator: string;
  readonly kind: "heap" | "pages";
  readonly pageSize: number;
  readonly maxOrder: number;
  readonly base: number;
  readonly operationCount: number;
  /** Operations shot so far. */
  readonly position: number;
  readonly pageCount: number;
  readonly owners: readonly Owner[];
  /** For each owner: its place among the colours. */
  readonly rankOf: readonly number[];
  readonly series: SeriesData;
  readonly failures: readonly number[];
  readonly jumps: readonly Jump[];
  /** Nanoseconds since the first operation, at each sample; null where no clock tells. */
  readonly sampleNanoseconds: Float64Array | null;
}

/** A file or invented script to be opened. */
export type Source =
  | { readonly kind: "file"; readonly name: string; readonly bytes: ArrayBuffer }
  | { readonly kind: "invented"; readonly name: string };

/** How far opening has come. */
export interface OpenProgress {
  readonly phase: "reading" | "shooting";
  /** 0 to 1, or null where nobody knows. */
  readonly share: number | null;
  readonly text: string;
}

/** Another allocator or setting, for a comparison. */
export interface TakeSettings {
  readonly allocator: "heap" | "malloc" | "buddy";
  readonly pageSize: number;
}

/** What the worker does when asked. */
export interface FilmCalls {
  /** Opens a source and shoots its films; resolves when they are complete. */
  open(source: Source): Promise<void>;
  /** Shoots the objects of the open source once more by other settings; resolves to the take's number. */
  addTake(settings: TakeSettings): Promise<number>;
  picture(take: number, request: PictureRequest): Promise<Picture>;
  place(take: number, moment: number, page: number, within: number): Promise<PlaceFacts>;
  /** All that is drawn at a moment, block by block. */
  drawn(take: number, moment: number): Promise<DrawnBlock[]>;
  /** The moments at which an object, by its number, came and went. */
  blockOfPiece(take: number, piece: number): Promise<number>;
}

/** A call from the page. */
export interface CallMessage {
  readonly call: number;
  readonly method: keyof FilmCalls;
  readonly args: readonly unknown[];
}

/** What the worker says. */
export type WorkerMessage =
  | { readonly type: "result"; readonly call: number; readonly value: unknown }
  | { readonly type: "error"; readonly call: number; readonly message: string }
  | { readonly type: "progress"; readonly progress: OpenProgress }
  | { readonly type: "take"; readonly summary: TakeSummary };
