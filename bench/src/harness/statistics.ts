/** The few statistics that the benchmarks report. */

/** Middle and ends of a set of figures. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** @returns the median; of an even number of values the mean of the two in the middle. Throws on none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error("no median of nothing");
  return (lower + upper) / 2;
}

/** @returns least, median and greatest of at least one value */
export function spreadOf(values: readonly number[]): Spread {
  return { min: Math.min(...values), median: medianOf(values), max: Math.max(...values) };
}

/** @returns the geometric mean of positive values: the one that suits ratios. Throws on none. */
export function geometricMeanOf(values: readonly number[]): number {
  if (values.length === 0) throw new Error("no mean of nothing");
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
