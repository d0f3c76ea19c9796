/** The colour of each owner, from its rank. */
import { type Palette, pixelOf } from "./palette.ts";

/** What an owner is, as far as its colour goes. */
export interface RankedOwner {
  readonly kind: "free" | "large" | "named" | "class" | "group";
  /** Place among the caches and groups; -1 for what is free or large. */
  readonly rank: number;
}

/** The colour of an owner, as "#rrggbb". */
export function ownerColor(palette: Palette, { kind, rank }: RankedOwner): string {
  if (kind === "free") return palette.free;
  if (kind === "large") return palette.large;
  return palette.ranked[rank] ?? palette.others;
}

/** The pixel of an owner. */
export function ownerPixel(palette: Palette, owner: RankedOwner): number {
  return pixelOf(ownerColor(palette, owner));
}
