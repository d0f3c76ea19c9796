/** The state of this machine's allocators at one moment. */
import { readFileSync } from "node:fs";
import { parseBuddyinfo } from "../proc/buddyinfo.ts";
import { parseSlabinfo, type SlabinfoCache } from "../proc/slabinfo.ts";
import { parseZoneinfo } from "../proc/zoneinfo.ts";
import { LiveError } from "./live-error.ts";

const AT_PAGESZ = 6n;

/** One zone of memory. */
export interface ZoneSample {
  readonly node: number;
  readonly zone: string;
  /** Pages that the page allocator was given. */
  readonly managedPages: number;
  /** Pages in the lists of single processors: free, but in no free list. */
  readonly perCpuPages: number;
  /** Free blocks of each order; the index is the order. */
  readonly freeBlocks: readonly number[];
}

/** All zones and caches. */
export interface Sample {
  /** Since an arbitrary moment, in milliseconds. */
  readonly timeMilliseconds: number;
  /** Bytes of a page of this machine. */
  readonly pageBytes: number;
  readonly zones: readonly ZoneSample[];
  /** null where this process may not read them. */
  readonly caches: readonly SlabinfoCache[] | null;
}

/** Reads /proc. Throws a LiveError where there is no Linux kernel to look at. */
export function takeSample(): Sample {
  const blocks = parseBuddyinfo(read("buddyinfo"));
  const zones = parseZoneinfo(read("zoneinfo"));
  return {
    timeMilliseconds: performance.now(),
    pageBytes: pageBytesOf(read("self/auxv", "latin1")),
    zones: blocks.map(({ node, zone, freeBlocks }) => {
      const info = zones.find((each) => each.node === node && each.zone === zone);
      const { managedPages = 0, perCpuPages = 0 } = info ?? {};
      return { node, zone, managedPages, perCpuPages, freeBlocks };
    }),
    caches: readCaches(),
  };
}

/** `AT_PAGESZ` of what the kernel tells each program at its start: pairs of 64-bit words, a name and a value. */
function pageBytesOf(auxv: string): number {
  const words = new BigUint64Array(Uint8Array.from(Buffer.from(auxv, "latin1")).buffer);
  const at = words.findIndex((word, index) => index % 2 === 0 && word === AT_PAGESZ);
  if (at < 0) throw new LiveError("cannot tell the size of this machine's pages");
  return Number(words[at + 1]);
}

function read(name: string, encoding: BufferEncoding = "utf8"): string {
  try {
    return readFileSync(`/proc/${name}`, encoding);
  } catch (error) {
    const { message } = error as Error;
    throw new LiveError(
      process.platform === "linux"
        ? `cannot read /proc/${name}: ${message}`
        : `a live view needs a Linux kernel; this is ${process.platform}`,
      { cause: error },
    );
  }
}

/** Only root may read slabinfo. */
function readCaches(): SlabinfoCache[] | null {
  try {
    return parseSlabinfo(readFileSync("/proc/slabinfo", "utf8"));
  } catch {
    return null;
  }
}
