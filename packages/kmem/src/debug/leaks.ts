/** What lives on: by the place where it was allocated, and as the end of a scope that lets nothing live on. */
import { AllocError } from "../errors.ts";
import type { Guarded } from "./guarded.ts";
import { callSiteOf, stackOf } from "./tracker.ts";

/** Allocations that live, of one place in the program. */
export interface Leak {
  /** The innermost call that is not kmem's; undefined for those of which it was not recorded. */
  readonly site: string | undefined;
  /** The whole stack of the oldest of them, the innermost call first; empty where it was not recorded. */
  readonly stack: readonly string[];
  /** Allocations. */
  readonly objects: number;
  /** Bytes asked for by them. */
  readonly bytes: number;
  /** Milliseconds since the oldest was made; undefined where that was not recorded. */
  readonly ageMs: number | undefined;
  /** The number of the oldest, which the option `watch` takes. */
  readonly firstNumber: number;
  /** The offset of the oldest. */
  readonly firstOffset: number;
}

/** Groups what lives by call site, the most bytes first. O(n log n) for n allocations. */
export function leaksOf(live: Iterable<Guarded>, nowMs: number): Leak[] {
  const groups = new Map<string | undefined, Guarded[]>();
  for (const guarded of live) {
    const site = guarded.allocated === undefined ? undefined : callSiteOf(guarded.allocated);
    const group = groups.get(site);
    if (group === undefined) groups.set(site, [guarded]);
    else group.push(guarded);
  }
  const leaks = [...groups].map(([site, group]) => leakOf(site, group, nowMs));
  return leaks.sort((a, b) => b.bytes - a.bytes || a.firstNumber - b.firstNumber);
}

function leakOf(site: string | undefined, group: readonly Guarded[], nowMs: number): Leak {
  const oldest = group.reduce((first, guarded) => (guarded.number < first.number ? guarded : first));
  return {
    site,
    stack: oldest.allocated === undefined ? [] : stackOf(oldest.allocated),
    objects: group.length,
    bytes: group.reduce((sum, { byteLength }) => sum + byteLength, 0),
    ageMs: oldest.allocated === undefined ? undefined : nowMs - oldest.allocated.timeMs,
    firstNumber: oldest.number,
    firstOffset: oldest.offset,
  };
}

/** Leaks as text: a line each. */
export function leakText(leaks: readonly Leak[]): string {
  return leaks
    .map(({ site, objects, bytes, ageMs, firstNumber, firstOffset }) => {
      const age = ageMs === undefined ? "" : `, ${ageMs} ms old`;
      const first = `first number ${firstNumber} at offset ${firstOffset}${age}`;
      return `${bytes} bytes in ${objects} allocations (${first}): ${site ?? "where is not recorded"}`;
    })
    .join("\n");
}

/** A stretch of a program at whose end nothing lives that was allocated in it. Made by `DebugHeap.leakScope`. */
export class LeakScope {
  /** For messages. */
  readonly name: string;
  private readonly leaksNow: () => Leak[];

  /** `leaksNow` tells what lives of what was allocated since. */
  constructor(name: string, leaksNow: () => Leak[]) {
    this.name = name;
    this.leaksNow = leaksNow;
  }

  /** What lives now of what was allocated in the scope. */
  leaks(): Leak[] {
    return this.leaksNow();
  }

  /** Ends the scope. Throws `AllocError` `LEAKED` when something allocated in it lives; the message tells what. */
  [Symbol.dispose](): void {
    const leaks = this.leaksNow();
    if (leaks.length === 0) return;
    const objects = leaks.reduce((sum, leak) => sum + leak.objects, 0);
    const text = leakText(leaks).replaceAll("\n", "\n  ");
    throw new AllocError(
      "LEAKED",
      `${objects} allocations outlive scope "${this.name}"\n  ${text}`,
      leaks[0].firstOffset,
    );
  }
}
