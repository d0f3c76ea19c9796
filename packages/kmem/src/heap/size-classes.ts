/**
 * The size classes of `malloc`: the slot sizes that small requests are rounded up to.
 *
 * Steps of 16 bytes up to 128, then four to a doubling, so that a request above 64 bytes wastes less than a fifth. One more
 * is for 4 KiB and what a program keeps beside them, as databases do with their pages. (What SQLite holds takes 10 % less
 * with it.) Larger requests become runs of whole pages.
 */

/** Every slot begins on a multiple of this many bytes, and so does every result of `malloc`. */
export const GRANULE = 16;

/** The largest slot, in bytes. */
export const MAX_SLOT_SIZE = 8192;

const LINEAR_LIMIT = 128;
const STEPS_PER_DOUBLING = 4;
/** 4 KiB and a header: seven to a slab of 32 KiB. */
const PAGE_AND_HEADER = 4480;

function slotSizes(): number[] {
  const sizes: number[] = [];
  for (let size = GRANULE; size <= LINEAR_LIMIT; size += GRANULE) sizes.push(size);
  for (let start = LINEAR_LIMIT; start < MAX_SLOT_SIZE; start *= 2) {
    for (let step = 1; step <= STEPS_PER_DOUBLING; step++)
      sizes.push(start + (start / STEPS_PER_DOUBLING) * step);
  }
  return [...sizes, PAGE_AND_HEADER].sort((a, b) => a - b);
}

/** Bytes of a slot of each size class, rising. */
export const SLOT_SIZES: readonly number[] = slotSizes();

/**
 * The class of each number of granules: `CLASS_OF[(byteLength + 15) >>> 4]` is the index in `SLOT_SIZES` of the
 * smallest slot that holds `byteLength`, plus 1, which is the class's cache number in a heap's pool.
 */
export const CLASS_OF: Uint8Array = classTable();

function classTable(): Uint8Array {
  const table = new Uint8Array(MAX_SLOT_SIZE / GRANULE + 1);
  let index = 0;
  for (let granules = 0; granules < table.length; granules++) {
    if (granules * GRANULE > SLOT_SIZES[index]) index++;
    table[granules] = index + 1;
  }
  return table;
}

/** The number of the cache for a request, 0 when it is to be a run of pages. */
export function classFor(byteLength: number, align: number, pageSize: number): number {
  if (byteLength > MAX_SLOT_SIZE || align > pageSize) return 0;
  // Slabs begin on whole pages, so slots are aligned as their size is.
  const smallest = CLASS_OF[(byteLength + (GRANULE - 1)) >>> 4];
  for (let number = smallest; number <= SLOT_SIZES.length; number++) {
    if (SLOT_SIZES[number - 1] % align === 0) return number;
  }
  return 0;
}
