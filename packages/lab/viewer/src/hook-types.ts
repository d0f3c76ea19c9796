/** What tests and scripts may ask of the page, as `window.kmemViewer`. docs/viewer.md describes it. */
import type { MapLayout } from "./draw/map-layout.ts";
import type { DrawnBlock } from "./film/describe.ts";

/** What the page answers. */
export interface ViewerHook {
  /** The moment of the picture that is on the screen; -1 before there is one. */
  moment(): number;
  /** Operations shot so far. */
  position(): number;
  /** Operations of the whole film. */
  length(): number;
  /** Is something being opened or replayed? */
  isBusy(): boolean;
  /** Is the picture on the screen the one that was wished for last? */
  isSettled(): boolean;
  /** Every block that is drawn now: offset, length, owner and, for a slab, its bitmap. */
  drawn(): Promise<DrawnBlock[]>;
  /** The layout of the map on the screen. */
  layout(): MapLayout | null;
  /** Where the middle of a page is drawn, in pixels of the canvas. */
  placeOfPage(page: number): { x: number; y: number } | null;
  /** The colour of an owner by its name, as "#rrggbb". */
  colorOf(owner: string): string | null;
  /** How long pictures took from wish to screen, in milliseconds, the newest last. */
  pictureTimes(): readonly number[];
}
