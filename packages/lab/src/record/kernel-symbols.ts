/** Names for addresses in the kernel's code, from `/proc/kallsyms`: `kmem_cache_alloc+0x1a/0x60`. */
import { readFileSync } from "node:fs";

const LINE = /^([0-9a-f]{16}) \w (\S+)(?:\s+(\[\S+\]))?$/;
/** Addresses as numbers: the lower 48 bits, which is exact and tells all code of one kernel apart. */
const LOWER_DIGITS = 12;

interface Symbol {
  readonly start: number;
  readonly name: string;
}

/** The symbols of a kernel, by address. */
export class KernelSymbols {
  readonly #symbols: readonly Symbol[];

  /** Takes the text of `/proc/kallsyms`. It is all zeros for a reader without the right to see addresses. */
  constructor(kallsyms: string) {
    const symbols = kallsyms.split("\n").flatMap((line) => {
      const match = LINE.exec(line);
      if (match === null) return [];
      const start = parseInt(match[1]!.slice(-LOWER_DIGITS), 16);
      const name = match[3] === undefined ? match[2]! : `${match[2]} ${match[3]}`;
      return start === 0 ? [] : [{ start, name }];
    });
    // The kernel names the first of several symbols of one address; sorting keeps their order.
    this.#symbols = symbols.sort((one, other) => one.start - other.start);
  }

  /** This kernel's. */
  static read(): KernelSymbols {
    try {
      return new KernelSymbols(readFileSync("/proc/kallsyms", "utf8"));
    } catch {
      return new KernelSymbols("");
    }
  }

  /**
   * What the kernel prints for a call site with these lower 48 bits: symbol, offset in it, length of it, module. The
   * address in hexadecimal where no symbol covers it. O(log symbols).
   */
  textOf(lower48: number): string {
    const symbols = this.#symbols;
    let low = 0;
    let high = symbols.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (symbols[middle]!.start <= lower48) low = middle + 1;
      else high = middle;
    }
    if (low === 0 || low === symbols.length) return `0x${lower48.toString(16)}`;
    const end = symbols[low]!.start;
    let first = low - 1;
    while (first > 0 && symbols[first - 1]!.start === symbols[first]!.start) first--;
    const { start, name } = symbols[first]!;
    const [symbol, module] = name.split(" ");
    const place = `${symbol}+0x${(lower48 - start).toString(16)}/0x${(end - start).toString(16)}`;
    return module === undefined ? place : `${place} ${module}`;
  }
}
