import { NameTable } from "./name-table.ts";
import { PointerKeys } from "./pointer-keys.ts";

/** What the numbers in a recording's events stand for. A reader fills it while it reads. */
export class TraceNames {
  /** `cacheIndex` points here. */
  readonly caches = new NameTable();
  /** `callSiteIndex` points here. */
  readonly callSites = new NameTable();
  /** `gfpIndex` points here. */
  readonly gfpFlags = new NameTable();
  /** `taskIndex` points here. */
  readonly tasks = new NameTable();
  /** Pointers by their keys. */
  readonly pointers = new PointerKeys();
}
