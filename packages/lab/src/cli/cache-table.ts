import type { CacheMoment, CacheReport } from "../replay/report.ts";
import { formatCount, formatCounted, formatKib, formatPercent } from "./format.ts";
import type { Style } from "./style.ts";
import { renderTable, type TextColumn } from "./text-table.ts";

const KERNEL_TITLE = "KERNEL KiB";

const COLUMNS: readonly TextColumn[] = [
  { title: "OBJS", align: "right" },
  { title: "LIVE", align: "right" },
  { title: "USE", align: "right" },
  { title: "OBJ SIZE", align: "right" },
  { title: "SLABS", align: "right" },
  { title: "OUR KiB", align: "right" },
  { title: KERNEL_TITLE, align: "right" },
  { title: "NAME", align: "left" },
];

/** The caches of a heap at the peak of its payload, largest first, as `slabtop` shows the kernel's. */
export function renderCacheTable(
  caches: readonly CacheReport[],
  options: { readonly style: Style; readonly topCaches: number },
): string {
  const held = caches.filter(({ atPeak }) => atPeak.heldBytes > 0);
  const shown = options.topCaches === 0 ? held : held.slice(0, options.topCaches);
  const rest = held.slice(shown.length);
  const rows = shown.map((cache) => cacheRow(cache.atPeak, sizeCell(cache), nameCell(cache)));
  if (rest.length > 0) rows.push(cacheRow(sumOf(rest), "", formatCounted(rest.length, "smaller cache")));
  const sum = sumOf(held);
  const footer = [cacheRow(sum, "", formatCounted(held.length, "cache"))];
  // A program's recording does not tell what was given.
  const isShown = COLUMNS.map(({ title }) => title !== KERNEL_TITLE || sum.kernelBytes > 0);
  const shownOf = <Cell>(cells: readonly Cell[]): Cell[] => cells.filter((_, index) => isShown[index]);
  return renderTable(shownOf(COLUMNS), rows.map(shownOf), {
    style: options.style,
    footer: footer.map(shownOf),
  });
}

function cacheRow(moment: CacheMoment, size: string, name: string): string[] {
  return [
    formatCount(moment.slots),
    formatCount(moment.live),
    formatPercent(moment.live, moment.slots),
    size,
    moment.slabs === 0 ? "-" : formatCount(moment.slabs),
    formatKib(moment.heldBytes),
    formatKib(moment.kernelBytes),
    name,
  ];
}

function sizeCell(cache: CacheReport): string {
  return cache.kind === "large" ? "-" : formatCount(cache.objectSizeBytes);
}

function nameCell(cache: CacheReport): string {
  return cache.kind === "named" ? cache.name : `kmalloc: ${cache.name}`;
}

function sumOf(caches: readonly CacheReport[]): CacheMoment {
  const sum = { live: 0, slots: 0, slabs: 0, heldBytes: 0, requestedBytes: 0, kernelBytes: 0 };
  for (const { atPeak } of caches) {
    sum.live += atPeak.live;
    sum.slots += atPeak.slots;
    sum.slabs += atPeak.slabs;
    sum.heldBytes += atPeak.heldBytes;
    sum.requestedBytes += atPeak.requestedBytes;
    sum.kernelBytes += atPeak.kernelBytes;
  }
  return sum;
}
