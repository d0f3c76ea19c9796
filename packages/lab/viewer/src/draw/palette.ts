/**
 * Colours for pixels and for style sheets: one table, two themes.
 *
 * The hues are those of Okabe and Ito (Color Universal Design, 2008), which people with any common colour blindness tell
 * apart; lightness differs too, so that they differ in grey. Age runs along a ramp of rising lightness alone.
 */

/** The two looks. */
export type Theme = "light" | "dark";

/** Colours of one theme, as "#rrggbb". */
export interface Palette {
  /** Behind everything in a map: what is no page. */
  readonly ground: string;
  readonly free: string;
  /** Lines between blocks. */
  readonly line: string;
  /** Around what is selected. */
  readonly mark: string;
  readonly broken: string;
  readonly large: string;
  /** Caches by rank; those beyond share `others`. */
  readonly ranked: readonly string[];
  readonly others: string;
  /** From new to old. */
  readonly ageRamp: readonly string[];
  /** From order 0 to the largest. */
  readonly orderRamp: readonly string[];
}

const RANKED = ["#0072b2", "#e69f00", "#009e73", "#56b4e9", "#cc79a7", "#f0e442"];
const AGE_RAMP = ["#fde725", "#7ad151", "#22a884", "#2a788e", "#414487", "#440154"];
const ORDER_RAMP = ["#ffd9a0", "#f4a85f", "#d9743f", "#a94a4f", "#6f3360", "#35265c"];

/** The colours of each theme. */
export const PALETTES: Readonly<Record<Theme, Palette>> = {
  light: {
    ground: "#e4e7ec",
    free: "#ffffff",
    line: "#c3c9d3",
    mark: "#111318",
    broken: "#17181c",
    large: "#d55e00",
    ranked: RANKED,
    others: "#8b93a1",
    ageRamp: AGE_RAMP,
    orderRamp: ORDER_RAMP,
  },
  dark: {
    ground: "#0d0f13",
    free: "#262b34",
    line: "#0d0f13",
    mark: "#ffffff",
    broken: "#000000",
    large: "#e8743b",
    ranked: ["#3d9be0", "#f0b429", "#27c08f", "#8fd0f5", "#e39ac4", "#f5ee7a"],
    others: "#8b93a1",
    ageRamp: AGE_RAMP,
    orderRamp: ORDER_RAMP,
  },
};

/** A colour as the number that a little-endian pixel is: 0xAABBGGRR. */
export function pixelOf(hex: string): number {
  const value = Number.parseInt(hex.slice(1), 16);
  const red = value >>> 16;
  const green = (value >>> 8) & 0xff;
  const blue = value & 0xff;
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/** The pixel between two: 0 is `from`, 1 is `to`. */
export function mixPixels(from: number, to: number, share: number): number {
  const channel = (shift: number): number => {
    const a = (from >>> shift) & 0xff;
    const b = (to >>> shift) & 0xff;
    return Math.round(a + (b - a) * share) << shift;
  };
  return (0xff000000 | channel(16) | channel(8) | channel(0)) >>> 0;
}

/** A pixel from a ramp: 0 is its first colour, 1 its last. */
export function rampPixel(ramp: readonly string[], at: number): number {
  const place = Math.min(Math.max(at, 0), 1) * (ramp.length - 1);
  const step = Math.min(Math.floor(place), ramp.length - 2);
  return mixPixels(pixelOf(ramp[step]!), pixelOf(ramp[step + 1]!), place - step);
}

/** The same as "#rrggbb". */
export function hexOf(pixel: number): string {
  const red = pixel & 0xff;
  const green = (pixel >>> 8) & 0xff;
  const blue = (pixel >>> 16) & 0xff;
  return `#${((red << 16) | (green << 8) | blue).toString(16).padStart(6, "0")}`;
}
