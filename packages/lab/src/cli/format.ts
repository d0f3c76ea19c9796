/** Numbers as people read them. */

const wholeNumber = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const KIB = 1024;
const BINARY_UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** A whole number: `1,234,567`. */
export function formatCount(count: number): string {
  return wholeNumber.format(count);
}

/** `1 event`, `2 events`. */
export function formatCounted(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/** A size in whole KiB, rounded up: `1,234`. */
export function formatKib(bytes: number): string {
  return wholeNumber.format(Math.ceil(bytes / KIB));
}

/** A size in the unit that fits it: `37.8 MiB`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= KIB && unit < BINARY_UNITS.length - 1) {
    value /= KIB;
    unit++;
  }
  return `${unit === 0 ? wholeNumber.format(value) : oneDecimal.format(value)} ${BINARY_UNITS[unit]}`;
}

/** A part of a whole: `93.1 %`; `-` where the whole is nothing. */
export function formatPercent(part: number, whole: number): string {
  return whole > 0 ? `${oneDecimal.format((100 * part) / whole)} %` : "-";
}

/** Seconds, or milliseconds below one second: `1.24 s`, `87 ms`. */
export function formatSeconds(seconds: number): string {
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  const milliseconds = seconds * 1e3;
  return `${milliseconds.toFixed(milliseconds >= 10 ? 0 : 1)} ms`;
}

/** A rate: `4.31 million/s`, or the plain number below a million. */
export function formatRate(perSecond: number): string {
  return perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(2)} million/s` : `${formatCount(perSecond)}/s`;
}

/** Thousandths as the kernel prints its indices: `0.500`, `-1.000`. */
export function formatThousandths(thousandths: number): string {
  return (thousandths / 1000).toFixed(3);
}
