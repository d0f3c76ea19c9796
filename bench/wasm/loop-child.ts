// The process in which the loop of malloc and free runs on one allocator: loads the module, measures each case and
// prints nanoseconds for a pair as JSON.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { LIVE_COUNTS, type LoopTimes } from "./loop.ts";

interface LoopModule {
  _fill(count: number): void;
  _drain(count: number): void;
  _replace(count: number, pairs: number, writes: number): void;
  _only_loop(count: number, pairs: number): number;
  _same_again(size: number, pairs: number): void;
}

/** Pairs of one measured round, and of one call while V8 is still compiling. */
const ROUND_PAIRS = 500_000;
const WARMUP_PAIRS = 5_000;
const WARMUP_CALLS = 200;
const ROUNDS = 7;

const [script] = process.argv.slice(2) as [string];
const factory = createRequire(import.meta.url)(script) as (options: object) => Promise<LoopModule>;
const loop = await factory({ wasmBinary: readFileSync(script.replace(/js$/, "wasm")) });

/** Nanoseconds for one pair: the median round. */
function measure(run: (pairs: number) => void): number {
  for (let call = 0; call < WARMUP_CALLS; call++) run(WARMUP_PAIRS);
  const roundsNs = Array.from({ length: ROUNDS }, () => {
    const startedMs = performance.now();
    run(ROUND_PAIRS);
    return ((performance.now() - startedMs) * 1e6) / ROUND_PAIRS;
  });
  return roundsNs.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

function replacement(writes: 0 | 1): number[] {
  return LIVE_COUNTS.map((count) => {
    loop._fill(count);
    const ns = measure((pairs) => loop._replace(count, pairs, writes));
    loop._drain(count);
    return ns;
  });
}

const times: LoopTimes = {
  replaced: replacement(0),
  written: replacement(1),
  sameAgain: measure((pairs) => loop._same_again(64, pairs)),
  loopAlone: measure((pairs) => void loop._only_loop(1000, pairs)),
};
console.log(JSON.stringify(times));
