/** The safety table: every misuse that it has a row for, by group. */
import { FREE_ROWS } from "./rows/frees.ts";
import { SIZE_ROWS } from "./rows/sizes.ts";
import { STATE_ROWS } from "./rows/states.ts";
import { WRITE_ROWS } from "./rows/writes.ts";
import type { Row } from "./row.ts";

/** All rows, in the order of the table. */
export const ROWS: readonly Row[] = [...FREE_ROWS, ...WRITE_ROWS, ...SIZE_ROWS, ...STATE_ROWS];
