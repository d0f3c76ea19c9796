/** Numbers for people, always with their unit. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Steps between the ticks of an axis of bytes. */
export const BYTE_STEPS = Array.from({ length: 45 }, (_, power) => 2 ** power);

/** A number of bytes. */
export function bytes(value: number): string {
  if (Math.abs(value) < 1024) return `${Math.round(value)} B`;
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.abs(value)) / 10));
  const scaled = value / 1024 ** power;
  return `${scaled.toFixed(Math.abs(scaled) < 10 ? 2 : Math.abs(scaled) < 100 ? 1 : 0)} ${UNITS[power]}`;
}

/** A whole number with its thousands parted. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** A share, in per cent; a dash where there is no whole. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;
}

/** A length of time from nanoseconds. */
export function duration(nanoseconds: number): string {
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(1)} µs`;
  if (nanoseconds < 1e9) return `${(nanoseconds / 1e6).toFixed(1)} ms`;
  return `${(nanoseconds / 1e9).toFixed(3)} s`;
}
